import type { Embedder } from '../embed/embedder.ts';
import { errorMessage, StackloreError } from '../errors.ts';
import { type FactChanges, type NewFact, parseFactChanges, parseNewFact } from '../schema/fact-input.ts';
import type { FactsManifest } from '../schema/knowledge.ts';
import { type AddedFact, factIdOf } from '../stores/knowledge/fact.ts';
import type { FactBacklog, FactText } from '../stores/knowledge/fact-backlog.ts';
import type { FactIndex } from '../stores/knowledge/fact-index.ts';
import type { EmbeddedFact } from '../stores/knowledge/fact-vector.ts';
import type { Facts, OwnerOptions } from '../stores/knowledge/facts.ts';

/** What writing facts with their vectors needs. */
export interface FactParts {
  readonly facts: Facts;
  readonly factBacklog: FactBacklog;
  readonly factIndex: FactIndex;
  readonly embedder: () => Promise<Embedder>;
}

/** How facts are looked at for duplicates. */
export interface DuplicateOptions {
  /** From which cosine on another fact counts as a duplicate, 0 to 1; the configured one when left out. */
  readonly duplicateThreshold?: number;
}

/** How a fact is changed; `ownedBy`: only if it is this user's. */
export interface ChangeFactOptions extends DuplicateOptions, OwnerOptions {}

/** How facts without a vector are embedded. */
export interface EmbedFactsOptions {
  /** Embeds all facts with the configured model although they have been embedded with another. */
  readonly switchModel?: boolean;
  /** Told after each batch. */
  readonly onProgress?: (progress: EmbedFactsProgress) => void;
  /** Ends the work after the batch under way. */
  readonly signal?: AbortSignal;
}

/** How far the embedding of facts is. */
export interface EmbedFactsProgress {
  /** Facts looked at. */
  readonly done: number;
  /** How many the index knew when the work began; others may have been added since. */
  readonly total: number;
}

/** A fact that could not be embedded. */
export interface FactProblem {
  readonly factId: string;
  readonly message: string;
}

/** What embedding the facts has done. */
export interface EmbedFactsReport {
  /** Facts looked at. */
  readonly scanned: number;
  readonly embedded: number;
  /** Facts that were changed or deleted while they were embedded; the next run sees to them. */
  readonly changed: number;
  readonly failed: number;
  /** Why, of the first of them. */
  readonly problems: FactProblem[];
  /** True when the signal ended it before all facts were seen to. */
  readonly interrupted: boolean;
}

/** Texts embedded in one go, and lines imported in one go. */
export const BATCH_SIZE = 32;
/** A report names no more problems than this; it counts them all. */
export const MAX_REPORTED = 1_000;

/**
 * Stores a new fact with its vector and tells which others say the same. Throws `already_exists`, `invalid_input`,
 * `too_large` for more tokens than the model reads, `manifest_mismatch` when facts are embedded with another model.
 */
export async function addFact(
  parts: FactParts,
  input: NewFact,
  options: DuplicateOptions = {},
): Promise<AddedFact> {
  const { content } = parseNewFact(input);
  return parts.facts.add(input, { ...options, embedded: await embedOne(parts, content) });
}

/** Changes a fact, its vector with its content. Throws `not_found` and what `addFact` throws. */
export async function updateFact(
  parts: FactParts,
  factId: string,
  changes: FactChanges,
  { ownedBy, ...options }: ChangeFactOptions = {},
): Promise<AddedFact> {
  const { content } = parseFactChanges(changes);
  if (content === undefined) return parts.facts.update(factId, changes, { ...options, ownedBy });
  // The model is not asked for a fact that is not there.
  await parts.facts.get(factId, { ownedBy });
  const embedded = await embedOne(parts, content);
  return parts.facts.update(factId, changes, { ...options, ownedBy, embedded });
}

/** Embeds every fact that has no vector of what it says by the configured model; one bad fact never stops the rest. */
export async function embedFacts(
  parts: FactParts,
  { switchModel = false, onProgress, signal }: EmbedFactsOptions = {},
): Promise<EmbedFactsReport> {
  const { embedder, manifest } = await openModel(parts, { switchModel });
  const report = {
    ...{ scanned: 0, embedded: 0, changed: 0, failed: 0, problems: [] as FactProblem[] },
    interrupted: signal?.aborted ?? false,
  };
  const total = onProgress ? (await parts.facts.list({ limit: 0 })).total : 0;
  for await (const { scanned, facts } of parts.factBacklog.pages(manifest)) {
    report.interrupted = signal?.aborted ?? false;
    if (report.interrupted) break;
    const before = report.scanned;
    report.scanned += scanned;
    for (let at = 0; at < facts.length && !report.interrupted; at += BATCH_SIZE) {
      await embedBatch(facts.slice(at, at + BATCH_SIZE), { parts, embedder, manifest, report });
      const done = before + scanned - Math.max(0, facts.length - at - BATCH_SIZE);
      onProgress?.({ done, total: Math.max(total, done) });
      report.interrupted = (signal?.aborted ?? false) && at + BATCH_SIZE < facts.length;
    }
    if (report.interrupted) break;
    onProgress?.({ done: report.scanned, total: Math.max(total, report.scanned) });
  }
  return report;
}

interface Embedding {
  readonly parts: FactParts;
  readonly embedder: Embedder;
  readonly manifest: FactsManifest;
  readonly report: { embedded: number; changed: number; failed: number; problems: FactProblem[] };
}

async function embedBatch(
  facts: readonly FactText[],
  { parts, embedder, manifest, report }: Embedding,
): Promise<void> {
  const vectors = await embedEach(
    embedder,
    facts.map(({ content }) => content.toString()),
  );
  const outcomes = await Promise.all(
    facts.map(async (fact, at) => {
      const embedding = vectors[at];
      if (!(embedding instanceof Float32Array)) return embedding;
      return parts.factBacklog.embed(fact, { embedding, manifest }).catch(rethrowUnlessContent);
    }),
  );
  for (const [at, outcome] of outcomes.entries()) {
    if (outcome === true) report.embedded += 1;
    else if (outcome === false) report.changed += 1;
    else {
      report.failed += 1;
      const problem = { factId: factIdOf(facts[at]?.key ?? ''), message: errorMessage(outcome) };
      if (report.problems.length < MAX_REPORTED) report.problems.push(problem);
    }
  }
}

/** The model, and what the facts are embedded with: the same. Throws `manifest_mismatch` when they are not. */
export async function openModel(
  { embedder: open, factIndex }: FactParts,
  { switchModel = false } = {},
): Promise<{ embedder: Embedder; manifest: FactsManifest }> {
  const embedder = await open();
  const { model, dimensions } = embedder;
  const wanted = { model, dimensions };
  try {
    return { embedder, manifest: await factIndex.open(wanted) };
  } catch (error) {
    const isOther = error instanceof StackloreError && error.code === 'manifest_mismatch';
    if (!switchModel || !isOther) throw error;
    return { embedder, manifest: await factIndex.switchTo(wanted) };
  }
}

/** The vector of each text, or why it has none: one bad text does not stop the others. */
export async function embedEach(
  embedder: Embedder,
  texts: readonly string[],
): Promise<(Float32Array | StackloreError)[]> {
  try {
    return await embedder.embedTexts(texts);
  } catch (error) {
    if (texts.length === 1) return [rethrowUnlessContent(error)];
    rethrowUnlessContent(error);
    const each = await Promise.all(texts.map((text) => embedEach(embedder, [text])));
    return each.flat();
  }
}

/** Gives an error that is the fault of one fact; any other one concerns the whole work and is thrown. */
export function rethrowUnlessContent(error: unknown): StackloreError {
  if (error instanceof StackloreError && CONTENT_ERRORS.has(error.code)) return error;
  throw error;
}

const CONTENT_ERRORS: ReadonlySet<string> = new Set<StackloreError['code']>([
  ...(['invalid_input', 'invalid_vector', 'too_large', 'record_invalid', 'already_exists'] as const),
]);

async function embedOne(parts: FactParts, content: string): Promise<EmbeddedFact> {
  const { embedder, manifest } = await openModel(parts);
  const [embedding] = await embedder.embedTexts([content]);
  // One text was given, so one vector comes back; its dimensions are checked before it is written.
  return { embedding: embedding as Float32Array, manifest };
}
