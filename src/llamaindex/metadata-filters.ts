import type { MetadataFilter, MetadataFilters } from '@llamaindex/core/vector-store';
import { StackloreError } from '../errors.ts';
import type { FieldCondition, Filter } from '../search/filter.ts';

type Value = string | number;

/** LlamaIndex.TS's filters in stacklore's own language, `undefined` when there are none. Throws `invalid_filter`. */
export function toFilter({ filters, condition = 'and' }: MetadataFilters): Filter | undefined {
  const conditions = filters.map(toCondition);
  if (conditions.length <= 1) return conditions[0];
  return condition === 'or' ? { $or: conditions } : { $and: conditions };
}

/** Each operator as a condition on one field; a field that holds a list matches when one of its values does. */
const OPERATORS: Readonly<
  Record<MetadataFilter['operator'], ((filter: MetadataFilter) => readonly FieldCondition[]) | undefined>
> = {
  '==': (filter) => [{ $eq: oneValue(filter) }],
  '!=': (filter) => [{ $ne: oneValue(filter) }],
  '>': (filter) => [{ $gt: oneValue(filter) }],
  '>=': (filter) => [{ $gte: oneValue(filter) }],
  '<': (filter) => [{ $lt: oneValue(filter) }],
  '<=': (filter) => [{ $lte: oneValue(filter) }],
  in: (filter) => [{ $in: manyValues(filter) }],
  nin: (filter) => [{ $nin: manyValues(filter) }],
  any: (filter) => [{ $in: manyValues(filter) }],
  all: (filter) => manyValues(filter).map((value) => ({ $eq: value })),
  contains: (filter) => [{ $eq: oneValue(filter) }],
  is_empty: () => [{ $exists: false }],
  // The text of chunks is not indexed by words, so this cannot be answered.
  text_match: undefined,
};

/** The names that other vector stores of LlamaIndex give to the document's id. */
const DOC_ID_KEYS = ['doc_id', 'document_id', 'ref_doc_id'];

function toCondition(filter: MetadataFilter): Filter {
  const convert = OPERATORS[filter.operator];
  if (!convert)
    throw refuse(filter, `uses the operator "${filter.operator}", which this store does not have`);
  const field = DOC_ID_KEYS.includes(filter.key) ? 'docId' : filter.key;
  const conditions = convert(filter).map((condition): Filter => ({ [field]: condition }));
  return conditions.length === 1 && conditions[0] ? conditions[0] : { $and: conditions };
}

function oneValue(filter: MetadataFilter): Value {
  const { value } = filter;
  if (typeof value === 'string' || typeof value === 'number') return value;
  throw refuse(filter, 'needs one text or number as its value');
}

function manyValues(filter: MetadataFilter): readonly Value[] {
  const { value } = filter;
  if (Array.isArray(value) && value.length > 0) return value;
  throw refuse(filter, 'needs a list of at least one text or number as its value');
}

function refuse({ key }: MetadataFilter, problem: string): StackloreError {
  return new StackloreError('invalid_filter', {
    message: `The filter on "${key}" ${problem}. Use one of ${Object.keys(OPERATORS).join(', ')} except text_match.`,
  });
}
