import { errorMessage, StackloreError } from '../../errors.ts';
import type { Source, SourceProblem } from '../source.ts';
import { normaliseText } from './decode-text.ts';
import type { Block } from './document.ts';
import type { Draft } from './draft.ts';
import { isTextColumn, readRow } from './row.ts';

const MAX_DEPTH = 200;

/** A value read from JSON, or why it could not be read. */
export type JsonValue = { readonly value: unknown } | { readonly reason: string };

/** Reads JSON without throwing. */
export function readJson(text: string): JsonValue {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch (error) {
    return { reason: errorMessage(error) };
  }
}

/** The documents of a JSON file: one a row for an array of objects with text, else one of the whole. */
export function* parseJson(
  source: Source,
  value: unknown,
  textColumns: readonly string[] | undefined,
): Generator<Draft | SourceProblem> {
  if (isTooDeep(value)) {
    throw new StackloreError('parse_failed', {
      message: `The JSON is nested deeper than ${MAX_DEPTH} levels. Flatten it, or convert it to text.`,
    });
  }
  if (!isRowArray(value, textColumns)) {
    yield describeValue(value);
    return;
  }
  for (const [index, item] of value.entries()) {
    yield readRow(source, Object.entries(item), { unit: 'Item', number: index + 1 }, textColumns);
  }
}

/** Whether a value is nested so deeply that walking or writing it could exhaust the stack. */
export function isTooDeep(value: unknown): boolean {
  const open: { readonly value: unknown; readonly depth: number }[] = [{ value, depth: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next.value !== 'object' || next.value === null) continue;
    if (next.depth > MAX_DEPTH) return true;
    for (const inner of Object.values(next.value)) open.push({ value: inner, depth: next.depth + 1 });
  }
  return false;
}

/** Whether a value is an array of objects of which the first has text. */
function isRowArray(value: unknown, textColumns: readonly string[] | undefined): value is readonly object[] {
  if (!Array.isArray(value) || value.length === 0) return false;
  const isObject = (item: unknown): item is object =>
    typeof item === 'object' && item !== null && !Array.isArray(item);
  return (
    value.every(isObject) &&
    value.some((item) => Object.keys(item).some((key) => isTextColumn(key, textColumns)))
  );
}

/** One document: the value written out with indentation, a block for each top-level key or item. */
export function describeValue(value: unknown): Draft {
  if (typeof value !== 'object' || value === null) {
    const text = normaliseText(String(value));
    return {
      text,
      blocks: text.trim() === '' ? [] : [{ kind: 'paragraph', start: 0, end: text.length, headings: [] }],
    };
  }
  const isArray = Array.isArray(value);
  const blocks: Block[] = [];
  let text = isArray ? '[' : '{';
  for (const [key, inner] of Object.entries(value)) {
    const written = JSON.stringify(inner, null, 2).replaceAll('\n', '\n  ');
    const piece = normaliseText(isArray ? written : `${JSON.stringify(key)}: ${written}`);
    text += `${blocks.length === 0 ? '' : ','}\n  `;
    const start = text.length;
    text += piece;
    blocks.push({
      kind: 'code',
      start,
      end: text.length,
      headings: isArray ? [] : [normaliseText(key).slice(0, 200)],
    });
  }
  text += isArray ? '\n]' : '\n}';
  const title = isArray ? undefined : (value as Record<string, unknown>).title;
  return { text, blocks, title: typeof title === 'string' ? title : undefined };
}
