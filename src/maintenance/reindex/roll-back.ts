import { setTimeout as sleep } from 'node:timers/promises';
import { StackloreError } from '../../errors.ts';
import type { Reindex } from '../../schema/knowledge.ts';
import { analyserOf } from '../../stores/knowledge/chunk-terms.ts';
import type { Collection } from '../../stores/knowledge/collections.ts';
import { indexedVectorField } from '../../stores/knowledge/index-fields.ts';
import { NextFields } from '../../stores/knowledge/next-fields.ts';
import { writeAll } from './fill.ts';
import { findBegun, interrupted, removeFields } from './finish.ts';
import { earlierManifest } from './manifests.ts';
import { type ReindexParts, switchTo, throwIfStopped } from './parts.ts';
import { isRechunk, rollBackRechunk } from './rechunk.ts';
import type { ReindexReport } from './report.ts';
import { isSame, type ReindexRequest } from './request.ts';
import { restateDocuments } from './restate-documents.ts';

/**
 * Puts the index before the switch back in its place, with what was published since, and removes what the reindex
 * wrote; before the switch it only removes. Interrupted, it goes on when repeated.
 */
export async function rollBackReindex(
  parts: ReindexParts,
  collection: Collection,
  request: ReindexRequest,
): Promise<ReindexReport> {
  const { name } = collection;
  const { reindexes, vectorIndex } = parts;
  const begun = await findBegun(parts, collection);
  if (begun.intent === 'finish') throw interrupted(name, '--finish');
  if (isRechunk(begun)) return rollBackRechunk(parts, collection, { begun, request });
  await reindexes.save(name, { ...begun, intent: 'roll-back' });
  let live = collection;
  let chunks = 0;
  if (collection.index === begun.index) {
    chunks += await restoreLive(parts, collection, { begun, request });
    live = await switchTo(parts, name, {
      index: begun.previousIndex,
      manifestOf: (manifest) => earlierManifest(manifest, begun),
    });
    await sleep(parts.graceMs);
  }
  // What was published between the last look and the switch, also by a run that was killed then.
  if (begun.before) {
    chunks += await restoreLive(parts, live, { begun, request });
    await restateDocuments(parts, name);
  }
  await vectorIndex.builder.dropOthers(live);
  await removeFields(parts, live, { begun, request });
  await reindexes.delete(name);
  return { collection: name, state: 'rolled-back', chunks, warnings: [] };
}

/** Gives what was published since the switch the vectors and terms of before; gives how many chunks lacked them. */
async function restoreLive(
  { knowledge, embedder }: ReindexParts,
  { name, manifest }: Collection,
  { begun, request }: { begun: Reindex; request: ReindexRequest },
): Promise<number> {
  const { changes, before = {} } = begun;
  const { onProgress, signal } = request;
  const analyser = await analyserOf({
    analyser: changes.analyser ? (before.analyser ?? undefined) : undefined,
  });
  const earlier = earlierManifest(manifest, begun);
  const { dimensions, vectorType: type } = earlier;
  const conversion = { from: 'embedding', to: indexedVectorField(earlier), type, dimensions } as const;
  const chunks = new NextFields(knowledge, name);
  let written = 0;
  let seen = 0;
  for await (const keys of chunks.keys()) {
    throwIfStopped(signal);
    const since = before.model ? await chunks.madeSince(keys) : [];
    if (since.length > 0) {
      const model = request.liveEmbedder ? await request.liveEmbedder() : await embedder();
      requireEarlier(name, { before, model, since: since.length });
      written += await writeAll({ knowledge, chunks }, since, { embedder: model, place: 'live' });
    }
    if (analyser) {
      written += await writeAll({ knowledge, chunks }, await chunks.read(keys), { analyser, place: 'live' });
    }
    if (before.vectorType === 'float16') await chunks.convert(keys, conversion);
    seen += keys.length;
    onProgress?.({ step: 'chunks', done: seen, total: seen });
  }
  return written;
}

function requireEarlier(
  name: string,
  {
    before,
    model: { model, dimensions },
    since,
  }: {
    before: NonNullable<Reindex['before']>;
    model: { readonly model: object & { readonly name: string }; readonly dimensions: number };
    since: number;
  },
): void {
  if (isSame(model, before.model) && dimensions === before.dimensions) return;
  throw new StackloreError('manifest_mismatch', {
    message: `At least ${since} chunks of collection "${name}" were published since the switch and have to be embedded by the model before it, ${before.model?.name}, but ${model.name} is configured. Configure the first and repeat --rollback.`,
  });
}
