import { beforeAll, describe, expect, it } from 'vitest';
import type { Stacklore } from '../../src/stacklore.ts';
import { FakeEmbedder } from '../support/fake-embedder.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
let embedder: FakeEmbedder;

beforeAll(async () => {
  embedder = new FakeEmbedder();
  lore = openTestLore(redis, {}, { embedder });
  const facts = [
    ['loan', 'a loan lasts 21 days', 'library', 0.4, true],
    ['loan-rumour', 'a loan lasts 99 days', 'library', 0.3, false],
    ['loan-likely', 'a loan lasts more when it is renewed', 'library', 0.9, false],
    ['pier', 'the pier closes at dusk', 'harbour', 1, true],
  ] as const;
  for (const [factId, content, category, confidence, verified] of facts) {
    await lore.addFact({ factId, content, category, confidence, verified, source: `${category}.md` });
  }
  await lore.ingestTexts(
    [
      {
        text: '# Loans\n\nHow long a loan lasts is printed on the slip.',
        source: 'loans.md',
        docId: 'loans',
      },
    ],
    { collection: 'docs' },
  );
});

const idsOf = (hits: readonly { factId: string }[]) => hits.map(({ factId }) => factId);

describe('a search of facts', () => {
  it('gives the nearest first, with a score', async () => {
    const { hits, warnings } = await lore.searchFacts({ query: 'how long a loan lasts', topK: 2 });

    expect(warnings).toEqual([]);
    expect(idsOf(hits).sort()).toEqual(['loan', 'loan-rumour']);
    for (const { score, distance } of hits) expect(score).toBe(1 - distance);
    expect(hits[0]?.score).toBeGreaterThanOrEqual(hits[1]?.score ?? 2);
    expect(Object.keys(hits[0] ?? {}).sort()).toEqual([
      ...[
        'category',
        'confidence',
        'content',
        'createdAt',
        'distance',
        'factId',
        'score',
        'source',
        'verified',
      ],
    ]);
  });

  it('obeys its filter exactly, pages and leaves out what is too far away', async () => {
    const query = 'how long a loan lasts';

    expect(idsOf((await lore.searchFacts({ query, verified: true })).hits)).toEqual(['loan', 'pier']);
    expect(idsOf((await lore.searchFacts({ query, trustedFrom: 0.8, category: 'library' })).hits)).toEqual([
      ...['loan', 'loan-likely'],
    ]);
    expect(idsOf((await lore.searchFacts({ query, verified: true, offset: 1 })).hits)).toEqual(['pier']);
    expect((await lore.searchFacts({ query, minScore: 0.99 })).hits).toEqual([]);
  });

  it('takes a vector instead of a text, if it can be compared', async () => {
    const vector = await lore.embedQuery('when closes the pier');

    expect(idsOf((await lore.searchFacts({ vector: [...vector], topK: 1 })).hits)).toEqual(['pier']);
    await expect(lore.searchFacts({ vector: [1, 2] })).rejects.toMatchObject({ code: 'dimension_mismatch' });
    await expect(lore.searchFacts({ vector: new Float32Array(64) })).rejects.toMatchObject({
      code: 'invalid_vector',
    });
  });

  it.each([
    [{}],
    [{ query: ' ' }],
    [{ query: 'a', vector: [1] }],
    [{ query: 'a', topK: 0 }],
    [{ query: 'a', tpK: 3 }],
    [{ query: 'a', userId: '' }],
    [undefined],
    [null],
  ])('refuses %j', async (request) => {
    await expect(lore.searchFacts(request as never)).rejects.toMatchObject({ code: 'invalid_input' });
  });
});

describe('a context with facts', () => {
  const query = 'how long a loan lasts';

  it('begins with verified and confident facts, cited by names of their own', async () => {
    const context = await lore.context({ query, collection: 'docs', facts: true });

    expect(context.text).toMatch(
      /^\[F1\] a loan lasts 21 days \(library\.md, verified\)\n\[F2\] .* \(library\.md, confidence 0\.9\)\n\n\[1\] Loans/,
    );
    expect(context.facts?.citations).toMatchObject([
      { label: 'F1', factId: 'loan', source: 'library.md', category: 'library', verified: true },
      { label: 'F2', factId: 'loan-likely', confidence: 0.9 },
    ]);
    expect(context.citations).toMatchObject([{ number: 1, docId: 'loans' }]);
    expect(context.messages?.[0]?.content).toContain('[F1]');
    expect(context.tokens).toBe(embedder.countTokens(context.text));
  });

  it('embeds the question once', async () => {
    const before = embedder.embedded.length;
    await lore.context({ query, collection: 'docs', facts: true });

    expect(embedder.embedded.length).toBe(before + 1);
  });

  it('has no word of facts unless they are asked for', async () => {
    for (const facts of [undefined, false]) {
      const context = await lore.context({ query, collection: 'docs', ...(facts === false && { facts }) });
      expect(context).not.toHaveProperty('facts');
      expect(context.text).toMatch(/^\[1\]/);
      expect(context.messages?.[0]?.content).not.toContain('[F1]');
    }
  });

  it.each([1, 5, 12, 20, 30, 45, 60, 200])(
    'stays within %i tokens, facts and passages together',
    async (maxTokens) => {
      const { text, tokens, facts } = await lore.context({
        query,
        collection: 'docs',
        facts: true,
        maxTokens,
      });

      expect(embedder.countTokens(text)).toBe(tokens);
      expect(tokens).toBeLessThanOrEqual(maxTokens);
      expect((facts?.citations.length ?? 0) + (facts?.omitted.length ?? 0)).toBe(2);
    },
  );

  it('shows a fact that was stored twice once, and takes other limits', async () => {
    await lore.addFact({
      factId: 'loan-again',
      content: 'a loan lasts 21 days',
      category: 'twice',
      verified: true,
    });
    const { facts } = await lore.context({
      ...{ query, collection: 'docs' },
      facts: { topK: 10, minScore: -1, trustedFrom: 0, category: ['library', 'twice'] },
    });

    expect(facts?.citations).toHaveLength(3);
    expect(facts?.omitted).toEqual([
      { factId: expect.stringMatching(/^loan(-again)?$/), reason: 'duplicate' },
    ]);
  });

  it.each([{ topK: 0 }, { minConfidence: 2 }, { categry: 'x' }, 'yes'])(
    'refuses the facts %j',
    async (facts) => {
      // As a program without types may call it.
      const attempt = lore.context({ query, collection: 'docs', facts: facts as never });
      await expect(attempt).rejects.toMatchObject({ code: 'invalid_input' });
    },
  );
});
