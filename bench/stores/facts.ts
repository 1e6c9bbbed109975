import { FactIndex } from '../../src/stores/knowledge/fact-index.ts';
import { Facts } from '../../src/stores/knowledge/facts.ts';
import type { Operations } from './operation.ts';

const FACTS = 1_000;
const DIMENSIONS = 384;
const LIVE = 'stacklore:facts:live:v2';
const LIVE_VECTORS = `${LIVE}:${DIMENSIONS}`;
const DISTANCE = '__distance';
const KNN = `*=>[KNN $k @embedding $v AS ${DISTANCE}]`;
const SHOWN = ['content', 'category', 'confidence', 'source', 'created_at', 'verified'];
const MODEL = {
  ...{ name: 'bench/random', weightsSha256: '0'.repeat(64), tokenizerSha256: '1'.repeat(64) },
  ...{ pooling: 'mean' as const, maxTokens: 256, queryPrefix: '', documentPrefix: '' },
};

/** Facts against HSET, HMGET and FT.SEARCH on the same index. Vectors are made beforehand: no model is measured. */
export const factOperations: Operations = async (lore, client) => {
  const { knowledge } = lore.databases;
  const index = new FactIndex(knowledge);
  const facts = new Facts(knowledge, { index });
  const manifest = await index.open({ model: MODEL, dimensions: DIMENSIONS });
  const vectors = Array.from({ length: FACTS }, randomVector);
  const vectorOf = (at: number) => vectors[at % FACTS] as Float32Array;
  for (let n = 0; n < FACTS; n += 1) {
    const fact = { factId: `f${n}`, content: `Fact ${n}.`, category: `c${n % 10}`, source: 'bench.md' };
    await facts.add(fact, { embedded: { embedding: vectorOf(n), manifest } });
  }
  return [
    {
      name: 'facts.add (with its vector and the look for duplicates)',
      ours: (at) =>
        facts.save(
          { factId: `added${at % FACTS}`, content: `Added ${at}.`, category: 'added', source: 'bench.md' },
          { embedded: { embedding: vectorOf(at), manifest } },
        ),
      bare: async (at) => {
        const vector = bytesOf(vectorOf(at));
        const [, exact, near] = await client
          .multi()
          .hSet(`fact:added${at % FACTS}`, {
            ...{ content: `Added ${at}.`, category: 'added', confidence: '0.5', source: 'bench.md' },
            ...{ created_at: new Date().toISOString(), verified: 'false', content_hash: `${at}` },
            ...{ input_hash: `${at}`, embedding: vector },
          })
          .ft.search(LIVE, '@content_hash:{$h}', {
            ...page('created_at', 'ASC', 11),
            ...{ PARAMS: { h: `${at}` }, RETURN: ['content'] },
          })
          .ft.search(LIVE_VECTORS, KNN, {
            ...page(DISTANCE, 'ASC', 11),
            ...{ PARAMS: { k: 11, v: vector }, RETURN: [DISTANCE, 'input_hash', 'content'] },
          })
          .exec();
        return [exact, near];
      },
    },
    {
      name: 'facts.find',
      ours: (at) => facts.find(`f${at % FACTS}`),
      bare: async (at) => {
        const values = await client.hmGet(`fact:f${at % FACTS}`, SHOWN);
        return typed(Object.fromEntries(SHOWN.map((name, place) => [name, values[place]])));
      },
    },
    {
      name: 'facts.verify',
      ours: (at) => facts.verify(`f${at % FACTS}`, at % 2 === 0),
      bare: async (at) => {
        const key = `fact:f${at % FACTS}`;
        const [, values] = await client
          .multi()
          .hSet(key, 'verified', String(at % 2 === 0))
          .hmGet(key, SHOWN)
          .execTyped();
        return typed(Object.fromEntries(SHOWN.map((name, place) => [name, values[place]])));
      },
    },
    {
      name: 'facts.list (20 of a category)',
      ours: (at) => facts.list({ category: `c${at % 10}`, limit: 20 }),
      bare: async (at) => {
        const { total, documents } = await client.ft.search(LIVE, '@category:{$c}', {
          ...page('created_at', 'DESC', 20),
          ...{ PARAMS: { c: `c${at % 10}` }, RETURN: SHOWN },
        });
        return { total, facts: documents.map(({ id, value }) => ({ id, ...typed(value) })) };
      },
    },
    {
      name: 'facts.nearest (10)',
      ours: (at) => facts.nearest(manifest, { vector: vectorOf(at), topK: 10 }),
      bare: async (at) => {
        const { documents } = await client.ft.search(LIVE_VECTORS, KNN, {
          ...page(DISTANCE, 'ASC', 10),
          ...{ PARAMS: { k: 10, v: bytesOf(vectorOf(at)) }, RETURN: [DISTANCE, 'input_hash', ...SHOWN] },
        });
        return documents.map(({ id, value }) => {
          return { id, ...typed(value), distance: Number(value[DISTANCE]) };
        });
      },
    },
  ];
};

function page(by: string, direction: 'ASC' | 'DESC', size: number) {
  return {
    SORTBY: { BY: by, DIRECTION: direction },
    LIMIT: { from: 0, size },
    ...{ TIMEOUT: 10_000, DIALECT: 2 },
  };
}

/** A reply as a program can use it; what a store gives is typed too. */
function typed(fields: Record<string, unknown>) {
  const { created_at: createdAt, confidence, verified, ...rest } = fields;
  return {
    ...rest,
    ...{
      createdAt: new Date(String(createdAt)),
      confidence: Number(confidence),
      verified: verified === 'true',
    },
  };
}

function randomVector(): Float32Array {
  return Float32Array.from({ length: DIMENSIONS }, () => Math.random() - 0.5);
}

function bytesOf(vector: Float32Array): Buffer {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength);
}
