import { describe, expect, it } from 'vitest';
import type { CollectionField } from '../../src/schema/knowledge.ts';
import { compileFilter } from '../../src/search/filter.ts';

const FIELDS: CollectionField[] = [
  { name: 'lang', type: 'tag' },
  { name: 'year', type: 'number' },
];
const compile = (filter: unknown) => compileFilter(filter, FIELDS);
const refusal = (filter: unknown): string => {
  try {
    compile(filter);
  } catch (error) {
    expect(error).toMatchObject({ code: 'invalid_filter' });
    return (error as Error).message;
  }
  throw new Error(`${JSON.stringify(filter)} was accepted`);
};

describe('compileFilter', () => {
  it('puts values into parameters only', () => {
    const nasty = `en} | @doc_id:{*} w'${'x'.repeat(2000)}'`;
    const { clause, params } = compile({ lang: nasty, year: { $gte: 2020, $lt: 2024 } });
    expect(clause).toBe('(@meta_lang:{$f0} (@meta_year:[$f1 inf] @meta_year:[-inf ($f2]))');
    expect(params).toEqual(['f0', nasty, 'f1', '2020', 'f2', '2024']);
  });

  it('leaves documents without the field out of $ne and $nin', () => {
    expect(compile({ lang: { $ne: 'en' } }).clause).toBe('(-@meta_lang:{$f0} -ismissing(@meta_lang))');
    expect(compile({ year: { $nin: [1, 2] } }).clause).toBe(
      '(-(@meta_year:[$f0 $f0]|@meta_year:[$f1 $f1]) -ismissing(@meta_year))',
    );
  });

  it('takes a date as ISO text or Date and compares seconds', () => {
    const date = new Date('2025-01-15T00:00:00Z');
    for (const value of [date, '2025-01-15', '2025-01-15T01:00:00+01:00']) {
      expect(compile({ updated: { $gte: value } }).params).toEqual(['f0', String(date.getTime() / 1000)]);
    }
  });

  it('trims what the server trims from a stored tag', () => {
    expect(compile({ lang: ' \t\n\ven\f\r ' }).params).toEqual(['f0', 'en']);
    expect(compile({ lang: '\u00a0en' }).params).toEqual(['f0', '\u00a0en']);
  });

  it('takes numbers and booleans for tags as their text', () => {
    expect(compile({ lang: { $in: [true, 3] } }).params).toEqual(['f0', 'true', 'f1', '3']);
  });

  it('names an unknown field and what is declared', () => {
    const message = refusal({ $and: [{ lang: 'en' }, { colour: 'red' }] });
    expect(message).toContain('filter.$and[1].colour');
    expect(message).toContain('lang (tag), year (number), source (tag)');
  });

  it.each([
    [{ lang: { $regex: 'x' } }, 'filter.lang.$regex'],
    [{ $nor: [{ lang: 'en' }] }, 'filter.$nor'],
    [{ title: 'x' }, 'filter.title'],
    [{ lang: { $gt: 'a' } }, 'is a tag'],
    [{ year: '2024' }, 'filter.year must be a finite number, because "year" is a number, not text'],
    [{ year: { $in: [2024, '2025'] } }, 'filter.year.$in[1]'],
    [{ year: Number.NaN }, 'NaN'],
    [{ year: { $lt: Number.POSITIVE_INFINITY } }, 'Infinity'],
    [{ lang: Number.NaN }, 'NaN'],
    [{ lang: null }, 'not null'],
    [{ lang: undefined }, 'not undefined'],
    [{ lang: [] }, 'a list'],
    [{ lang: { $in: [] } }, 'filter.lang.$in'],
    [{ lang: { $in: 'en' } }, 'filter.lang.$in'],
    [{ lang: {} }, 'filter.lang is empty'],
    [{ lang: { $exists: 'yes' } }, 'true or false'],
    [{ docId: { $exists: true } }, 'every chunk has'],
    [{ lang: 'a\x1fb' }, 'U+001F'],
    [{ lang: 'a\0' }, 'U+0000'],
    [{ lang: '\ud800' }, 'surrogate'],
    [{ lang: 'x'.repeat(4096) }, '4095 bytes'],
    [{ updated: 1_700_000_000 }, 'ISO 8601'],
    [{ updated: '2025-02-30' }, 'ISO 8601'],
    [{ updated: new Date('nonsense') }, 'ISO 8601'],
    [{}, 'filter is empty'],
    [{ $or: [] }, 'filter.$or'],
    [{ $and: [{}] }, 'filter.$and[0] is empty'],
    [null, 'not null'],
    [[], 'not a list'],
    ['lang', 'not text'],
    [new Map([['lang', 'en']]), 'must be an object'],
    [JSON.parse('{"__proto__": {"lang": "en"}}'), 'filter.__proto__'],
    [{ constructor: 'x' }, 'filter.constructor'],
  ])('refuses %j', (filter, part) => {
    expect(refusal(filter)).toContain(part);
  });

  it('refuses nesting that would overflow the parser of the server', () => {
    let deep: unknown = { lang: 'en' };
    for (let level = 0; level < 32; level += 1) deep = { $and: [deep] };
    expect(compile(deep).params).toHaveLength(2);
    expect(refusal({ $or: [deep] })).toContain('deeper than 32');
    for (let level = 0; level < 100_000; level += 1) deep = { $or: [deep] };
    expect(refusal(deep).length).toBeLessThan(1_000);
  });

  it('refuses more than 10,000 values or conditions', () => {
    const many = Array.from({ length: 10_001 }, (_, index) => index);
    expect(compile({ year: { $in: many.slice(1) } }).params).toHaveLength(20_000);
    expect(refusal({ year: { $in: many } })).toContain('10000 values');
    expect(refusal({ $or: many.map(() => ({ lang: { $exists: true } })) })).toContain('10000 conditions');
  });
});
