import type { RedisArgument } from '../../redis/databases.ts';
import { type FactFilter, parseFactFilter } from '../../schema/fact-input.ts';
import { tagParameter, trimTag } from '../../schema/tag.ts';

/** A filter as RediSearch takes it; the clause holds attribute and parameter names only, never a value. */
export interface FactClause {
  /** `*` when every fact is meant. */
  readonly clause: string;
  /** Name, value, name, value … */
  readonly params: readonly RedisArgument[];
}

/** Python writes `True`, and `1` is read as true as well; the attribute folds case. */
const IS_VERIFIED = '@verified:{true|1}';

/** Compiles a filter of facts. Throws `invalid_filter` for anything it does not know. */
export function compileFactFilter(filter: FactFilter): FactClause {
  const { category, source, verified, minConfidence, trustedFrom, ownedBy } = parseFactFilter(filter);
  const clauses: string[] = [];
  const params: RedisArgument[] = [];
  const add = (value: string): string => {
    const name = `f${params.length / 2}`;
    params.push(name, value);
    return `$${name}`;
  };
  const oneOf = (attribute: string, values: string | readonly string[]) => {
    const names = [values].flat().map((value) => add(tagParameter(trimTag(value))));
    clauses.push(`@${attribute}:{${names.join('|')}}`);
  };
  // Confidence beyond 1 is not of this schema and must not pass for certainty.
  const confident = (least: number) => `@confidence:[${add(String(least))} 1]`;
  if (category !== undefined) oneOf('category', category);
  if (source !== undefined) oneOf('source', source);
  if (ownedBy !== undefined) oneOf('user_id', ownedBy);
  if (verified !== undefined) clauses.push(verified ? IS_VERIFIED : '@verified:{false|0}');
  if (minConfidence !== undefined) clauses.push(confident(minConfidence));
  if (trustedFrom !== undefined) clauses.push(`(${IS_VERIFIED}|${confident(trustedFrom)})`);
  return { clause: clauses.length === 0 ? '*' : clauses.join(' '), params };
}
