import type { CollectionField } from '../schema/knowledge.ts';
import { DOCUMENT_ATTRIBUTES, metadataAttribute } from '../stores/knowledge/vector-index.ts';
import { encodeValue, excerpt, invalidFilter, kindOf, type ValueTarget } from './filter-values.ts';

/** What a condition compares with: text (also numbers, booleans) for tags; ISO 8601 text or a `Date` for `updated`. */
export type FilterValue = string | number | boolean | Date;

/** The conditions on one field; all of them must hold. */
export interface FieldCondition {
  readonly $eq?: FilterValue;
  /** A document without the field does not match. */
  readonly $ne?: FilterValue;
  readonly $in?: readonly FilterValue[];
  /** A document without the field does not match. */
  readonly $nin?: readonly FilterValue[];
  readonly $gt?: FilterValue;
  readonly $gte?: FilterValue;
  readonly $lt?: FilterValue;
  readonly $lte?: FilterValue;
  readonly $exists?: boolean;
}

/** Which chunks a search may return: `{ lang: 'en', year: { $gte: 2020 } }`; every entry must hold. */
export interface Filter {
  readonly $and?: readonly Filter[];
  readonly $or?: readonly Filter[];
  readonly [field: string]: FilterValue | FieldCondition | readonly Filter[] | undefined;
}

/** A filter as RediSearch takes it: the clause holds attribute names and parameter names only, never a value. */
export interface CompiledFilter {
  readonly clause: string;
  /** Name, value, name, value, … */
  readonly params: readonly string[];
}

/** The fields every document has, each with its attribute in the index; no declared field takes one of these names. */
export const DOCUMENT_FIELDS = {
  source: 'source',
  contentType: 'content_type',
  docId: 'doc_id',
  updated: 'updated_at',
} as const;

/** How deep `$and` and `$or` may be nested. */
export const MAX_FILTER_DEPTH = 32;

/** How many values, and how many conditions, one filter may hold. */
export const MAX_FILTER_VALUES = 10_000;

/**
 * Compiles a filter for a collection with these declared fields. Tags compare without surrounding white space.
 * Throws `invalid_filter` naming the path of anything unknown, of the wrong type or too large.
 */
export function compileFilter(filter: unknown, fields: readonly CollectionField[]): CompiledFilter {
  const compilation: Compilation = { targets: targetsOf(fields), params: [], conditions: 0 };
  const clause = compileNode(filter, { path: 'filter', depth: 0, compilation });
  return { clause, params: compilation.params };
}

interface Target extends ValueTarget {
  readonly attribute: string;
  /** Whether documents may lack it: without INDEXMISSING the server refuses to be asked for that. */
  readonly mayBeMissing: boolean;
}

interface Compilation {
  readonly targets: ReadonlyMap<string, Target>;
  readonly params: string[];
  conditions: number;
}

interface Position {
  readonly path: string;
  readonly depth: number;
  readonly compilation: Compilation;
}

function targetsOf(fields: readonly CollectionField[]): Map<string, Target> {
  const targets = new Map<string, Target>();
  for (const { name, type } of fields) {
    targets.set(name, { name, attribute: metadataAttribute(name), type, mayBeMissing: true });
  }
  for (const [name, attribute] of Object.entries(DOCUMENT_FIELDS)) {
    const mayBeMissing = DOCUMENT_ATTRIBUTES.some(
      (known) => known.attribute === attribute && known.mayBeMissing,
    );
    targets.set(name, { name, attribute, type: name === 'updated' ? 'date' : 'tag', mayBeMissing });
  }
  return targets;
}

/** The attribute of the index that holds a field, or `undefined` where there is no such field. */
export function attributeOf(field: string, fields: readonly CollectionField[]): string | undefined {
  return targetsOf(fields).get(field)?.attribute;
}

function compileNode(node: unknown, position: Position): string {
  const { path, depth, compilation } = position;
  if (depth > MAX_FILTER_DEPTH) {
    throw invalidFilter(path, `is nested deeper than ${MAX_FILTER_DEPTH} levels`);
  }
  if (!isObject(node)) throw invalidFilter(path, `must be an object of conditions, not ${kindOf(node)}`);
  const entries = Object.entries(node);
  if (entries.length === 0) {
    throw invalidFilter(path, 'is empty: leave it out to search everything, or state a condition');
  }
  const clauses = entries.map(([name, value]) => {
    const inner = `${path}.${excerpt(name)}`;
    if (name === '$and' || name === '$or') return compileGroup(name, value, { ...position, path: inner });
    return compileField(findTarget(name, inner, compilation), value, { ...position, path: inner });
  });
  return all(clauses);
}

function compileGroup(operator: '$and' | '$or', members: unknown, position: Position): string {
  const { path, depth, compilation } = position;
  if (!Array.isArray(members) || members.length === 0) {
    throw invalidFilter(path, 'must be a list of at least one filter');
  }
  const clauses = members.map((member: unknown, index) => {
    return compileNode(member, { path: `${path}[${index}]`, depth: depth + 1, compilation });
  });
  return operator === '$and' ? all(clauses) : any(clauses);
}

function findTarget(name: string, path: string, { targets }: Compilation): Target {
  const target = targets.get(name);
  if (target) return target;
  if (name.startsWith('$')) {
    throw invalidFilter(path, 'is no operator that joins filters: there are $and and $or');
  }
  const declared = [...targets.values()].map((known) => `${known.name} (${known.type})`).join(', ');
  throw invalidFilter(
    path,
    `is not a declared field. Declared are ${declared}; add a field to the collection to filter by it`,
  );
}

function compileField(target: Target, condition: unknown, position: Position): string {
  if (!isObject(condition)) return compileCondition(target, '$eq', condition, position);
  const entries = Object.entries(condition);
  if (entries.length === 0) throw invalidFilter(position.path, 'is empty: state a condition such as $eq');
  const clauses = entries.map(([operator, value]) => {
    return compileCondition(target, operator, value, {
      ...position,
      path: `${position.path}.${excerpt(operator)}`,
    });
  });
  return all(clauses);
}

function compileCondition(target: Target, operator: string, value: unknown, position: Position): string {
  const { path, compilation } = position;
  compilation.conditions += 1;
  if (compilation.conditions > MAX_FILTER_VALUES) {
    throw invalidFilter(path, `is beyond the ${MAX_FILTER_VALUES} conditions one filter may hold`);
  }
  switch (operator) {
    case '$eq':
      return equals(target, [value], position);
    case '$ne':
      return differs(target, [value], position);
    case '$in':
      return equals(target, requireList(value, path), position);
    case '$nin':
      return differs(target, requireList(value, path), position);
    case '$gt':
    case '$gte':
    case '$lt':
    case '$lte':
      return compares(target, operator, value, position);
    case '$exists':
      return exists(target, value, path);
    default:
      throw invalidFilter(path, `is no operator: there are ${OPERATORS}`);
  }
}

const OPERATORS = '$eq, $ne, $in, $nin, $gt, $gte, $lt, $lte and $exists';

function requireList(value: unknown, path: string): readonly unknown[] {
  if (!Array.isArray(value) || value.length === 0) {
    throw invalidFilter(path, 'must be a list of at least one value');
  }
  return value;
}

function equals(target: Target, values: readonly unknown[], position: Position): string {
  const names = values.map((value, index) => {
    const path = values.length === 1 ? position.path : `${position.path}[${index}]`;
    return addValue(target, value, { ...position, path });
  });
  if (target.type === 'tag') return `@${target.attribute}:{${names.map((name) => `$${name}`).join('|')}}`;
  return any(names.map((name) => `@${target.attribute}:[$${name} $${name}]`));
}

function differs(target: Target, values: readonly unknown[], position: Position): string {
  if (!target.mayBeMissing) return `(-${equals(target, values, position)})`;
  // A negation alone would also match documents without the field.
  return `(-${equals(target, values, position)} -ismissing(@${target.attribute}))`;
}

function compares(target: Target, operator: string, value: unknown, position: Position): string {
  if (target.type === 'tag') {
    throw invalidFilter(
      position.path,
      `compares numbers and dates, but "${target.name}" is a tag: use $eq, $ne, $in, $nin or $exists`,
    );
  }
  const bound = `$${addValue(target, value, position)}`;
  const range = { $gt: `(${bound} inf`, $gte: `${bound} inf`, $lt: `-inf (${bound}`, $lte: `-inf ${bound}` };
  return `@${target.attribute}:[${range[operator as keyof typeof range]}]`;
}

function exists(target: Target, value: unknown, path: string): string {
  if (typeof value !== 'boolean') throw invalidFilter(path, `must be true or false, not ${kindOf(value)}`);
  if (!target.mayBeMissing) throw invalidFilter(path, `asks nothing: every chunk has a ${target.name}`);
  return value ? `(-ismissing(@${target.attribute}))` : `ismissing(@${target.attribute})`;
}

/** Adds a checked value to the parameters and gives the parameter's name. */
function addValue(target: Target, value: unknown, { path, compilation }: Position): string {
  const { params } = compilation;
  if (params.length / 2 >= MAX_FILTER_VALUES) {
    throw invalidFilter(path, `is beyond the ${MAX_FILTER_VALUES} values one filter may hold`);
  }
  const name = `f${params.length / 2}`;
  params.push(name, encodeValue(target, value, path));
  return name;
}

function all(clauses: readonly string[]): string {
  return clauses.length === 1 ? (clauses[0] ?? '') : `(${clauses.join(' ')})`;
}

function any(clauses: readonly string[]): string {
  return clauses.length === 1 ? (clauses[0] ?? '') : `(${clauses.join('|')})`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return Object.prototype.toString.call(value) === '[object Object]';
}
