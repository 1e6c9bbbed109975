import { readFile, stat } from 'node:fs/promises';
import { errorMessage, StackloreError } from '../errors.ts';

/** A question whose answers were judged. */
export interface EvaluationQuery {
  readonly queryId: string;
  readonly text: string;
}

/** How well a document answers a query: 0 not at all, 1 or more that it is relevant. */
export interface Judgement {
  readonly queryId: string;
  /** The id by which the judges know the document: a doc id, the `_id` of its row, or its source. */
  readonly docId: string;
  readonly grade: number;
}

/** The judgements of a file, and how many of its lines a later one revised. */
export interface Judgements {
  readonly judgements: readonly Judgement[];
  readonly revised: number;
  /** 4 if any line has four, else 3: further ones are written alike. */
  readonly columns: 3 | 4;
}

/** A line that cannot be used: why. */
type Problem = { readonly problem: string };

const MAX_BYTES = 256 * 1_048_576;
const MOST_NAMED = 3;

/**
 * The queries of a JSON Lines file, each an object with `_id` and `text`. Throws `source_unreadable`, `too_large`, or
 * `parse_failed` naming the lines that cannot be used: an evaluation over a part would look like one over all.
 */
export async function readQueries(path: string): Promise<EvaluationQuery[]> {
  const queries = readEach(path, await readLinesOf(path), parseQuery);
  const seen = new Set<string>();
  for (const { queryId } of queries) {
    if (seen.has(queryId)) throw unusable(path, `query "${queryId}" stands in it twice. Remove one of them.`);
    seen.add(queryId);
  }
  return queries;
}

/**
 * The judgements of a file of columns (qrels): query id, document id and grade, or with a second column that means
 * nothing, as in TREC; with tabs or spaces between them, with or without a header. Of two judgements of the same pair
 * the later one counts. Throws like `readQueries`.
 */
export async function readJudgements(path: string): Promise<Judgements> {
  const [first, ...rest] = await readLinesOf(path);
  const lines = first && isHeader(first.text) ? rest : first ? [first, ...rest] : [];
  let columns: 3 | 4 = 3;
  const read = readEach(path, lines, (text) => {
    const cells = cellsOf(text);
    if (cells.length === 4) columns = 4;
    return parseJudgement(cells);
  });
  const last = new Map(read.map((judgement) => [`${judgement.queryId}\t${judgement.docId}`, judgement]));
  return { judgements: [...last.values()], revised: read.length - last.size, columns };
}

interface Line {
  readonly number: number;
  readonly text: string;
}

async function readLinesOf(path: string): Promise<Line[]> {
  const content = await readText(path);
  return content.split('\n').flatMap((line, at) => {
    // Ids may hold spaces: only what ends the line goes.
    const text = line.replace(/[\r\t ]+$/, '');
    return text.trim() === '' ? [] : [{ number: at + 1, text }];
  });
}

async function readText(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > MAX_BYTES) {
      throw new StackloreError('too_large', {
        message: `${path} has ${size} bytes, at most ${MAX_BYTES} are read. Split it.`,
      });
    }
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
  } catch (error) {
    if (error instanceof StackloreError) throw error;
    if (error instanceof TypeError) throw unusable(path, 'it is not UTF-8. Save it as UTF-8.');
    throw new StackloreError('source_unreadable', {
      message: `${path} cannot be read (${errorMessage(error)}). Give a file that exists.`,
      cause: error,
    });
  }
}

function readEach<T extends object>(
  path: string,
  lines: readonly Line[],
  parse: (text: string) => T | Problem,
): T[] {
  const good: T[] = [];
  const problems: string[] = [];
  for (const { number, text } of lines) {
    const parsed = parse(text);
    if ('problem' in parsed) problems.push(`line ${number} ${parsed.problem}`);
    else good.push(parsed);
  }
  if (problems.length === 0) return good;
  const more = problems.length > MOST_NAMED ? `; and ${problems.length - MOST_NAMED} more` : '';
  throw unusable(path, `${problems.slice(0, MOST_NAMED).join('; ')}${more}. Correct or remove them.`);
}

function parseQuery(text: string): EvaluationQuery | Problem {
  const value = parseJson(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { problem: 'is no JSON object such as {"_id":"1","text":"…"}' };
  }
  const { _id, text: question } = value as Readonly<Record<string, unknown>>;
  const queryId = typeof _id === 'number' ? String(_id) : _id;
  if (typeof queryId !== 'string' || !isColumn(queryId)) return { problem: 'has no "_id" that is a text' };
  if (typeof question !== 'string' || question.trim() === '') return { problem: 'has no "text"' };
  return { queryId, text: question };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function parseJudgement(cells: readonly string[]): Judgement | Problem {
  const queryId = cells[0] ?? '';
  const docId = cells.at(-2) ?? '';
  const grade = cells.at(-1) ?? '';
  if (cells.length !== 3 && cells.length !== 4) {
    return { problem: `has ${cells.length} columns where query id, document id and grade are expected` };
  }
  if (!isColumn(queryId) || !isColumn(docId)) return { problem: 'has an empty id' };
  if (!/^[+-]?\d{1,4}(\.0+)?$/.test(grade)) return { problem: 'has a grade that is no whole number' };
  return { queryId, docId, grade: Number(grade) };
}

/** Ids with spaces need tabs between the columns. */
function cellsOf(text: string): string[] {
  return (text.includes('\t') ? text.split('\t') : text.split(/ +/)).map((cell) => cell.trim());
}

const HEADER = /^(query|topic|q)([-_ ]?id)?$|^qid$/i;

function isHeader(text: string): boolean {
  const cells = cellsOf(text.replace(/^#\s*/, ''));
  return HEADER.test(cells[0] ?? '') && Number.isNaN(Number(cells.at(-1)));
}

/** Whether an id can stand in a column. */
function isColumn(id: string): boolean {
  return id.trim() !== '' && !/[\t\r\n]/.test(id);
}

function unusable(path: string, problem: string): StackloreError {
  return new StackloreError('parse_failed', { message: `${path} cannot be used: ${problem}` });
}
