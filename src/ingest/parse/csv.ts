import { StackloreError } from '../../errors.ts';
import type { Source, SourceProblem } from '../source.ts';
import { readCsv, sniffDelimiter } from './csv-records.ts';
import type { Draft } from './draft.ts';
import { checkColumns, failRow, readRow } from './row.ts';

/** The documents of a table, one a row. Throws when its header names no text. */
export function* parseCsv(
  source: Source,
  text: string,
  textColumns: readonly string[] | undefined,
): Generator<Draft | SourceProblem> {
  let columns: readonly string[] | undefined;
  for (const record of readCsv(text, sniffDelimiter(text))) {
    const place = { unit: 'Line', number: record.line } as const;
    if ('reason' in record) {
      if (columns === undefined) throw badHeader(record.reason);
      yield failRow(source, place, record.reason);
    } else if (columns === undefined) {
      columns = nameColumns(record.cells);
      checkColumns(columns, textColumns);
    } else if (record.cells.length === columns.length) {
      const cells = record.cells;
      const row = columns.map((column, index) => [column, cells[index]] as const);
      yield readRow(source, row.filter(([, cell]) => cell?.trim() !== '').map(typeCell), place, textColumns);
    } else {
      yield failRow(
        source,
        place,
        `has ${record.cells.length} cells where the header has ${columns.length}.`,
      );
    }
  }
}

/** Column names as given; an empty one is named by its place, a repeated one gets a number. */
function nameColumns(header: readonly string[]): string[] {
  const names: string[] = [];
  for (const [index, cell] of header.entries()) {
    const name = cell.trim() || `column_${index + 1}`;
    let unique = name;
    for (let copy = 2; names.includes(unique); copy += 1) unique = `${name}_${copy}`;
    names.push(unique);
  }
  return names;
}

/** A number only where writing it again gives the same characters: `007` and `1.50` stay text. */
function typeCell([column, cell = '']: readonly [string, string | undefined]): readonly [string, unknown] {
  const value = cell.trim();
  return [column, /^-?\d/.test(value) && String(Number(value)) === value ? Number(value) : value];
}

function badHeader(reason: string): StackloreError {
  return new StackloreError('parse_failed', { message: `The header row ${reason}` });
}
