import type { Source, SourceProblem } from '../source.ts';
import type { Draft } from './draft.ts';
import { isTooDeep, readJson } from './json.ts';
import { failRow, type RowPlace, readRow } from './row.ts';

/** The documents of JSON Lines, one a line; a line that cannot be read is reported and the others go on. */
export function* parseJsonLines(
  source: Source,
  text: string,
  textColumns: readonly string[] | undefined,
): Generator<Draft | SourceProblem> {
  let number = 0;
  for (let from = 0; from < text.length; ) {
    const found = text.indexOf('\n', from);
    const to = found === -1 ? text.length : found;
    const line = text.slice(from, to).trim();
    from = to + 1;
    number += 1;
    if (line !== '') yield parseLine(source, line, { unit: 'Line', number }, textColumns);
  }
}

function parseLine(
  source: Source,
  line: string,
  place: RowPlace,
  textColumns: readonly string[] | undefined,
): Draft | SourceProblem {
  const read = readJson(line);
  if ('reason' in read)
    return failRow(source, place, `is not valid JSON (${read.reason}). Correct or remove it.`);
  const { value } = read;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return failRow(source, place, 'is not a JSON object. Write one object with a "text" a line.');
  }
  if (isTooDeep(value)) return failRow(source, place, 'is nested too deeply. Flatten it.');
  return readRow(source, Object.entries(value), place, textColumns);
}
