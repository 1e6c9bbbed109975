import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Embedder } from '../embed/embedder.ts';
import { errorMessage, StackloreError } from '../errors.ts';
import type { FactsManifest } from '../schema/knowledge.ts';
import { type AddedFact, type FactDuplicate, isSameFact, type StoredFact } from '../stores/knowledge/fact.ts';
import { type FactDefaults, parseFactLine } from './fact-line.ts';
import {
  BATCH_SIZE,
  type DuplicateOptions,
  embedEach,
  type FactParts,
  MAX_REPORTED,
  openModel,
  rethrowUnlessContent,
} from './facts.ts';
import { readLines } from './read-lines.ts';

/** How a file of facts is imported. */
export interface ImportFactsOptions extends DuplicateOptions {
  /** What a fact has unless its line says otherwise; its source is the file. */
  readonly defaults?: FactDefaults;
  /** Told after each batch. */
  readonly onProgress?: (progress: ImportFactsProgress) => void;
  /** Ends the import after the batch under way. */
  readonly signal?: AbortSignal;
}

/** How far an import is. */
export interface ImportFactsProgress {
  readonly lines: number;
  /** Bytes read, up to a few batches ahead. */
  readonly bytes: number;
  /** The size of the file; absent for what comes piece by piece. */
  readonly totalBytes?: number;
}

/** A line that was not imported. */
export interface LineProblem {
  readonly line: number;
  readonly message: string;
}

/** A fact that others say too; it was imported all the same. */
export interface LineDuplicates {
  readonly line: number;
  readonly factId: string;
  readonly duplicates: readonly FactDuplicate[];
}

/** What became of the lines. At most 1,000 problems and duplicates are named; the numbers count all. */
export interface FactImportReport {
  readonly lines: number;
  readonly added: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly failed: number;
  readonly duplicated: number;
  readonly problems: LineProblem[];
  readonly duplicates: LineDuplicates[];
  /** True when the signal ended it before all lines were read. */
  readonly interrupted: boolean;
}

/**
 * Imports facts from JSON Lines: a path, or the bytes of a file piece by piece. One bad line never stops the rest. A
 * line with an id creates or replaces that fact, so that the same file can be imported again; lines without one are
 * new facts each time. Throws `source_unreadable`, or what makes going on pointless, e.g. `database_unreachable`.
 */
export async function importFacts(
  parts: FactParts,
  source: string | AsyncIterable<Uint8Array | string>,
  { defaults = {}, onProgress, signal, ...options }: ImportFactsOptions = {},
): Promise<FactImportReport> {
  const { embedder, manifest } = await openModel(parts);
  const report = emptyReport();
  const work: Import = { parts, embedder, manifest, options, report };
  const named = typeof source === 'string' ? { source, ...defaults } : defaults;
  let batch: FactLine[] = [];
  const ids = new Set<string>();
  const reading = { bytes: 0 };
  const totalBytes = onProgress && typeof source === 'string' ? await sizeOf(source) : undefined;
  const flush = async () => {
    await importBatch(batch, work);
    batch = [];
    ids.clear();
    onProgress?.({ lines: report.lines, ...reading, ...(totalBytes !== undefined && { totalBytes }) });
  };
  for await (const line of readLines(counted(openSource(source), reading))) {
    report.interrupted = signal?.aborted ?? false;
    if (report.interrupted) break;
    report.lines += 1;
    try {
      if ('problem' in line) throw new StackloreError('invalid_input', { message: line.problem });
      const fact = parseFactLine(line.text, named);
      // A later line of the same id must find what the earlier one stored.
      if (batch.length === BATCH_SIZE || (fact.factId !== undefined && ids.has(fact.factId))) await flush();
      if (fact.factId !== undefined) ids.add(fact.factId);
      batch.push({ number: line.number, fact });
    } catch (error) {
      addProblem(report, line.number, rethrowUnlessContent(error));
    }
  }
  await flush();
  return report;
}

interface FactLine {
  readonly number: number;
  readonly fact: ReturnType<typeof parseFactLine>;
}

type Tally = { -readonly [Name in keyof FactImportReport]: FactImportReport[Name] };

interface Import {
  readonly parts: FactParts;
  readonly embedder: Embedder;
  readonly manifest: FactsManifest;
  readonly options: DuplicateOptions;
  readonly report: Tally;
}

type Outcome =
  | { readonly kind: 'added' | 'updated'; readonly fact: AddedFact }
  | 'unchanged'
  | StackloreError;

async function importBatch(batch: readonly FactLine[], work: Import): Promise<void> {
  const { embedder, report } = work;
  const states = await Promise.all(batch.map(({ fact }) => findState(fact.factId, work)));
  const changed = batch.flatMap((line, at) => {
    const state = states[at] ?? ABSENT;
    return isUnchanged(line.fact, state) ? [] : [{ line, state }];
  });
  report.unchanged += batch.length - changed.length;
  const contents = changed.map(({ line }) => line.fact.content);
  const vectors = contents.length === 0 ? [] : await embedEach(embedder, contents);
  const outcomes = await Promise.all(
    changed.map(({ line, state }, at) => write(line.fact, { state, embedding: vectors[at], work })),
  );
  for (const [at, outcome] of outcomes.entries()) {
    tally(report, changed[at]?.line.number ?? 0, outcome);
  }
}

interface State {
  readonly exists: boolean;
  readonly isEmbedded: boolean;
  readonly fact?: StoredFact;
}

const ABSENT: State = { exists: false, isEmbedded: false };

async function findState(factId: string | undefined, { parts, manifest }: Import): Promise<State> {
  if (factId === undefined) return ABSENT;
  try {
    const state = await parts.facts.findState(factId, manifest);
    return { ...state, exists: state.fact !== undefined };
  } catch (error) {
    // One that cannot be read is written over; a bad id is said when it is written.
    rethrowUnlessContent(error);
    return { exists: true, isEmbedded: false };
  }
}

function isUnchanged(fact: FactLine['fact'], { fact: stored, isEmbedded }: State): boolean {
  if (!stored || !isEmbedded) return false;
  return isSameFact(stored, { ...fact, createdAt: fact.createdAt ?? stored.createdAt });
}

async function write(
  fact: FactLine['fact'],
  {
    state,
    embedding,
    work,
  }: { state: State; embedding: Float32Array | StackloreError | undefined; work: Import },
): Promise<Outcome> {
  if (!(embedding instanceof Float32Array)) return embedding ?? 'unchanged';
  const { parts, manifest, options } = work;
  const createdAt = fact.createdAt ?? state.fact?.createdAt;
  try {
    const saved = await parts.facts.save(
      { ...fact, ...(createdAt && { createdAt }) },
      { ...options, embedded: { embedding, manifest } },
    );
    return { kind: state.exists ? 'updated' : 'added', fact: saved };
  } catch (error) {
    return rethrowUnlessContent(error);
  }
}

function tally(report: Tally, line: number, outcome: Outcome): void {
  if (outcome === 'unchanged') return;
  if (outcome instanceof StackloreError) {
    addProblem(report, line, outcome);
    return;
  }
  report[outcome.kind] += 1;
  const { factId, duplicates } = outcome.fact;
  if (duplicates.length === 0) return;
  report.duplicated += 1;
  if (report.duplicates.length < MAX_REPORTED) report.duplicates.push({ line, factId, duplicates });
}

function addProblem(report: Tally, line: number, error: StackloreError): void {
  report.failed += 1;
  if (report.problems.length < MAX_REPORTED) report.problems.push({ line, message: errorMessage(error) });
}

function emptyReport(): Tally {
  return {
    ...{ lines: 0, added: 0, updated: 0, unchanged: 0, failed: 0, duplicated: 0 },
    ...{ problems: [], duplicates: [], interrupted: false },
  };
}

async function* openSource(
  source: string | AsyncIterable<Uint8Array | string>,
): AsyncGenerator<Uint8Array | string> {
  if (typeof source !== 'string') return yield* source;
  try {
    yield* createReadStream(source);
  } catch (error) {
    throw new StackloreError('source_unreadable', {
      message: `"${source}" cannot be read: ${errorMessage(error)}. Correct the path, or give - for standard input.`,
      cause: error,
    });
  }
}

/** The size of a regular file; opening it says what is wrong with any other. */
async function sizeOf(path: string): Promise<number | undefined> {
  const stats = await stat(path).catch(() => undefined);
  return stats?.isFile() ? stats.size : undefined;
}

/** The same pieces, their bytes counted as they are taken. */
async function* counted(
  pieces: AsyncIterable<Uint8Array | string>,
  reading: { bytes: number },
): AsyncGenerator<Uint8Array | string> {
  for await (const piece of pieces) {
    reading.bytes += typeof piece === 'string' ? Buffer.byteLength(piece) : piece.byteLength;
    yield piece;
  }
}
