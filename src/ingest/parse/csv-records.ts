/** A record of a CSV file with the line it begins on, or why it cannot be read. */
export type CsvRecord =
  | { readonly line: number; readonly cells: readonly string[] }
  | { readonly line: number; readonly reason: string };

/**
 * The records of CSV as RFC 4180 describes it, without empty lines. A malformed record costs only itself: reading
 * goes on with the line after the one where it went wrong. A quote within an unquoted cell is taken as it stands.
 */
export function* readCsv(text: string, delimiter: string): Generator<CsvRecord> {
  let line = 1;
  for (let at = 0; at < text.length; ) {
    const record = readRecord(text, at, delimiter);
    if ('reason' in record) yield { line, reason: record.reason };
    else if (record.cells.length > 1 || record.cells[0] !== '') yield { line, cells: record.cells };
    for (let from = at; ; line += 1) {
      const found = text.indexOf('\n', from);
      if (found === -1 || found >= record.next) break;
      from = found + 1;
    }
    at = record.next;
  }
}

/** The delimiter of a table: the one that its first line holds most often outside quotes. */
export function sniffDelimiter(text: string): string {
  const end = text.indexOf('\n');
  const header = text.slice(0, end === -1 ? undefined : end).replace(/"[^"]*"/g, '');
  const counts = [',', ';', '\t'].map((delimiter) => [delimiter, header.split(delimiter).length] as const);
  return counts.reduce((best, next) => (next[1] > best[1] ? next : best), [',', 1] as const)[0];
}

type Reading = { readonly next: number } & ({ readonly cells: string[] } | { readonly reason: string });

function readRecord(text: string, start: number, delimiter: string): Reading {
  const cells: string[] = [];
  const lineEnd = lineEndFrom(text, start);
  for (let at = start, end = lineEnd; ; ) {
    if (text[at] === '"') {
      const cell = readQuoted(text, at);
      if (cell === undefined)
        return { next: lineEnd + 1, reason: 'opens a quote that is never closed. Close it.' };
      at = cell.next;
      if (at > end) end = lineEndFrom(text, at);
      if (at < end && text[at] !== delimiter) {
        return {
          next: end + 1,
          reason: 'has characters after a closing quote. Double the quotes within a cell.',
        };
      }
      cells.push(cell.value);
    } else {
      const found = text.indexOf(delimiter, at);
      const cellEnd = found === -1 || found > end ? end : found;
      cells.push(text.slice(at, cellEnd));
      at = cellEnd;
    }
    if (at >= end) return { next: end + 1, cells };
    at += 1; // past the delimiter
  }
}

/** A quoted cell, its doubled quotes made single, and the place after its closing quote. */
function readQuoted(
  text: string,
  start: number,
): { readonly value: string; readonly next: number } | undefined {
  for (let from = start + 1; ; ) {
    const quote = text.indexOf('"', from);
    if (quote === -1) return undefined;
    if (text[quote + 1] !== '"')
      return { value: text.slice(start + 1, quote).replaceAll('""', '"'), next: quote + 1 };
    from = quote + 2;
  }
}

function lineEndFrom(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return end === -1 ? text.length : end;
}
