import type { z } from 'zod';
import type { Config } from '../../config.ts';
import type { Databases } from '../../redis/databases.ts';
import { scanKeys } from '../../redis/scan.ts';
import { parseMaintenanceRequest } from '../../schema/maintenance-request.ts';
import { type CheckedExport, exportRequest } from '../../schema/migration-request.ts';
import type { Collections } from '../../stores/knowledge/collections.ts';
import { chunkPrefix } from '../../stores/knowledge/document-ids.ts';
import type { Documents } from '../../stores/knowledge/documents.ts';
import { type ExportSource, exportedChunks } from './exported-chunks.ts';
import type { ExportedChunk } from './layout.ts';
import { openPlace } from './place.ts';
import type { MigrationProgress } from './progress.ts';
import { writeJsonl } from './write-jsonl.ts';
import { writeLayout } from './write-layout.ts';

/** What to export and where it goes. */
export type ExportRequest = z.input<typeof exportRequest> & {
  readonly onProgress?: (progress: MigrationProgress) => void;
  readonly signal?: AbortSignal;
};

/** What was exported. */
export interface ExportReport {
  readonly collection: string;
  readonly layout: CheckedExport['layout'];
  /** The file, or what the keys begin with. */
  readonly to: string;
  readonly documents: number;
  readonly chunks: number;
  /** Keys that were there and stay as they are. */
  readonly existing: number;
  /** Chunks under the collection's prefix that are of no listed document, such as other writers': not exported. */
  readonly unlisted: number;
}

export interface ExportParts {
  readonly config: Config;
  readonly databases: Pick<Databases, 'knowledge'>;
  readonly collections: Collections;
  readonly documents: Documents;
}

/**
 * Writes the chunks of a collection, with their vectors, to a file of JSON Lines or to hashes as another tool keeps them;
 * a page at a time, however many there are. Throws `not_found` for a collection there is not, `already_exists` for a file
 * that is there, `invalid_input` when keys of the prefix would be records of our own.
 */
export async function exportCollection(parts: ExportParts, request: ExportRequest): Promise<ExportReport> {
  const { signal, onProgress, ...plain } = request;
  const checked = parseMaintenanceRequest(exportRequest, plain);
  const collection = await parts.collections.get(checked.collection);
  const { knowledge } = parts.databases;
  const source = { knowledge, documents: parts.documents, collection };
  const total = await countChunks(source);
  const counts = { documents: 0, chunks: 0 };
  let copies = 0;
  const chunks = exportedChunks(source, {
    signal,
    onCopy: () => {
      copies += 1;
    },
  });
  const pages = counted(chunks, counts, () => {
    onProgress?.({ database: 'export', done: counts.chunks, total: Math.max(total, counts.chunks) });
  });
  const { layout } = checked;
  const written =
    layout === 'jsonl'
      ? await writeJsonl(pages, checked)
      : await withTarget(parts, checked, (target) => writeLayout(pages, { ...checked, layout, target }));
  const unlisted = Math.max(0, total - counts.chunks - copies);
  return { collection: collection.name, layout, ...written, ...counts, unlisted };
}

/** Chunks as keys say: also of documents that no list names. */
async function countChunks({ knowledge, collection }: ExportSource): Promise<number> {
  let chunks = 0;
  for await (const keys of scanKeys(knowledge, `${chunkPrefix(collection.name)}*`, { type: 'hash' })) {
    chunks += keys.length;
  }
  return chunks;
}

async function* counted(
  pages: AsyncIterable<ExportedChunk[]>,
  counts: { documents: number; chunks: number },
  onPage: () => void,
): AsyncGenerator<ExportedChunk[]> {
  let last: string | undefined;
  for await (const page of pages) {
    yield page;
    for (const { docId } of page) {
      if (docId !== last) counts.documents += 1;
      last = docId;
    }
    counts.chunks += page.length;
    onPage();
  }
}

async function withTarget<T>(
  { databases, config }: ExportParts,
  { toUrl: url, toNumber: number }: CheckedExport,
  write: (target: Databases['knowledge']) => Promise<T>,
): Promise<T> {
  const target = openPlace(databases.knowledge, { url, number, setting: 'toUrl' }, config);
  try {
    return await write(target);
  } finally {
    await target.close();
  }
}
