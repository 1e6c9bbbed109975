import { beforeAll, describe, expect, it } from 'vitest';
import { MOST_SENTENCES } from '../../src/search/highlight-hits.ts';
import type { SearchInput } from '../../src/search/request.ts';
import type { SearchHit } from '../../src/search/search.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { FakeEmbedder } from '../support/fake-embedder.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';

const redis = usePrivateRedis();
const embedder = new FakeEmbedder();
let lore: Stacklore;

const SESSIONS = 'Sessions expire after one day. Visits renew them. Admins may list every session.';

beforeAll(async () => {
  lore = openTestLore(redis, {}, { embedder });
  const texts = [
    { text: SESSIONS, source: 'sessions.md' },
    { text: 'A backup is written each night. It is kept for a week.', source: 'backups.md' },
  ];
  await lore.ingestTexts(texts, { collection: 'docs' });
});

const find = async (request: SearchInput) => {
  const answer = await lore.search({ collection: 'docs', highlight: true, ...request });
  return { ...answer, first: answer.hits[0] as SearchHit };
};
const wordsOf = ({ text, highlights }: SearchHit) =>
  highlights?.matchedWords.map(({ start, end }) => text.slice(start, end));
const sentenceOf = ({ text, highlights }: SearchHit) => {
  const span = highlights?.nearestSentence;
  return span && text.slice(span.start, span.end);
};

describe('a search with highlight', () => {
  it.each(['hybrid', 'vector'] as const)(
    'tells matching words and the nearest sentence in mode %s',
    async (mode) => {
      const { first } = await find({ query: 'visits renew them: sessions', mode });
      expect(wordsOf(first)).toEqual(['Sessions', 'Visits', 'renew', 'session']);
      expect(sentenceOf(first)).toBe('Visits renew them.');
    },
  );

  it('tells no sentence of hits that only their words found', async () => {
    const { first } = await find({ query: 'visits', mode: 'text' });
    expect(wordsOf(first)).toEqual(['Visits']);
    expect(first.highlights).not.toHaveProperty('nearestSentence');
  });

  it('compares sentences with a vector that was given, and has no words then', async () => {
    const { first } = await find({ vector: await embedder.embedQuery('admins list every') });
    expect(wordsOf(first)).toEqual([]);
    expect(sentenceOf(first)).toBe('Admins may list every session.');
  });

  it('passes over headings, unless there is nothing else', async () => {
    const text = '# Lost cards\n\nCall the desk about them.\n\n# Lost bags';
    await lore.ingestTexts([{ text, source: 'lost.md' }], { collection: 'lost' });
    const { first } = await find({ query: 'lost cards', collection: 'lost' });
    expect(sentenceOf(first)).toBe('Call the desk about them.');
  });

  it('marks the words of all of several queries, and none of what is only like a document', async () => {
    const { hits } = await find({ queries: ['visits', 'admins'] });
    const sessions = hits.find(({ source }) => source === 'sessions.md') as SearchHit;
    expect(wordsOf(sessions)).toEqual(['Visits', 'Admins']);
    const like = await find({ like: { docId: sessions.docId } });
    expect(like.hits.map((hit) => hit.highlights)).toEqual([{ matchedWords: [] }]);
  });

  it('embeds the query and each sentence once, and nothing more where it is not asked for', async () => {
    embedder.embedded.length = 0;
    await find({ query: 'visits' });
    expect(embedder.embedded.filter((text) => text === 'visits')).toHaveLength(1);
    expect(embedder.embedded).toHaveLength(6);
    embedder.embedded.length = 0;
    const { first } = await find({ query: 'visits', highlight: false });
    expect(embedder.embedded).toEqual(['visits']);
    expect(first).not.toHaveProperty('highlights');
  });

  it('has no sentences in collections of given vectors, whose words it still marks', async () => {
    const collection = await lore.createCollection('given', { dimensions: 64 });
    const { hits } = await lore.search({ query: 'sessions', collection: 'docs', topK: 1 });
    const document = {
      ...{ docId: 'given', title: 'Given', source: 'given.md', contentType: 'text' },
      ...{ wordCount: 2, hash: 'given' },
    };
    const vector = await embedder.embedQuery('anything');
    await lore.documents.replace(collection, document, [{ text: 'Given sessions. Others.' }], [vector]);
    const { first } = await find({ query: 'sessions', vector, collection: 'given', mode: 'vector' });
    expect(hits).toHaveLength(1);
    expect(wordsOf(first)).toEqual(['sessions']);
    expect(first.highlights).not.toHaveProperty('nearestSentence');
  });

  it('compares a bounded number of sentences and says for which hits', async () => {
    const text = Array.from({ length: MOST_SENTENCES + 50 }, (_, n) => `Lake number ${n} is deep.`).join(' ');
    await lore.ingestTexts([{ text, source: 'lakes.md' }], { collection: 'lakes' });
    embedder.embedded.length = 0;
    const { hits, warnings } = await find({ query: 'deep lakes', collection: 'lakes', topK: 50 });
    expect(embedder.embedded.length).toBeLessThanOrEqual(MOST_SENTENCES + 1);
    expect(hits.filter((hit) => sentenceOf(hit) === undefined).length).toBeGreaterThan(0);
    expect(sentenceOf(hits[0] as SearchHit)).toMatch(/^Lake number/);
    expect(warnings).toEqual([expect.stringContaining('nearest sentence')]);
  });

  it('refuses anything but true and false', async () => {
    await expect(find({ query: 'x', highlight: 'yes' as never })).rejects.toMatchObject({
      code: 'invalid_input',
    });
    await expect(lore.context({ query: 'x', highlight: true } as never)).rejects.toMatchObject({
      code: 'invalid_input',
    });
  });
});
