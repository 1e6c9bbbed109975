import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../src/schema/canonical-json.ts';

describe('canonicalJson', () => {
  it.each<[string, unknown, string]>([
    ['orders names at every depth', { b: [{ z: 1, a: 2 }], a: null }, '{"a":null,"b":[{"a":2,"z":1}]}'],
    [
      'orders names by UTF-16 code units',
      { '\u{1F600}': 1, '\uFB33': 2, é: 3, Z: 4 },
      '{"Z":4,"é":3,"\u{1F600}":1,"\uFB33":2}',
    ],
    ['keeps the order of lists', [3, 1, 2], '[3,1,2]'],
    ['leaves out what is undefined', { a: undefined, b: 1 }, '{"b":1}'],
    ['writes numbers as JavaScript does', [1e21, 0.1, -0, 1.0], '[1e+21,0.1,0,1]'],
    ['takes the JSON form of dates', { at: new Date(0) }, '{"at":"1970-01-01T00:00:00.000Z"}'],
    ['keeps a member called __proto__', JSON.parse('{"__proto__":{"a":1}}'), '{"__proto__":{"a":1}}'],
  ])('%s', (_name, value, text) => {
    expect(canonicalJson(value)).toBe(text);
  });

  const endless: { self?: unknown } = {};
  endless.self = endless;

  it.each<[string, unknown]>([
    ['NaN', { a: Number.NaN }],
    ['Infinity', [Number.POSITIVE_INFINITY]],
    ['undefined in a list', [undefined]],
    ['a bigint', 1n],
    ['a function', { a: () => 1 }],
    ['itself', endless],
  ])('refuses %s', (_name, value) => {
    expect(() => canonicalJson(value)).toThrow(expect.objectContaining({ code: 'invalid_input' }));
  });
});
