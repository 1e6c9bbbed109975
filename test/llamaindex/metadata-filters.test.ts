import type { MetadataFilter } from '@llamaindex/core/vector-store';
import { expect, test } from 'vitest';
import { StackloreError } from '../../src/errors.ts';
import { toFilter } from '../../src/llamaindex/metadata-filters.ts';

const one = (filter: MetadataFilter) => toFilter({ filters: [filter] });

test('maps each operator to the condition that means the same', () => {
  expect(one({ key: 'lang', operator: '==', value: 'en' })).toEqual({ lang: { $eq: 'en' } });
  expect(one({ key: 'lang', operator: '!=', value: 'en' })).toEqual({ lang: { $ne: 'en' } });
  expect(one({ key: 'year', operator: '>', value: 1 })).toEqual({ year: { $gt: 1 } });
  expect(one({ key: 'year', operator: '>=', value: 1 })).toEqual({ year: { $gte: 1 } });
  expect(one({ key: 'year', operator: '<', value: 1 })).toEqual({ year: { $lt: 1 } });
  expect(one({ key: 'year', operator: '<=', value: 1 })).toEqual({ year: { $lte: 1 } });
  expect(one({ key: 'lang', operator: 'in', value: ['en', 'de'] })).toEqual({ lang: { $in: ['en', 'de'] } });
  expect(one({ key: 'lang', operator: 'nin', value: ['en'] })).toEqual({ lang: { $nin: ['en'] } });
  expect(one({ key: 'tags', operator: 'any', value: ['a', 'b'] })).toEqual({ tags: { $in: ['a', 'b'] } });
  expect(one({ key: 'tags', operator: 'contains', value: 'a' })).toEqual({ tags: { $eq: 'a' } });
  expect(one({ key: 'tags', operator: 'is_empty' })).toEqual({ tags: { $exists: false } });
});

test('asks for every value of "all"', () => {
  expect(one({ key: 'tags', operator: 'all', value: ['a', 'b'] })).toEqual({
    $and: [{ tags: { $eq: 'a' } }, { tags: { $eq: 'b' } }],
  });
});

test('joins several filters as asked, with "and" unless told otherwise', () => {
  const filters: MetadataFilter[] = [
    { key: 'lang', operator: '==', value: 'en' },
    { key: 'year', operator: '>', value: 2020 },
  ];
  const conditions = [{ lang: { $eq: 'en' } }, { year: { $gt: 2020 } }];
  expect(toFilter({ filters })).toEqual({ $and: conditions });
  expect(toFilter({ filters, condition: 'and' })).toEqual({ $and: conditions });
  expect(toFilter({ filters, condition: 'or' })).toEqual({ $or: conditions });
});

test('gives no filter for an empty list', () => {
  expect(toFilter({ filters: [] })).toBeUndefined();
});

test('knows the document id by the names other stores use', () => {
  expect(one({ key: 'ref_doc_id', operator: '==', value: 'd1' })).toEqual({ docId: { $eq: 'd1' } });
  expect(one({ key: 'doc_id', operator: '==', value: 'd1' })).toEqual({ docId: { $eq: 'd1' } });
});

test.each([
  [{ key: 'text', operator: 'text_match', value: 'word' }],
  [{ key: 'lang', operator: '==', value: ['en'] }],
  [{ key: 'lang', operator: 'in', value: 'en' }],
  [{ key: 'lang', operator: 'in', value: [] }],
  [{ key: 'year', operator: '>' }],
] satisfies [MetadataFilter][])('refuses %j as invalid_filter', (filter) => {
  expect(() => one(filter)).toThrowError(StackloreError);
  expect(() => one(filter)).toThrowError(expect.objectContaining({ code: 'invalid_filter' }));
});
