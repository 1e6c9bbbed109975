import { beforeAll, describe, expect, it } from 'vitest';
import type { Stacklore } from '../../../src/stacklore.ts';
import type { Collection } from '../../../src/stores/knowledge/collections.ts';
import { openTestLore } from '../../support/lore.ts';
import { usePrivateRedis } from '../../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
beforeAll(() => {
  lore = openTestLore(redis);
});

async function publish(collection: Collection, docIds: readonly string[]): Promise<void> {
  for (const docId of docIds) {
    const document = { docId, title: `Title ${docId}`, source: `/docs/${docId}.md`, contentType: 'text' };
    await lore.documents.replace(
      collection,
      { ...document, wordCount: 1, hash: docId },
      [{ text: docId }],
      [Float32Array.of(1, 2)],
    );
  }
}

/** All pages from a place on, each of so many. */
async function pagesOf(collection: string, options: { limit: number; title?: string }): Promise<string[][]> {
  const pages: string[][] = [];
  let after: string | undefined;
  do {
    const page = await lore.documents.list(collection, { ...options, after });
    pages.push(page.items.map(({ docId }) => docId));
    after = page.next;
  } while (after !== undefined);
  return pages;
}

async function scored(collection: string, scores: Readonly<Record<string, number>>): Promise<void> {
  const members = Object.entries(scores).flatMap(([docId, score]) => [String(score), docId]);
  await lore.databases.knowledge.send(['ZADD', `stacklore:documents:${collection}`, ...members]);
}

describe('pages by place', () => {
  let collection: Collection;
  beforeAll(async () => {
    collection = await lore.createCollection('paged', { dimensions: 2 });
    await publish(collection, ['a', 'b', 'c', 'd:1', 'é', 'z']);
    await scored('paged', { a: 100, b: 100, c: 100, 'd:1': 100, é: 100, z: 90 });
  });

  it('gives each document once, whatever is at the same second', async () => {
    expect(await pagesOf('paged', { limit: 2 })).toEqual([
      ['é', 'd:1'],
      ['c', 'b'],
      ['a', 'z'],
    ]);
    expect(await pagesOf('paged', { limit: 2, title: 'title' })).toEqual([
      ['é', 'd:1'],
      ['c', 'b'],
      ['a', 'z'],
    ]);
  });

  it('goes on where it was when the document at that place is deleted or updated', async () => {
    const { next = '', total } = await lore.documents.list('paged', { limit: 3 });
    expect([next, total]).toEqual(['100:c', 6]);
    await scored('paged', { c: 200 });
    const after = await lore.documents.list('paged', { after: next });
    expect(after.items.map(({ docId }) => docId)).toEqual(['b', 'a', 'z']);
    await scored('paged', { c: 100, b: 200 });
    const without = await lore.documents.list('paged', { after: '100:b' });
    expect(without.items.map(({ docId }) => docId)).toEqual(['a', 'z']);
    await scored('paged', { b: 100 });
  });

  it('keeps to the times that were asked for', async () => {
    const updatedBefore = new Date(100_000);
    const old = await lore.documents.list('paged', { updatedBefore, after: '100:c' });
    expect(old.items.map(({ docId }) => docId)).toEqual(['z']);
    const recent = await lore.documents.list('paged', { updatedAfter: updatedBefore, offset: 4 });
    expect(recent).toMatchObject({ total: 5, items: [{ docId: 'a' }] });
    expect(recent).not.toHaveProperty('next');
  });

  it.each(['', 'c', ':c', 'x:c', '1:', '1e999:c'])('refuses %j as a place', async (after) => {
    await expect(lore.documents.list('paged', { after })).rejects.toMatchObject({ code: 'invalid_input' });
  });
});

describe('conditions on what documents are', () => {
  it('looks at 10,000 documents at a time and says that there may be more', async () => {
    const collection = await lore.createCollection('large', { dimensions: 2 });
    await publish(collection, ['needle-1', 'needle-2']);
    const scores = Object.fromEntries(Array.from({ length: 10_050 }, (_, n) => [`hay${n}`, 1_000]));
    await scored('large', { ...scores, 'needle-1': 2_000, 'needle-2': 10 });
    const first = await lore.documents.list('large', { title: 'NEEDLE' });
    expect(first).toMatchObject({ items: [{ docId: 'needle-1' }], total: 1, isTotalExact: false });
    const second = await lore.documents.list('large', { title: 'NEEDLE', after: first.next });
    expect(second).toMatchObject({ items: [{ docId: 'needle-2' }], total: 1, isTotalExact: true });
    expect(second.next).toBeUndefined();
  });

  it('passes over what is no document', async () => {
    const collection = await lore.createCollection('spoilt', { dimensions: 2 });
    await publish(collection, ['sound']);
    await lore.databases.knowledge.send(['SET', 'doc:broken:metadata', 'text']);
    await scored('spoilt', { broken: 5_000_000_000 });
    expect(await lore.documents.list('spoilt', { source: 'docs' })).toMatchObject({
      items: [{ docId: 'sound' }],
      total: 1,
      isTotalExact: true,
      unreadable: [],
    });
  });
});

it('gives every document, also while those it gave are deleted', async () => {
  const collection = await lore.createCollection('many', { dimensions: 2 });
  const docIds = Array.from({ length: 700 }, (_, n) => `m${n}`);
  await publish(collection, docIds);
  const seen = new Set<string>();
  for await (const { docId } of lore.documents.all('many')) {
    seen.add(docId);
    await lore.documents.delete(docId);
  }
  expect(seen.size).toBe(700);
  expect(await lore.documents.count('many')).toBe(0);
});
