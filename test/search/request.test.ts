import { describe, expect, it } from 'vitest';
import { parseContextRequest, parseSearchRequest } from '../../src/search/request.ts';

const refusal = (input: unknown): { code: string; message: string } => {
  try {
    parseSearchRequest(input);
  } catch (error) {
    return error as { code: string; message: string };
  }
  throw new Error('accepted');
};

describe('parseSearchRequest', () => {
  it('fills in the defaults', () => {
    expect(parseSearchRequest({ query: 'how?' })).toEqual({
      query: 'how?',
      collections: ['default'],
      fusion: 'zscore',
      weight: 0.5,
      topK: 10,
      offset: 0,
      exact: false,
    });
  });

  it('keeps a Float32Array as it is and makes one of a list of numbers', () => {
    const vector = Float32Array.of(1, 2);
    expect(parseSearchRequest({ vector }).vector).toBe(vector);
    expect(parseSearchRequest({ vector: [1, 2] }).vector).toEqual(vector);
  });

  it('names each collection once, in order', () => {
    expect(parseSearchRequest({ query: 'x', collections: ['b', 'a', 'b'] }).collections).toEqual(['b', 'a']);
    expect(parseSearchRequest({ query: 'x', collection: 'docs' }).collections).toEqual(['docs']);
  });

  it('takes its own result again', () => {
    const request = parseSearchRequest({
      query: 'x',
      collection: 'a',
      minScore: 0.5,
      maxPerDocument: 2,
      efRuntime: 9,
    });
    expect(parseSearchRequest(request)).toEqual(request);
  });

  it('replaces half of a surrogate pair, which no model can read', () => {
    expect(parseSearchRequest({ query: 'a\ud800' }).query).toBe('a\ufffd');
  });

  it.each([
    [{}, 'query'],
    [{ vector: [1], mode: 'hybrid' }, 'query'],
    [{ query: 'x', mode: 'keyword' }, 'mode'],
    [{ query: 'x', fusion: 'sum' }, 'fusion'],
    [{ query: 'x', weight: 1.1 }, 'weight'],
    [{ query: 'x', weight: Number.NaN }, 'weight'],
    [{ query: '' }, 'query'],
    [{ query: ' \n\t\u00a0' }, 'query'],
    [{ query: 5 }, 'query'],
    [{ query: null }, 'query'],
    [{ vector: 'abc' }, 'vector'],
    [{ vector: [1, '2'] }, 'vector'],
    [{ vector: new Float64Array(2) }, 'vector'],
    [{ query: 'x', topK: 0 }, 'topK: must be a whole number from 1 to 1000'],
    [{ query: 'x', topK: 1001 }, 'topK'],
    [{ query: 'x', topK: 2.5 }, 'topK'],
    [{ query: 'x', topK: Number.NaN }, 'topK'],
    [{ query: 'x', topK: '5' }, 'topK'],
    [{ query: 'x', offset: -1 }, 'offset'],
    [{ query: 'x', offset: 9_991 }, 'offset'],
    [{ query: 'x', minScore: 1.5 }, 'minScore'],
    [{ query: 'x', minScore: Number.NaN }, 'minScore'],
    [{ query: 'x', maxPerDocument: 0 }, 'maxPerDocument'],
    [{ query: 'x', efRuntime: 0 }, 'efRuntime'],
    [{ query: 'x', collection: '' }, 'collection'],
    [{ query: 'x', collections: [] }, 'collections'],
    [{ query: 'x', collection: 'a', collections: ['b'] }, 'collections'],
    [{ query: 'x', topk: 3 }, 'topk'],
    [null, 'request'],
    ['text', 'request'],
    [[], 'request'],
  ])('refuses %j naming the field', (input, field) => {
    const { code, message } = refusal(input);
    expect(code).toBe('invalid_input');
    expect(message).toContain(field);
  });

  it('refuses an endless query before any model sees it', () => {
    expect(refusal({ query: 'x'.repeat(100_001) })).toMatchObject({ code: 'too_large' });
  });

  it('does not repeat what it was given in messages', () => {
    expect(refusal({ query: 'x', ['k'.repeat(10_000)]: 1 }).message.length).toBeLessThan(400);
  });

  it('leaves null as a filter to be refused, not ignored', () => {
    expect(parseSearchRequest({ query: 'x', filter: null })).toHaveProperty('filter', null);
  });
});

describe('parseContextRequest', () => {
  it('looks at more hits than a search and has a budget', () => {
    expect(parseContextRequest({ query: 'x' })).toMatchObject({ topK: 20, maxTokens: 2_000, trim: true });
  });

  it('refuses a trim that is neither true nor false', () => {
    expect(() => parseContextRequest({ query: 'x', trim: 'both' })).toThrow('trim: must be true or false');
  });

  it('refuses a budget of nothing', () => {
    expect(() => parseContextRequest({ query: 'x', maxTokens: 0 })).toThrow('maxTokens');
  });
});
