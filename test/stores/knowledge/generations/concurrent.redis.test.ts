import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, it } from 'vitest';
import type { Stacklore } from '../../../../src/stacklore.ts';
import type { Collection } from '../../../../src/stores/knowledge/collections.ts';
import { allKeys, openTestLore } from '../../../support/lore.ts';
import { usePrivateRedis } from '../../../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
let other: Stacklore;
let docs: Collection;

beforeAll(async () => {
  lore = openTestLore(redis);
  other = openTestLore(redis);
  docs = await lore.createCollection('docs', {
    ...{ dimensions: 4, publish: 'generations', language: 'english' },
  });
});

/** Version n of a document has n % 3 + 2 chunks, all of which say which version they are of. */
const publish = (by: Stacklore, docId: string, version: number) => {
  const chunks = Array.from({ length: (version % 3) + 2 }, () => ({ text: `word version${version}` }));
  const document = { docId, title: docId, source: docId, contentType: 'text', wordCount: 2 };
  return by.documents.replace(
    docs,
    { ...document, hash: `${docId} ${version}` },
    chunks,
    chunks.map((_, at) => Float32Array.of(1, at / 10, 0, 0)),
  );
};

it('shows searches one version of a document, whole, while it is replaced again and again', async () => {
  await publish(lore, 'busy', 0);
  let isDone = false;
  const writer = (async () => {
    for (let version = 1; version <= 25; version += 1) await publish(other, 'busy', version);
    isDone = true;
  })();
  const versions = new Set<string>();
  while (!isDone) {
    for (const mode of ['vector', 'hybrid', 'text'] as const) {
      const { hits } = await lore.search({
        ...{ query: 'word', vector: Float32Array.of(1, 0, 0, 0), collection: 'docs', mode, topK: 20 },
      });
      const texts = new Set(hits.map(({ text }) => text));
      expect([mode, ...texts]).toHaveLength(2);
      const version = Number([...texts][0]?.replace('word version', ''));
      expect(hits).toHaveLength((version % 3) + 2);
      versions.add(String(version));
    }
    await sleep(1);
  }
  await writer;
  expect(versions.size).toBeGreaterThan(3);
  const { hits } = await lore.search({ vector: Float32Array.of(1, 0, 0, 0), collection: 'docs', topK: 20 });
  expect(hits.map(({ text }) => text)).toEqual(['word version25', 'word version25', 'word version25']);
});

it('lets writers of one document take turns and leaves the last one whole', async () => {
  await Promise.all(
    Array.from({ length: 12 }, (_, n) => publish(n % 2 === 0 ? lore : other, 'contested', n)),
  );
  const document = await lore.documents.get('contested');
  const texts: string[] = [];
  for await (const { text } of lore.documents.chunks(document)) texts.push(text);
  expect(new Set(texts).size).toBe(1);
  expect(texts).toHaveLength(document.chunkCount);
  expect(document.hash).toBe(`contested ${texts[0]?.replace('word version', '')}`);
  expect(await allKeys(lore.databases.knowledge, '*contested*')).toHaveLength(document.chunkCount + 1);
  expect(await lore.databases.knowledge.send(['HVALS', 'stacklore:hashes:docs'])).toContain('contested');
});
