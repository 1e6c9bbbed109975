import { createReadStream } from 'node:fs';
import { errorMessage, StackloreError } from '../../errors.ts';
import { readLines } from '../../ingest/read-lines.ts';
import { groupOf, type RowGroup } from './foreign-rows.ts';
import { asObject, defined, type ForeignRow, idIn, parseObject } from './layout.ts';
import { throwIfStopped } from './progress.ts';

/** A line that holds no chunk, or stands apart from the others of its document. */
export interface BadLine {
  readonly line: number;
  readonly message: string;
}

interface Reading {
  readonly onBadLine: (bad: BadLine) => void;
  readonly signal?: AbortSignal | undefined;
}

/** A vector of 4,096 numbers written out, with its text. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;

/** The chunks of a file of JSON Lines document by document; those of one must stand together, as an export writes them. */
export async function* jsonlGroups(file: string, { onBadLine, signal }: Reading): AsyncGenerator<RowGroup> {
  const seen = new Set<string>();
  let name: string | undefined;
  let rows: ForeignRow[] = [];
  for await (const { line, row } of readRows(file, onBadLine)) {
    throwIfStopped(signal);
    const next = groupOf(row);
    if (next !== name) {
      if (seen.has(next)) {
        onBadLine({
          line,
          message: `It is of document "${row.docId ?? next}", whose other lines stand further up. Sort the file by docId.`,
        });
        continue;
      }
      if (name !== undefined) yield groupNamed(name, rows);
      seen.add(next);
      name = next;
      rows = [];
    }
    rows.push(row);
  }
  if (name !== undefined) yield groupNamed(name, rows);
}

function groupNamed(name: string, rows: readonly ForeignRow[]): RowGroup {
  return { name: name.slice(name.indexOf(' ') + 1), rows };
}

async function* readRows(
  file: string,
  onBadLine: Reading['onBadLine'],
): AsyncGenerator<{ line: number; row: ForeignRow }> {
  try {
    for await (const line of readLines(createReadStream(file), { maxBytes: MAX_LINE_BYTES })) {
      const row = 'text' in line ? rowOf(line.text, `line ${line.number}`) : undefined;
      if (row) {
        yield { line: line.number, row };
        continue;
      }
      const message = 'problem' in line ? line.problem : 'It is no JSON object with a "text".';
      onBadLine({ line: line.number, message });
    }
  } catch (error) {
    if (error instanceof StackloreError || !(error instanceof Error && 'code' in error)) throw error;
    throw new StackloreError('source_unreadable', {
      message: `"${file}" cannot be read (${errorMessage(error)}). Name a file that can.`,
      cause: error,
    });
  }
}

function rowOf(json: string, key: string): ForeignRow | undefined {
  const line = parseObject(json);
  if (typeof line?.text !== 'string' || line.text.trim() === '') return undefined;
  const { text, title, source, contentType, embedding } = line;
  return {
    ...{ key, text },
    metadata: { ...asObject(line.metadata), ...defined({ title, source, content_type: contentType }) },
    ...defined({
      vector: vectorIn(embedding),
      docId: idIn(line.docId),
      nodeId: idIn(line.nodeId),
      model: idIn(line.model),
    }),
  };
}

/** Base64 of little-endian float32, or the numbers themselves. */
function vectorIn(embedding: unknown): Buffer | undefined {
  if (typeof embedding === 'string') return Buffer.from(embedding, 'base64');
  if (!Array.isArray(embedding)) return undefined;
  // What is no number becomes NaN, which no collection takes.
  return Buffer.from(
    new Float32Array(embedding.map((one) => (typeof one === 'number' ? one : Number.NaN))).buffer,
  );
}
