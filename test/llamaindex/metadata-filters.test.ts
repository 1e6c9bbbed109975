import type { MetadataFilter, MetadataFilters } from '@llamaindex/core/vector-store';
import { expect, test } from 'vitest';
import { StackloreError } from '../../src/errors.ts';
import { type FilterTarget, toFilter } from '../../src/llamaindex/metadata-filters.ts';

const target: FilterTarget = {
  fields: [
    { name: 'tags', type: 'tag' },
    { name: 'year', type: 'number' },
  ],
  docIdsOf: (docId) => [docId, `here:${docId}`],
};
const one = (filter: MetadataFilter) => toFilter({ filters: [filter] }, target);

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
});

test('takes absent and empty text, and an absent number, for empty', () => {
  expect(one({ key: 'tags', operator: 'is_empty' })).toEqual({
    $or: [{ tags: { $exists: false } }, { tags: { $eq: '' } }],
  });
  expect(one({ key: 'year', operator: 'is_empty' })).toEqual({ year: { $exists: false } });
});

test('takes groups inside groups, as LlamaIndex for Python has them', () => {
  const inner: MetadataFilters = {
    condition: 'or',
    filters: [
      { key: 'lang', operator: '==', value: 'en' },
      { key: 'lang', operator: '==', value: 'de' },
    ],
  };
  const filters = [{ key: 'year', operator: '>', value: 2020 }, inner] as MetadataFilter[];
  expect(toFilter({ filters }, target)).toEqual({
    $and: [{ year: { $gt: 2020 } }, { $or: [{ lang: { $eq: 'en' } }, { lang: { $eq: 'de' } }] }],
  });
});

test('refuses a way to join that it does not know, and a group of nothing', () => {
  const filters: MetadataFilter[] = [{ key: 'lang', operator: '==', value: 'en' }];
  const refused = expect.objectContaining({ code: 'invalid_filter' });
  expect(() => toFilter({ filters, condition: 'not' as 'and' }, target)).toThrowError(refused);
  const nothing = { filters: [] } as unknown as MetadataFilter;
  expect(() => toFilter({ filters: [...filters, nothing], condition: 'or' }, target)).toThrowError(refused);
  expect(() => toFilter({ filters: undefined as unknown as MetadataFilter[] }, target)).toThrowError(refused);
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
  expect(toFilter({ filters }, target)).toEqual({ $and: conditions });
  expect(toFilter({ filters, condition: 'and' }, target)).toEqual({ $and: conditions });
  expect(toFilter({ filters, condition: 'or' }, target)).toEqual({ $or: conditions });
});

test('gives no filter for an empty list', () => {
  expect(toFilter({ filters: [] }, target)).toBeUndefined();
});

test('looks for a document under all ids it may have here, by the names other stores use', () => {
  expect(one({ key: 'ref_doc_id', operator: '==', value: 'd1' })).toEqual({
    docId: { $in: ['d1', 'here:d1'] },
  });
  expect(one({ key: 'doc_id', operator: '!=', value: 'd1' })).toEqual({ docId: { $nin: ['d1', 'here:d1'] } });
  expect(one({ key: 'document_id', operator: 'nin', value: ['d1', 'd2'] })).toEqual({
    docId: { $nin: ['d1', 'here:d1', 'd2', 'here:d2'] },
  });
});

test.each([
  [{ key: 'text', operator: 'text_match', value: 'word' }],
  [{ key: 'lang', operator: '==', value: ['en'] }],
  [{ key: 'lang', operator: 'in', value: 'en' }],
  [{ key: 'lang', operator: 'in', value: [] }],
  [{ key: 'year', operator: '>' }],
  [{ key: 'tags', operator: 'all', value: [] }],
  [{ key: 'doc_id', operator: '>', value: 'd1' }],
  [{ key: 'doc_id', operator: 'is_empty' }],
  [{ key: 'lang', operator: 'toString' as '==', value: 'en' }],
  [{ key: 'lang', operator: undefined as unknown as '==', value: 'en' }],
  [{ key: undefined as unknown as string, operator: '==', value: 'en' }],
] satisfies [MetadataFilter][])('refuses %j as invalid_filter', (filter) => {
  expect(() => one(filter)).toThrowError(StackloreError);
  expect(() => one(filter)).toThrowError(expect.objectContaining({ code: 'invalid_filter' }));
});
