import { errorMessage, StackloreError } from '../../errors.ts';
import { failed, type Source, type SourceProblem, skipped } from '../source.ts';
import { normaliseText } from './decode-text.ts';
import type { Block } from './document.ts';
import type { Draft } from './draft.ts';
import { toMetadata } from './metadata.ts';
import { paragraphsOf } from './plain-text.ts';

/** A row of a table, or an object of JSON, seen as columns and values. */
export type Row = readonly (readonly [column: string, value: unknown])[];

/** Where a row stands in its file: on which line, or as which item of an array, from 1. */
export interface RowPlace {
  readonly unit: 'Line' | 'Item';
  readonly number: number;
}

const TEXT_COLUMN = 'text';

/** Whether a column holds text to be searched: `text`, or one of those named by the caller. */
export function isTextColumn(column: string, textColumns: readonly string[] = []): boolean {
  const name = column.toLowerCase();
  return name === TEXT_COLUMN || textColumns.some((wanted) => wanted.toLowerCase() === name);
}

/** The document of a row, or why there is none: a row without text is passed over, an unusable one has failed. */
export function readRow(
  source: Source,
  row: Row,
  place: RowPlace,
  textColumns?: readonly string[],
): Draft | SourceProblem {
  try {
    const { unit, number } = place;
    const draft = toDraft(row, number, textColumns);
    return draft ?? skipped(`${source.source}#${number}`, 'invalid_input', `${unit} ${number} has no text.`);
  } catch (error) {
    return failRow(source, place, `cannot be used: ${errorMessage(error)}.`);
  }
}

/** A row that failed; the others go on. */
export function failRow({ source }: Source, { unit, number }: RowPlace, reason: string): SourceProblem {
  return failed(
    `${source}#${number}`,
    new StackloreError('parse_failed', { message: `${unit} ${number} ${reason}` }),
  );
}

/** Id, title and text come from the columns so named; everything else is metadata. */
function toDraft(row: Row, number: number, textColumns: readonly string[] = []): Draft | undefined {
  const idColumn = columnOf(row, '_id') ?? columnOf(row, 'id');
  const titleColumn = columnOf(row, 'title');
  const texts = row.filter(([column, value]) => isTextColumn(column, textColumns) && isWritten(value));
  const { text, blocks } = joinTexts(texts);
  if (blocks.length === 0) return undefined;
  const docId = idColumn && isWritten(idColumn[1]) ? normaliseText(asText(idColumn[1])) : undefined;
  const isMetadata = ([column]: Row[number]): boolean =>
    !isTextColumn(column, textColumns) && column !== idColumn?.[0] && column !== titleColumn?.[0];
  return {
    ...(docId === undefined ? {} : { docId }),
    row: docId ?? String(number),
    title: titleColumn && isWritten(titleColumn[1]) ? asText(titleColumn[1]) : undefined,
    text,
    blocks,
    metadata: toMetadata(row.filter(isMetadata).flatMap(spread)),
  };
}

/** Throws when a table lacks a text column that the caller named, or has none at all. */
export function checkColumns(columns: readonly string[], textColumns: readonly string[] = []): void {
  const present = new Set(columns.map((column) => column.toLowerCase()));
  const missing = textColumns.filter((wanted) => !present.has(wanted.toLowerCase()));
  const listed = columns.map((column) => JSON.stringify(column)).join(', ');
  if (missing.length > 0) {
    throw new StackloreError('invalid_input', {
      message: `No column is named ${missing.map((name) => JSON.stringify(name)).join(' or ')}. The columns are ${listed}.`,
    });
  }
  if (textColumns.length === 0 && !present.has(TEXT_COLUMN)) {
    throw new StackloreError('parse_failed', {
      message: `No column is named "text". The columns are ${listed}; name those that hold text with --text-columns.`,
    });
  }
}

function columnOf(row: Row, name: string): Row[number] | undefined {
  return row.find(([column]) => column.toLowerCase() === name);
}

/** An object under the key `metadata` is metadata itself, as several corpora write it. */
function spread([column, value]: Row[number]): Row {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return column.toLowerCase() === 'metadata' && isObject ? Object.entries(value) : [[column, value]];
}

/** The text itself where there is one column; several are told apart by their names, except `text`. */
function joinTexts(texts: Row): { text: string; blocks: Block[] } {
  const parts = texts.map(([column, value]) => {
    const text = normaliseText(asText(value)).trim();
    return texts.length === 1 || column.toLowerCase() === TEXT_COLUMN
      ? text
      : `${normaliseText(column)}: ${text}`;
  });
  const text = parts.join('\n\n');
  return { text, blocks: paragraphsOf(text) };
}

function isWritten(value: unknown): boolean {
  return (
    (typeof value === 'string' && value.trim() !== '') ||
    typeof value === 'number' ||
    typeof value === 'boolean'
  );
}

function asText(value: unknown): string {
  return String(value).trim();
}
