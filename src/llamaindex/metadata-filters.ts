import type { MetadataFilter, MetadataFilters } from '@llamaindex/core/vector-store';
import { StackloreError } from '../errors.ts';
import type { CollectionField } from '../schema/knowledge.ts';
import type { FieldCondition, Filter } from '../search/filter.ts';

type Value = string | number;

/** What filters are translated for. */
export interface FilterTarget {
  /** The fields that the collection declares. */
  readonly fields: readonly CollectionField[];
  /** The ids under which the collection may hold a document that LlamaIndex knows by one. */
  readonly docIdsOf: (refDocId: string) => readonly string[];
}

/**
 * LlamaIndex.TS's filters in stacklore's own language, `undefined` when there are none. Filters may hold further ones, as
 * LlamaIndex for Python has them. Throws `invalid_filter` for what cannot be honoured.
 */
export function toFilter(
  { filters, condition = 'and' }: MetadataFilters,
  target: FilterTarget,
): Filter | undefined {
  if (condition !== 'and' && condition !== 'or') {
    throw refuse(`joins by "${excerpt(condition)}"`, 'Join filters by "and" or "or".');
  }
  if (!Array.isArray(filters)) throw refuse('has no list of filters', 'Give { filters: [ … ] }.');
  const conditions = filters.map((filter) =>
    isGroup(filter) ? toGroup(filter, target) : toCondition(filter, target),
  );
  if (conditions.length <= 1) return conditions[0];
  return condition === 'or' ? { $or: conditions } : { $and: conditions };
}

function isGroup(filter: MetadataFilter | MetadataFilters): filter is MetadataFilters {
  return typeof filter === 'object' && filter !== null && 'filters' in filter;
}

/** A group without filters would hold for every node inside "or", and is a mistake anywhere. */
function toGroup(group: MetadataFilters, target: FilterTarget): Filter {
  const filter = toFilter(group, target);
  if (!filter) throw refuse('holds an empty group', 'Leave it out, or state a filter in it.');
  return filter;
}

/** Each operator as a condition on one field; a field that holds a list matches when one of its values does. */
const OPERATORS = {
  '==': (filter) => ({ $eq: oneValue(filter) }),
  '!=': (filter) => ({ $ne: oneValue(filter) }),
  '>': (filter) => ({ $gt: oneValue(filter) }),
  '>=': (filter) => ({ $gte: oneValue(filter) }),
  '<': (filter) => ({ $lt: oneValue(filter) }),
  '<=': (filter) => ({ $lte: oneValue(filter) }),
  in: (filter) => ({ $in: manyValues(filter) }),
  nin: (filter) => ({ $nin: manyValues(filter) }),
  any: (filter) => ({ $in: manyValues(filter) }),
  contains: (filter) => ({ $eq: oneValue(filter) }),
} satisfies Partial<Record<MetadataFilter['operator'], (filter: MetadataFilter) => FieldCondition>>;

/** The names that other vector stores of LlamaIndex give to the document's id. */
const DOC_ID_KEYS = ['doc_id', 'document_id', 'ref_doc_id'];

function toCondition(filter: MetadataFilter, target: FilterTarget): Filter {
  const { key, operator } = filter;
  if (typeof key !== 'string') throw refuse('has a filter without a key', 'Give { key, operator, value }.');
  if (DOC_ID_KEYS.includes(key)) return onDocument(filter, target);
  if (operator === 'is_empty') return isEmpty(filter, target);
  if (operator === 'all') return { $and: manyValues(filter).map((value) => ({ [key]: { $eq: value } })) };
  return { [key]: conditionOf(filter) };
}

function conditionOf(filter: MetadataFilter): FieldCondition {
  const { operator } = filter;
  if (isKnown(operator)) return OPERATORS[operator](filter);
  const hint =
    operator === 'text_match'
      ? 'Look words up with the query mode "sparse" or "hybrid" instead.'
      : `Use one of ${[...Object.keys(OPERATORS), 'all', 'is_empty'].join(', ')}.`;
  throw refuse(`uses the operator "${excerpt(operator)}" on "${excerpt(filter.key)}"`, hint);
}

function isKnown(operator: string): operator is keyof typeof OPERATORS {
  return Object.hasOwn(OPERATORS, operator);
}

/** A document may be stored under its own id or under one that its collection qualifies. */
function onDocument(filter: MetadataFilter, { docIdsOf }: FilterTarget): Filter {
  const { $eq, $ne, $in, $nin, ...others } = conditionOf(filter);
  if (Object.keys(others).length > 0) {
    throw refuse(`compares "${filter.key}" by size`, 'Use one of ==, !=, in, nin, any, contains.');
  }
  const wanted = $eq === undefined ? $in : [$eq];
  const docIds = (wanted ?? $nin ?? [$ne]).flatMap((docId) => docIdsOf(String(docId)));
  return { docId: wanted ? { $in: docIds } : { $nin: docIds } };
}

/** Absent, or, for what is text, there and empty. */
function isEmpty({ key }: MetadataFilter, { fields }: FilterTarget): Filter {
  const absent: Filter = { [key]: { $exists: false } };
  const isTag = fields.some(({ name, type }) => name === key && type === 'tag');
  return isTag ? { $or: [absent, { [key]: { $eq: '' } }] } : absent;
}

function oneValue({ key, operator, value }: MetadataFilter): Value {
  if (typeof value === 'string' || typeof value === 'number') return value;
  throw refuse(`has no single value for "${excerpt(key)}"`, `Give "${operator}" one text or number.`);
}

function manyValues({ key, operator, value }: MetadataFilter): readonly Value[] {
  if (Array.isArray(value) && value.length > 0) return value;
  throw refuse(
    `has no list for "${excerpt(key)}"`,
    `Give "${operator}" a list of at least one text or number.`,
  );
}

function excerpt(name: unknown): string {
  return String(name).slice(0, 64);
}

function refuse(problem: string, remedy: string): StackloreError {
  return new StackloreError('invalid_filter', { message: `The metadata filter ${problem}. ${remedy}` });
}
