import { z } from 'zod';
import { factChanges, factFilter, newFact } from '../../schema/fact-input.ts';
import { factSearch } from '../../search/fact-request.ts';
import { refuseChosenId } from '../ids.ts';
import { pageQuery } from '../page-query.ts';
import { defineRoute, type Route } from '../route.ts';
import { factAnswer, factList, factSearchAnswer, writtenFact } from '../schemas/facts.ts';

const tag = 'Facts';
const read = { scope: 'read', family: 'facts' } as const;
const write = { scope: 'write', family: 'facts' } as const;
const params = z.strictObject({ factId: z.string() });
const duplicateThreshold = z
  .number()
  .min(0)
  .max(1)
  .optional()
  .describe('From which cosine on another fact is reported as saying the same.');
const yesOrNo = z.enum(['true', 'false']).transform((text) => text === 'true');
const fraction = z.coerce.number().min(0).max(1);
const oneOrMore = z.union([z.string(), z.array(z.string())]);

/** Facts; a key bound to a user sees those of this user, and adds no others. */
export function factRoutes(): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/v1/facts',
      tag,
      summary: 'Facts, newest first.',
      access: read,
      query: z.strictObject({
        ...pageQuery(1_000),
        category: oneOrMore.optional().describe('Of one of these; repeat it for more.'),
        source: oneOrMore.optional().describe('From one of these; repeat it for more.'),
        verified: yesOrNo.optional(),
        minConfidence: fraction.optional(),
        trustedFrom: fraction.optional().describe('Verified, or at least this confident.'),
        ownedBy: z.string().optional().describe('Of this user.'),
      }),
      response: factList,
      handle: ({ lore, access, query }) =>
        lore.facts.list({ ...query, ...ownerOf(access.userOf(query.ownedBy)) }),
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/facts',
      tag,
      summary: 'Adds a fact, and tells which others say the same.',
      description:
        'A key that is bound to a user adds facts of this user, hears of duplicates among these only, and leaves their ids to the server.',
      access: write,
      body: z.strictObject({
        ...newFact.shape,
        createdAt: z.iso
          .datetime({ offset: true })
          .transform((text) => new Date(text))
          .optional(),
        duplicateThreshold,
      }),
      response: writtenFact,
      status: 201,
      async handle({ lore, access, body: { duplicateThreshold: threshold, ...fact }, reply }) {
        refuseChosenId(access, fact.factId, 'factId');
        const userId = access.userOf(fact.userId);
        const options = threshold === undefined ? {} : { duplicateThreshold: threshold };
        const added = await lore.addFact({ ...fact, ...(userId !== undefined && { userId }) }, options);
        reply.header('location', `/v1/facts/${encodeURIComponent(added.factId)}`);
        return added;
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/facts/search',
      tag,
      summary: 'The facts nearest in meaning to a text or a vector, best first.',
      access: read,
      body: factFilter.extend(factSearch.shape),
      response: factSearchAnswer,
      isRecorded: true,
      handle({ lore, access, body }) {
        const userId = access.userOf(body.userId);
        const owner = ownerOf(access.userOf(body.ownedBy));
        return lore.searchFacts({ ...body, ...owner, ...(userId !== undefined && { userId }) });
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/facts/:factId',
      tag,
      summary: 'A fact.',
      access: read,
      params,
      response: factAnswer,
      handle: ({ lore, access, params: { factId } }) => lore.facts.get(factId, { ownedBy: access.userId }),
    }),
    defineRoute({
      method: 'PATCH',
      path: '/v1/facts/:factId',
      tag,
      summary: 'Changes what is given of a fact, its vector with its content.',
      access: write,
      params,
      body: factChanges.extend({ duplicateThreshold }),
      response: writtenFact,
      handle({ lore, access, params: { factId }, body: { duplicateThreshold: threshold, ...changes } }) {
        return lore.updateFact(factId, changes, {
          ownedBy: access.userId,
          ...(threshold !== undefined && { duplicateThreshold: threshold }),
        });
      },
    }),
    defineRoute({
      method: 'DELETE',
      path: '/v1/facts/:factId',
      tag,
      summary: 'Deletes a fact.',
      access: write,
      params,
      handle: ({ lore, access, params: { factId } }) => lore.facts.delete(factId, { ownedBy: access.userId }),
    }),
  ];
}

function ownerOf(userId: string | undefined): { ownedBy?: string } {
  return userId === undefined ? {} : { ownedBy: userId };
}
