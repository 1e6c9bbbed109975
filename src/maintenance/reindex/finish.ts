import { setTimeout as sleep } from 'node:timers/promises';
import { StackloreError } from '../../errors.ts';
import type { Manifest, Reindex } from '../../schema/knowledge.ts';
import type { Collection } from '../../stores/knowledge/collections.ts';
import { indexedVectorField, indexName, indexNumber } from '../../stores/knowledge/index-fields.ts';
import { NextFields, namesOf } from '../../stores/knowledge/next-fields.ts';
import { fillChunks } from './fill.ts';
import { finishedManifest, nextFieldsOf } from './manifests.ts';
import { type ReindexParts, switchTo, throwIfStopped } from './parts.ts';
import { finishRechunk, isRechunk } from './rechunk.ts';
import { type ReindexReport, warningsOf } from './report.ts';
import type { ReindexRequest } from './request.ts';

/**
 * Ends a reindex for good: what was written beside the live fields takes their places, so that other programs find it
 * there, and the index that served before goes. Interrupted, it goes on when repeated.
 */
export async function finishReindex(
  parts: ReindexParts,
  collection: Collection,
  request: ReindexRequest,
): Promise<ReindexReport> {
  const { name } = collection;
  const { reindexes, vectorIndex } = parts;
  const begun = await findBegun(parts, collection);
  if (begun.intent === 'roll-back') throw interrupted(name, '--rollback');
  if (isRechunk(begun)) return finishRechunk(parts, collection, { begun, request });
  if (collection.index === begun.previousIndex) {
    throw new StackloreError('invalid_input', {
      message: `The new index of collection "${name}" does not serve it yet. Repeat stacklore reindex ${name} first, or drop it with --rollback.`,
    });
  }
  await reindexes.save(name, { ...begun, intent: 'finish' });
  let live = collection;
  let left = 0;
  if (collection.index === begun.index && isUnsettled(collection.manifest, begun)) {
    left = await settle(parts, collection, { begun, request });
    live = await switchTo(parts, name, {
      index: indexName(name, indexNumber(begun.index) + 1),
      manifestOf: (manifest) => finishedManifest(manifest, begun),
    });
  }
  // What was published between the last look and the switch, also by a run that was killed then.
  if (live.index !== begun.index) await settleVectors(parts, live, { from: 'embedding', request });
  await sleep(parts.graceMs);
  await vectorIndex.builder.dropOthers(live);
  await removeFields(parts, live, { begun, request });
  await reindexes.delete(name);
  return { collection: name, state: 'finished', chunks: 0, warnings: warningsOf(left) };
}

/** The reindex of a collection. Throws `not_found` where there is none. */
export async function findBegun(
  { reindexes }: Pick<ReindexParts, 'reindexes'>,
  collection: Collection,
): Promise<Reindex> {
  const begun = await reindexes.find(collection);
  if (begun) return begun;
  throw new StackloreError('not_found', {
    message: `There is no unfinished reindex of collection "${collection.name}".`,
  });
}

/** The refusal of one ending while another one was interrupted. */
export function interrupted(name: string, flag: string): StackloreError {
  return new StackloreError('busy', {
    message: `A reindex of collection "${name}" was being ended the other way. Repeat that: stacklore reindex ${name} ${flag}.`,
  });
}

/** Whether fields of chunks have to change before the manifest is what it will be. */
function isUnsettled(manifest: Manifest, begun: Reindex): boolean {
  const { storedVectors } = finishedManifest(manifest, begun);
  return (manifest.next ?? []).length > 0 || storedVectors !== manifest.storedVectors;
}

async function settle(
  parts: ReindexParts,
  { name, manifest }: Collection,
  { begun, request }: { begun: Reindex; request: ReindexRequest },
): Promise<number> {
  const { knowledge, vectorIndex } = parts;
  const { changes } = begun;
  const { onProgress, signal } = request;
  const { dimensions, next = [] } = manifest;
  const total = (await vectorIndex.findHealth({ name, index: begun.index }))?.documents ?? 0;
  const { left } = await fillChunks(parts, name, { changes, dimensions, total, onProgress, signal });
  // There is no way back from here, so that it need not be kept up to date.
  await vectorIndex.builder.dropIndex(begun.previousIndex);
  const finished = { name, manifest: finishedManifest(manifest, begun) };
  // Vectors that become float16 are not copied first.
  const isConverted = finished.manifest.storedVectors === 'float16';
  const copied = next.filter((field) => field !== 'embedding' || !isConverted);
  const chunks = new NextFields(knowledge, name);
  for await (const keys of copied.length > 0 ? chunks.keys() : []) {
    throwIfStopped(signal);
    await chunks.settle(keys, copied);
  }
  await settleVectors(parts, finished, {
    from: next.includes('embedding') ? 'embedding_next' : 'embedding',
    request,
  });
  return left;
}

/** While documents are published without a pause every pass finds some. */
const MOST_PASSES = 4;

/** Gives chunks the float16 vectors that a finished manifest says, until a pass finds nothing to do. */
async function settleVectors(
  { knowledge }: ReindexParts,
  { name, manifest }: Pick<Collection, 'name' | 'manifest'>,
  {
    from,
    request: { onProgress, signal },
  }: { from: 'embedding' | 'embedding_next'; request: ReindexRequest },
): Promise<void> {
  const { vectorType: type, dimensions } = manifest;
  if (type !== 'float16') return;
  const conversion = { from, to: indexedVectorField(manifest), type, dimensions };
  const chunks = new NextFields(knowledge, name);
  for (let pass = 1, written = 1; written > 0 && pass <= MOST_PASSES; pass += 1) {
    written = 0;
    let done = 0;
    for await (const keys of chunks.keys()) {
      throwIfStopped(signal);
      written += await chunks.convert(keys, conversion);
      done += keys.length;
      onProgress?.({ step: 'chunks', done, total: done });
    }
  }
}

/** Removes what a reindex wrote beside the live fields and the index does not read. */
export async function removeFields(
  { knowledge }: Pick<ReindexParts, 'knowledge'>,
  { name, manifest }: Collection,
  {
    begun: { changes, before },
    request: { onProgress, signal },
  }: { begun: Reindex; request: ReindexRequest },
): Promise<void> {
  const fields = namesOf(nextFieldsOf(changes)).map(({ next }) => next);
  const hadFloat16 = [changes.vectorType, changes.storedVectors, before?.vectorType].includes('float16');
  if (hadFloat16 && indexedVectorField(manifest) !== 'embedding_float16') fields.push('embedding_float16');
  if (fields.length === 0) return;
  const chunks = new NextFields(knowledge, name);
  let done = 0;
  for await (const keys of chunks.keys()) {
    throwIfStopped(signal);
    await chunks.remove(keys, fields);
    done += keys.length;
    onProgress?.({ step: 'clean-up', done, total: done });
  }
}
