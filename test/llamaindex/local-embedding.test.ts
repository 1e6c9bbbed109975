import { Document } from '@llamaindex/core/schema';
import { expect, test } from 'vitest';
import { LocalEmbedding } from '../../src/llamaindex/local-embedding.ts';

const lore = {
  embedQuery: async (text: string) => Float32Array.of(text.length, 1),
  embedTexts: async (texts: readonly string[]) => texts.map((text) => Float32Array.of(text.length, 0)),
};

test('gives document vectors as plain numbers, in order', async () => {
  const embedding = new LocalEmbedding(lore);
  expect(await embedding.getTextEmbedding('abc')).toEqual([3, 0]);
  expect(await embedding.getTextEmbeddings(['a', 'ab'])).toEqual([
    [1, 0],
    [2, 0],
  ]);
});

test('embeds a query as a query, not as a document', async () => {
  expect(await new LocalEmbedding(lore).getQueryEmbedding({ type: 'text', text: 'abcd' })).toEqual([4, 1]);
});

test('has no vector for a query without text', async () => {
  const image = { type: 'image_url' as const, image_url: { url: 'https://example.com/a.png' } };
  expect(await new LocalEmbedding(lore).getQueryEmbedding(image)).toBeNull();
});

test('can be called on nodes, as a step of an ingestion pipeline', async () => {
  const nodes = [new Document({ text: 'four' }), new Document({ text: 'seven..' })];
  await new LocalEmbedding(lore)(nodes);
  expect(nodes.map((node) => node.embedding)).toEqual([
    [4, 0],
    [7, 0],
  ]);
});
