import { FactIndex } from '../../src/stores/knowledge/fact-index.ts';
import { Facts } from '../../src/stores/knowledge/facts.ts';
import type { Operations } from './operation.ts';

const FACTS = 1_000;
const DIMENSIONS = 384;
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
  const search = bareSearch();
  return [
    {
      name: 'facts.add (with its vector and the look for duplicates)',
      ours: (at) =>
        facts.save(
          { factId: `added${at % FACTS}`, content: `Added ${at}.`, category: 'added', source: 'bench.md' },
          { embedded: { embedding: vectorOf(at), manifest } },
        ),
      bare: (at) => {
        const vector = bytesOf(vectorOf(at));
        return client
          .multi()
          .hSet(`fact:added${at % FACTS}`, {
            ...{ content: `Added ${at}.`, category: 'added', confidence: '0.5', source: 'bench.md' },
            ...{ created_at: new Date().toISOString(), verified: 'false', content_hash: `${at}` },
            ...{ input_hash: `${at}`, embedding: vector },
          })
          .addCommand(
            search.command('stacklore:facts:live', '@content_hash:{$h}', ['h', `${at}`], 'created_at', 11),
          )
          .addCommand(search.knn(vector, 11))
          .exec();
      },
    },
    {
      name: 'facts.find',
      ours: (at) => facts.find(`f${at % FACTS}`),
      bare: (at) => client.hmGet(`fact:f${at % FACTS}`, SHOWN),
    },
    {
      name: 'facts.verify',
      ours: (at) => facts.verify(`f${at % FACTS}`, at % 2 === 0),
      bare: (at) => {
        const key = `fact:f${at % FACTS}`;
        return client
          .multi()
          .hSet(key, 'verified', String(at % 2 === 0))
          .hmGet(key, SHOWN)
          .exec();
      },
    },
    {
      name: 'facts.list (20 of a category)',
      ours: (at) => facts.list({ category: `c${at % 10}`, limit: 20 }),
      bare: (at) => {
        const command = search.command(
          ...(['stacklore:facts:live', '@category:{$c}', ['c', `c${at % 10}`], 'created_at', 20] as const),
        );
        return client.sendCommand(command);
      },
    },
    {
      name: 'facts.nearest (10)',
      ours: (at) => facts.nearest(manifest, { vector: vectorOf(at), topK: 10 }),
      bare: (at) => client.sendCommand(search.knn(bytesOf(vectorOf(at)), 10)),
    },
  ];
};

function bareSearch() {
  const command = (
    index: string,
    query: string,
    params: readonly (string | Buffer)[],
    sortBy: string,
    limit: number,
  ): (string | Buffer)[] => [
    ...['FT.SEARCH', index, query, 'PARAMS', String(params.length), ...params, 'SORTBY', sortBy],
    ...['LIMIT', '0', String(limit), 'RETURN', String(SHOWN.length), ...SHOWN, 'DIALECT', '2'],
  ];
  const knn = (vector: Buffer, k: number) =>
    command(
      `stacklore:facts:live:${DIMENSIONS}`,
      '*=>[KNN $k @embedding $v AS __distance]',
      ['k', String(k), 'v', vector],
      '__distance',
      k,
    );
  return { command, knn };
}

function randomVector(): Float32Array {
  return Float32Array.from({ length: DIMENSIONS }, () => Math.random() - 0.5);
}

function bytesOf(vector: Float32Array): Buffer {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength);
}
