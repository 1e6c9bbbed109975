import { StackloreError } from '../../errors.ts';
import type { Reindex, ReindexedSettings } from '../../schema/knowledge.ts';
import type { Collection } from '../../stores/knowledge/collections.ts';
import { indexName, indexNumber } from '../../stores/knowledge/index-fields.ts';
import { choiceOf } from '../../stores/knowledge/index-kind.ts';
import { StagedChunks } from '../../stores/knowledge/staged-chunks.ts';
import { compareIndexes, type ReindexComparison, readQueries } from './compare.ts';
import { fillChunks } from './fill.ts';
import { findBegun, finishReindex } from './finish.ts';
import { keepIndex } from './keep-index.ts';
import { applied, keepsIndex, settingsBefore, switchedManifest } from './manifests.ts';
import { type ReindexParts, switchTo } from './parts.ts';
import { planReindex, type ReindexPlan } from './plan.ts';
import { isRechunk, rechunk } from './rechunk.ts';
import { planRechunk } from './rechunk-plan.ts';
import { type ReindexReport, warningsOf } from './report.ts';
import { changesOf, isSame, parseReindexRequest, type ReindexInput, type ReindexRequest } from './request.ts';
import { restateDocuments } from './restate-documents.ts';
import { rollBackReindex } from './roll-back.ts';

/**
 * Builds a second index of a collection with another model, analyser, index or other chunks beside the live one, and puts it
 * in its place; `finish` or `rollback` ends it. Where only the size is to choose the kind of the index, what serves is kept, and
 * there is nothing to end. A repeated call goes on where one was interrupted. Throws `invalid_input`,
 * `not_found`, `manifest_mismatch`, `already_exists` while another reindex is not finished, `database_full` where it would
 * not fit, `busy` while another process is at it, `aborted`, or what model and server answer.
 */
export async function reindex(
  parts: ReindexParts,
  name: string,
  input: ReindexInput = {},
): Promise<ReindexReport> {
  const request = parseReindexRequest(input);
  const collection = await parts.collections.get(name);
  if (request.dryRun) {
    const { changes } = await begin(parts, collection, request);
    const plan = await planOf(parts, collection, { changes, request });
    return { collection: name, state: 'planned', plan, chunks: 0, warnings: [] };
  }
  const queries = request.queries === undefined ? [] : await readQueries(request.queries);
  return parts.reindexes.locked(name, async () => {
    if (request.finish) return finishReindex(parts, await parts.collections.get(name), request);
    if (request.rollback) return rollBackReindex(parts, await parts.collections.get(name), request);
    return buildAndSwitch(parts, await parts.collections.get(name), { request, queries });
  });
}

async function buildAndSwitch(
  parts: ReindexParts,
  collection: Collection,
  { request, queries }: { request: ReindexRequest; queries: readonly string[] },
): Promise<ReindexReport> {
  const { name } = collection;
  const { reindexes, vectorIndex } = parts;
  const state = await begin(parts, collection, request);
  const { changes, index } = state;
  const plan = await planOf(parts, collection, { changes, request });
  if (!state.isBegun && keepsIndex(collection.manifest, changes)) {
    await keepIndex(parts, collection, { changes, request });
    return { collection: name, state: 'kept', plan, chunks: 0, warnings: [] };
  }
  const isSwitched = hasSwitched(collection, state);
  if (!isSwitched) requireRoom(plan);
  request.onPlan?.(plan);
  await requireModel(parts, name, changes);
  if (!state.isBegun) {
    // One of that name can only be left from what was dropped by a process that was killed.
    await vectorIndex.builder.dropIndex(index);
    await new StagedChunks(parts.knowledge).clear(name);
    await reindexes.save(name, recordOf(collection, state));
  }
  const begun = await findBegun(parts, collection);
  if (isRechunk(begun)) return rechunk(parts, collection, { begun, plan, request, queries });
  const { onProgress, signal } = request;
  const { dimensions } = collection.manifest;
  const filled = { changes, dimensions, total: plan.chunks, onProgress, signal };
  const fill = () => fillChunks(parts, name, filled);
  const first = await fill();
  let { written, left } = first;
  let comparison: ReindexComparison | undefined;
  if (!isSwitched) {
    const next = { ...collection, manifest: switchedManifest(collection.manifest, changes), index };
    await vectorIndex.builder.build(next, {
      onProgress: (share) =>
        onProgress?.({ step: 'index', done: Math.round(share * plan.chunks), total: plan.chunks }),
    });
    written += (await fill()).written;
    comparison = await compare(parts, { collection, next, request, queries });
    if (!request.buildOnly) {
      await switchTo(parts, name, {
        index,
        manifestOf: (manifest) => switchedManifest(manifest, changes),
        before: (current) =>
          reindexes.save(name, {
            ...recordOf(current, { ...state, previousIndex: current.index }),
            before: settingsBefore(current.manifest, changes),
          }),
      });
      // What was published between the last look and the switch.
      const last = await fill();
      written += last.written;
      left = last.left;
    }
  }
  const isServing = isSwitched || !request.buildOnly;
  if (isServing) await restateDocuments(parts, name);
  return {
    ...{ collection: name, state: isServing ? 'switched' : 'built', plan, chunks: written },
    ...(comparison && { comparison }),
    warnings: warningsOf(left),
  };
}

/** A reindex as it stands: begun by an earlier call, or about to begin. */
type Standing = Pick<Reindex, 'changes' | 'index' | 'previousIndex' | 'startedAt'> & {
  readonly isBegun: boolean;
};

async function begin(
  parts: ReindexParts,
  collection: Collection,
  request: ReindexRequest,
): Promise<Standing> {
  const { name, manifest } = collection;
  const begun = await parts.reindexes.find(collection);
  // Of one that is switched already, what it replaced is asked for again.
  const base = begun?.before && hasSwitched(collection, begun) ? begun.before : {};
  const described = { name, manifest: { ...manifest, ...applied(base) } };
  const changes = await changesOf(request, described, parts.embedder);
  if (begun) {
    if (begun.intent !== 'build') {
      const flag = begun.intent === 'finish' ? '--finish' : '--rollback';
      throw new StackloreError('busy', {
        message: `A reindex of collection "${name}" was being ended. Repeat that first: stacklore reindex ${name} ${flag}.`,
      });
    }
    if (Object.keys(changes).length > 0 && !isSame(changes, begun.changes)) {
      throw new StackloreError('already_exists', {
        message: `Another reindex of collection "${name}" (${describe(begun.changes)}) is not finished. End it first with stacklore reindex ${name} --finish or --rollback.`,
      });
    }
    return { ...begun, isBegun: true };
  }
  if (Object.keys(changes).length === 0) {
    throw new StackloreError('invalid_input', {
      message: `Nothing of collection "${name}" would change. Say what should: another model, language, index, vector type or chunk size; see stacklore reindex --help.`,
    });
  }
  const index = indexName(name, indexNumber(collection.index) + 1);
  return { changes, index, previousIndex: collection.index, startedAt: new Date(), isBegun: false };
}

function recordOf(
  { createdAt }: Collection,
  { changes, index, previousIndex, startedAt }: Omit<Standing, 'isBegun'>,
): Reindex {
  return { changes, index, previousIndex, startedAt, collectionCreatedAt: createdAt, intent: 'build' };
}

function planOf(
  parts: ReindexParts,
  collection: Collection,
  { changes, request }: { changes: ReindexedSettings; request: ReindexRequest },
): Promise<ReindexPlan> {
  const { chunker } = changes;
  if (!chunker) return planReindex(parts, collection, changes);
  const isCompared = request.buildOnly || request.queries !== undefined;
  return planRechunk(parts, collection, { chunker, isCompared, maxChunks: request.maxChunks });
}

/** Whether a collection is what a reindex makes of it. */
function hasSwitched({ index, manifest }: Collection, begun: Pick<Reindex, 'changes' | 'index'>): boolean {
  const { chunker } = begun.changes;
  return chunker ? isSame(manifest.chunker, chunker) : index === begun.index;
}

/** What changes, in a few words. */
function describe({
  model,
  analyser,
  index,
  storedVectors,
  vectorType = storedVectors,
  chunker,
}: ReindexedSettings): string {
  const words = [
    model && `model ${model.name}`,
    analyser && `language ${analyser.language}`,
    index && `index ${choiceOf(index)} ${index.m}/${index.efConstruction}/${index.efRuntime}`,
    vectorType && `vectors ${vectorType}`,
    chunker && `chunks ${chunker.size}/${chunker.overlap}`,
  ];
  return words.filter((word) => word !== undefined).join(', ');
}

function requireRoom({ collection, memoryBytes, server, fits }: ReindexPlan): void {
  if (fits) return;
  const megabytes = (bytes: number) => `${Math.ceil(bytes / 1e6)} MB`;
  const limit = server.maxMemoryBytes ?? server.totalMemoryBytes;
  throw new StackloreError('database_full', {
    message: `Reindexing collection "${collection}" takes about ${megabytes(memoryBytes)} beside the ${megabytes(server.usedMemoryBytes)} in use, and the server may use ${megabytes(limit)}. Give it more memory, raise maxmemory, or ingest into another server.`,
  });
}

/** Throws `manifest_mismatch` unless the configured model is the one that chunks are to be embedded with. */
async function requireModel(
  { embedder }: ReindexParts,
  name: string,
  { model: wanted, dimensions }: ReindexedSettings,
): Promise<void> {
  if (!wanted) return;
  const configured = await embedder();
  if (isSame(configured.model, wanted) && configured.dimensions === dimensions) return;
  throw new StackloreError('manifest_mismatch', {
    message: `The reindex of collection "${name}" was begun with model ${wanted.name}, and ${configured.model.name} is configured, or other files or settings of it. Configure the first, or drop what was built: stacklore reindex ${name} --rollback.`,
  });
}

async function compare(
  parts: ReindexParts,
  {
    collection,
    next,
    request,
    queries,
  }: { collection: Collection; next: Collection; request: ReindexRequest; queries: readonly string[] },
): Promise<ReindexComparison | undefined> {
  if (queries.length === 0) return undefined;
  const { model, dimensions } = collection.manifest;
  if (!model) {
    throw new StackloreError('manifest_mismatch', {
      message: `Collection "${collection.name}" has no model that queries could be embedded with. Leave the queries out.`,
    });
  }
  const isOther = next.manifest.next?.includes('embedding') ?? false;
  const open = request.liveEmbedder ?? (() => parts.openModel(model, dimensions));
  const other = isOther ? await open() : undefined;
  try {
    const live = { collection, embedder: other ? async () => other : parts.embedder };
    return await compareIndexes(
      parts,
      { live, next: { collection: next, embedder: parts.embedder } },
      { ...request, queries },
    );
  } finally {
    if (!request.liveEmbedder) await other?.close();
  }
}
