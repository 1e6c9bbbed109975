import { describe, expect, it } from 'vitest';
import type { Manifest } from '../../src/schema/knowledge.ts';
import { knnQuery } from '../../src/search/query.ts';

const collectionOf = (kind: 'hnsw' | 'flat') => {
  const manifest: Manifest = {
    ...{ formatVersion: 1, model: null, dimensions: 2, metric: 'COSINE', vectorType: 'float32', fields: [] },
    chunker: { version: 1, size: 128, overlap: 32 },
    index: { kind, m: 16, efConstruction: 200, efRuntime: 64 },
  };
  return { manifest };
};
const vector = Float32Array.of(1, 0);
const bytes = Buffer.from(vector.buffer);

describe('knnQuery', () => {
  it('asks HNSW for as many as the page ends at, and for the page', () => {
    expect(knnQuery({ collection: collectionOf('hnsw'), vector, topK: 5, offset: 20 })).toEqual({
      query: '*=>[KNN $k @embedding $vector EF_RUNTIME $ef AS __distance]',
      params: ['k', '25', 'vector', bytes, 'ef', '64'],
      offset: 20,
      limit: 5,
    });
  });

  it('sends no EF_RUNTIME to a FLAT index, which refuses it', () => {
    const { query, params } = knnQuery({ collection: collectionOf('flat'), vector, topK: 5, efRuntime: 100 });
    expect(query).toBe('*=>[KNN $k @embedding $vector AS __distance]');
    expect(params).toEqual(['k', '5', 'vector', bytes]);
  });

  it('puts the filter before the neighbours and its values after theirs', () => {
    const filter = { clause: '@meta_lang:{$f0}', params: ['f0', 'en'] };
    const { query, params } = knnQuery({
      collection: collectionOf('hnsw'),
      vector,
      topK: 5,
      filter,
      efRuntime: 9,
    });
    expect(query).toBe('(@meta_lang:{$f0})=>[KNN $k @embedding $vector EF_RUNTIME $ef AS __distance]');
    expect(params).toEqual(['k', '5', 'vector', bytes, 'ef', '9', 'f0', 'en']);
  });

  it('sends the bytes of a view on a larger buffer', () => {
    const view = Float32Array.of(9, 9, 1, 0).subarray(2);
    expect(knnQuery({ collection: collectionOf('flat'), vector: view, topK: 1 }).params[3]).toEqual(bytes);
  });

  it.each([
    [Float32Array.of(1, 2, 3), 'dimension_mismatch'],
    [new Float32Array(), 'dimension_mismatch'],
    [Float32Array.of(0, 0), 'invalid_vector'],
    [Float32Array.of(1, Number.NaN), 'invalid_vector'],
    [Float32Array.of(1, Number.NEGATIVE_INFINITY), 'invalid_vector'],
    [Float32Array.from([1e300, 1]), 'invalid_vector'],
  ])('refuses %j as %s', (bad, code) => {
    expect(() => knnQuery({ collection: collectionOf('hnsw'), vector: bad, topK: 1 })).toThrow(
      expect.objectContaining({ code }),
    );
  });
});
