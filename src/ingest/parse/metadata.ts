import { RESERVED_METADATA } from '../../schema/knowledge.ts';
import { normaliseText } from './decode-text.ts';

const RESERVED: ReadonlySet<string> = new Set(RESERVED_METADATA);
const MAX_DEPTH = 64;

/**
 * A document's own metadata as plain JSON values: dates become ISO text, what JSON cannot hold becomes text, and a
 * key that stacklore writes itself gets `document_` before it.
 */
export function toMetadata(entries: Iterable<readonly [string, unknown]>): Record<string, unknown> {
  const metadata = new Map<string, unknown>();
  for (const [key, value] of entries) {
    const plain = toPlainValue(value, 0);
    if (plain === undefined) continue;
    let name = normaliseText(key);
    while (RESERVED.has(name) || metadata.has(name)) name = `document_${name}`;
    metadata.set(name, plain);
  }
  return Object.fromEntries(metadata);
}

function toPlainValue(value: unknown, depth: number): unknown {
  if (depth > MAX_DEPTH) throw new RangeError(`metadata is nested deeper than ${MAX_DEPTH} levels`);
  if (typeof value === 'string') return normaliseText(value);
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? undefined : value.toISOString();
  if (Array.isArray(value)) return value.map((item) => toPlainValue(item, depth + 1) ?? null);
  if (typeof value !== 'object') return undefined;
  const entries = Object.entries(value).map(([key, inner]) => [
    normaliseText(key),
    toPlainValue(inner, depth + 1),
  ]);
  return Object.fromEntries(entries.filter(([, inner]) => inner !== undefined));
}
