import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { textDocument } from '../../ingest/request.ts';
import { type JobTarget, submitTexts, submitUrls } from '../../jobs/submit-job.ts';
import type { Stacklore } from '../../stacklore.ts';
import { checkCollectionName } from '../../stores/knowledge/collections.ts';
import type { IngestJob } from '../../stores/main/ingest-jobs.ts';
import type { Access } from '../access.ts';
import { RequestError } from '../problem.ts';
import { readUpload } from '../read-upload.ts';
import { defineRoute, type Route, type RouteParts } from '../route.ts';
import { jobAnswer } from '../schemas/jobs.ts';
import { givenSettings, settingsOf } from '../settings.ts';
import { answerOf, ownerOf } from './jobs.ts';

const MOST_URLS = 1_000;

const collection = z.string().min(1);
const url = z
  .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
  .max(2_048)
  .transform((text) => new URL(text))
  .refine(({ username, password }) => username === '' && password === '', 'must not hold a user or password');

const body = z
  .strictObject({
    collection: collection.default('default'),
    settings: givenSettings.optional(),
    texts: z.array(textDocument).min(1).optional(),
    urls: z.array(url).min(1).max(MOST_URLS).optional(),
  })
  .refine(({ texts, urls }) => (texts === undefined) !== (urls === undefined), 'give either texts or urls');

const form = z.strictObject({
  collection: collection.default('default'),
  settings: z
    .string()
    .transform((json, context) => {
      try {
        return JSON.parse(json) as unknown;
      } catch {
        context.addIssue('must be JSON');
        return z.NEVER;
      }
    })
    .pipe(givenSettings)
    .optional(),
});

/** What brings documents in. */
export function uploadRoutes({ options }: Pick<RouteParts, 'options'>): Route[] {
  return [
    defineRoute({
      method: 'POST',
      path: '/v1/documents',
      tag: 'Documents',
      summary: 'Ingests files, texts or URLs in the background, and answers with the job that does it.',
      description:
        'Files come as multipart/form-data, in parts named `file`, with the fields `collection` and `settings` (JSON) beside them. The collection is made when it is missing. A document of an earlier upload with the same source is replaced.',
      access: { scope: 'write', family: 'documents' },
      body,
      consumes: ['multipart/form-data'],
      response: jobAnswer,
      status: 202,
      isRecorded: true,
      async handle({ lore, access, body: given, request, reply }) {
        const job = await (request.isMultipart()
          ? submitForm(lore, { access, request, mostBytes: options.uploadLimit })
          : submitJson(lore, access, given));
        reply.header('location', `/v1/jobs/${job.jobId}`);
        return answerOf(job);
      },
    }),
  ];
}

async function submitForm(
  lore: Stacklore,
  { access, request, mostBytes }: { access: Access; request: FastifyRequest; mostBytes: number },
): Promise<IngestJob> {
  const { upload, fields } = await readUpload(lore, request, { mostBytes });
  try {
    return await upload.submit(targetOf(access, parseForm(fields)));
  } catch (error) {
    await upload.discard();
    throw error;
  }
}

function submitJson(
  lore: Stacklore,
  access: Access,
  given: z.output<typeof body> | undefined,
): Promise<IngestJob> {
  // Without a media type there is no body that could have been checked.
  if (!given) throw new RequestError([{ path: '', message: 'send JSON, or files as multipart/form-data' }]);
  const { texts, urls = [], ...rest } = given;
  const target = targetOf(access, rest);
  return texts ? submitTexts(lore, target, texts) : submitUrls(lore, target, urls);
}

function targetOf(access: Access, { collection, settings }: z.output<typeof form>): JobTarget {
  access.requireCollections(collection);
  checkCollectionName(collection);
  return {
    ...{ owner: ownerOf(access), collection, userId: access.userId },
    ...(settings && { settings: settingsOf(settings) }),
    qualifyIds: access.isNarrowed,
  };
}

function parseForm(fields: Readonly<Record<string, string>>): z.output<typeof form> {
  const checked = form.safeParse({ ...fields });
  if (checked.success) return checked.data;
  throw new RequestError(
    checked.error.issues.map(({ path, message }) => ({ path: path.join('.'), message })),
  );
}
