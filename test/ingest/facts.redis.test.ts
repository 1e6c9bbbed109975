import { beforeAll, describe, expect, it } from 'vitest';
import type { Database } from '../../src/redis/databases.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { FakeEmbedder } from '../support/fake-embedder.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
let knowledge: Database;

beforeAll(() => {
  lore = openTestLore(redis);
  knowledge = lore.databases.knowledge;
});

const hset = (key: string, fields: Record<string, string | Buffer>) =>
  knowledge.send(['HSET', key, ...Object.entries(fields).flat()]);
/** A fact as another program writes it. */
const foreign = (content: string) => ({
  ...{ content, category: 'harbour', confidence: '0.9', source: 'harbour.md' },
  ...{ created_at: '2025-01-15T10:30:00', verified: 'True' },
});
const nearest = async (query: string) => (await lore.searchFacts({ query, topK: 1 })).hits[0]?.factId;

describe('embedding the facts of other writers', () => {
  it('makes those without a vector found, and does nothing the second time', async () => {
    await hset('fact:f:1', foreign('the pilot boards large vessels'));
    await hset('fact:glob*', foreign('the crane lifts containers'));
    await hset('fact:short', { ...foreign('the warehouse stores grain'), embedding: Buffer.alloc(12) });

    expect(await lore.embedFacts()).toEqual({
      ...{ scanned: 3, embedded: 3, changed: 0, failed: 0, problems: [], interrupted: false },
    });
    expect(await lore.embedFacts()).toMatchObject({ scanned: 3, embedded: 0 });
    expect(await nearest('who boards vessels?')).toBe('f:1');
    expect(await nearest('what lifts containers?')).toBe('glob*');
    expect(await nearest('what stores grain?')).toBe('short');
    expect(await lore.facts.get('glob*')).toMatchObject({ content: 'the crane lifts containers' });
  });

  it('leaves out of a search, and says so, what was changed without its vector, until it is embedded', async () => {
    await hset('fact:f:1', { content: 'the pilot sleeps' });
    const { hits, warnings } = await lore.searchFacts({ query: 'who boards vessels?', topK: 3 });

    expect(hits.map(({ factId }) => factId)).not.toContain('f:1');
    expect(warnings).toEqual([expect.stringMatching(/^1 of the nearest facts.*stacklore facts embed/)]);
    expect(await lore.embedFacts()).toMatchObject({ embedded: 1 });
    expect(await nearest('who sleeps?')).toBe('f:1');
  });

  it('says that it was interrupted, and the next run does the rest', async () => {
    for (let n = 0; n < 40; n += 1) await hset(`fact:many${n}`, foreign(`buoy number ${n}`));
    const stop = new AbortController();
    const report = await lore.embedFacts({ signal: stop.signal, onProgress: () => stop.abort() });

    expect(report.interrupted).toBe(true);
    const rest = await lore.embedFacts();
    expect(rest).toMatchObject({ scanned: 43, interrupted: false });
    expect(report.embedded + rest.embedded).toBe(40);
    for (let n = 0; n < 40; n += 1) await lore.facts.delete(`many${n}`);
  });

  it('tells how far it is, up to all facts', async () => {
    const told: { done: number; total: number }[] = [];
    await lore.embedFacts({ onProgress: (progress) => told.push(progress) });

    expect(told.at(-1)).toEqual({ done: 3, total: 3 });
  });

  it('goes on after a fact that the model cannot read', async () => {
    await hset('fact:long', foreign('word '.repeat(300)));
    await hset('fact:after', foreign('a buoy marks the shoal'));

    expect(await lore.embedFacts()).toMatchObject({
      ...{ embedded: 1, failed: 1 },
      problems: [{ factId: 'long', message: expect.stringContaining('302 tokens') }],
    });
    expect(await nearest('what marks the shoal?')).toBe('after');
  });

  it('leaves alone a fact that says something else by the time it was embedded', async () => {
    const content = 'changed while it is embedded';
    await hset('fact:moving', foreign(content));
    const embedder = new FakeEmbedder({
      onText: async (text) => {
        if (text === content) await hset('fact:moving', { content: 'meanwhile' });
      },
    });
    const other = openTestLore(redis, {}, { embedder });

    expect(await other.embedFacts()).toMatchObject({ embedded: 0, changed: 1 });
    expect(await knowledge.send(['HEXISTS', 'fact:moving', 'embedding'])).toBe(0);
    expect(await other.embedFacts()).toMatchObject({ embedded: 1, changed: 0 });
  });
});

describe('another model', () => {
  const open = (dimensions: number) =>
    openTestLore(
      redis,
      {},
      { embedder: new FakeEmbedder({ dimensions, model: { name: `other/${dimensions}` } }) },
    );

  it.each([64, 32])('of %i dimensions is refused with the remedy', async (dimensions) => {
    const other = open(dimensions);
    const refusal = { code: 'manifest_mismatch', message: expect.stringContaining('embed --switch-model') };

    await expect(other.addFact({ content: 'Refused.' })).rejects.toMatchObject(refusal);
    await expect(other.searchFacts({ query: 'pilot' })).rejects.toMatchObject(refusal);
    await expect(other.embedFacts()).rejects.toMatchObject(refusal);
    expect((await other.facts.list({ category: 'harbour' })).total).toBeGreaterThan(3);
  });

  it('takes all facts over when it is switched to, and the earlier one is refused then', async () => {
    const { total } = await lore.facts.list();
    const other = open(32);

    expect(await other.embedFacts({ switchModel: true })).toMatchObject({ embedded: total - 1, failed: 1 });
    const { hits, warnings } = await other.searchFacts({ query: 'what lifts containers?', topK: 1 });
    expect({ hits, warnings }).toMatchObject({ hits: [{ factId: 'glob*' }], warnings: [] });
    expect((await knowledge.send<string[]>(['FT._LIST'])).filter((name) => name.includes('facts'))).toEqual([
      'stacklore:facts:index:v2:32',
    ]);
    await expect(openTestLore(redis).addFact({ content: 'c' })).rejects.toMatchObject({
      code: 'manifest_mismatch',
    });
  });
});

it('names a manifest that cannot be read', async () => {
  await knowledge.send(['SET', 'stacklore:facts', '{"formatVersion":9}']);
  await expect(openTestLore(redis).addFact({ content: 'c' })).rejects.toMatchObject({
    code: 'record_invalid',
  });
  await knowledge.send(['UNLINK', 'stacklore:facts']);
  await hset('stacklore:facts', { a: 'b' });

  await expect(openTestLore(redis).addFact({ content: 'c' })).rejects.toMatchObject({
    ...{ code: 'record_invalid', key: 'stacklore:facts' },
  });
});
