import { type ErrorCode, StackloreError } from '../../errors.ts';
import type { CollectionParts } from '../../ingest/collection-settings.ts';
import type { Database } from '../../redis/databases.ts';
import type { CheckedMigration, ForeignLayoutName } from '../../schema/migration-request.ts';
import { checkCollectionName } from '../../stores/knowledge/collections.ts';
import { foreignGroups, type RowGroup } from './foreign-rows.ts';
import { ImportTarget } from './import-target.ts';
import { type BadLine, jsonlGroups } from './jsonl-rows.ts';
import { LAYOUTS, LLAMAINDEX_PREFIX } from './layouts.ts';
import type { RunOptions } from './progress.ts';
import { publishRows } from './publish-rows.ts';

/** A document that could not be taken over; the others were. */
export interface ImportProblem {
  readonly document: string;
  readonly code: ErrorCode;
  readonly message: string;
}

/** What became of another tool's data, which itself stays as it was. */
export interface ImportReport {
  readonly layout: ForeignLayoutName | 'jsonl';
  readonly collection: string;
  readonly dryRun: boolean;
  /** Rows read; each becomes a chunk. */
  readonly rows: number;
  /** Keys under the prefix that are no rows of this layout, or hold no text. */
  readonly skipped: number;
  /** Documents made of rows that share a document's id, or a source. */
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  /** Documents and lines that could not be taken over. */
  readonly failed: number;
  /** The first of those documents. */
  readonly problems: readonly ImportProblem[];
  readonly badLines: readonly BadLine[];
}

type Import = Omit<CheckedMigration, 'layout' | 'collection'> & {
  readonly layout: ForeignLayoutName | 'jsonl';
  readonly collection: string;
} & RunOptions;

const PROBLEMS_TOLD = 100;
/** The collection or the server itself: the next document would fail alike. */
const HOPELESS: readonly ErrorCode[] = [
  ...(['server_unavailable', 'server_failed', 'database_unreachable', 'database_timeout'] as const),
  ...(['database_auth', 'database_readonly', 'database_full', 'search_unavailable'] as const),
  ...(['model_unavailable', 'not_found', 'aborted'] as const),
];

/**
 * Takes over what another tool keeps in hashes, or the lines of an export: rows become chunks, grouped into documents,
 * with the vectors they have. What is read stays. Repeated, it passes over what is there already. Throws before anything
 * is written: `dimension_mismatch` when no vector is of the collection's dimensions, `manifest_mismatch` when they are of
 * another model, or look as if they were.
 */
export async function importRows(
  parts: CollectionParts,
  source: Database,
  request: Import,
): Promise<ImportReport> {
  checkCollectionName(request.collection);
  const counts = { rows: 0, skipped: 0, created: 0, updated: 0, unchanged: 0, failed: 0 };
  const problems: ImportProblem[] = [];
  const badLines: BadLine[] = [];
  const groups = groupsOf(source, request, {
    onSkipped: (keys) => {
      counts.skipped += keys;
    },
    onBadLine: (bad) => {
      counts.failed += 1;
      if (badLines.length < PROBLEMS_TOLD) badLines.push(bad);
    },
  });
  const target = new ImportTarget(parts, request);
  let misfit: StackloreError | undefined;
  for await (const { total, ...group } of groups) {
    counts.rows += group.rows.length;
    try {
      counts[await publishRows(parts, await target.openFor(group), group)] += 1;
    } catch (error) {
      if (!(error instanceof StackloreError) || HOPELESS.includes(error.code)) throw error;
      if (!target.isOpen) {
        // A single bad row decides nothing, whichever comes first.
        if (error.code !== 'dimension_mismatch' || counts.failed >= PROBLEMS_TOLD) throw error;
        misfit ??= error;
      }
      counts.failed += 1;
      const { code, message } = error;
      if (problems.length < PROBLEMS_TOLD) problems.push({ document: group.name, code, message });
    }
    request.onProgress?.({ database: 'rows', done: counts.rows, total: Math.max(total ?? 0, counts.rows) });
  }
  if (misfit && !target.isOpen) throw misfit;
  const { layout, collection, dryRun } = request;
  return { layout, collection, dryRun, ...counts, problems, badLines };
}

interface Listener {
  readonly onSkipped: (keys: number) => void;
  readonly onBadLine: (bad: BadLine) => void;
}

function groupsOf(
  database: Database,
  request: Import,
  { onSkipped, onBadLine }: Listener,
): AsyncGenerator<RowGroup> {
  const { signal, prefix = LLAMAINDEX_PREFIX, file = '' } = request;
  if (request.layout === 'jsonl') return jsonlGroups(file, { signal, onBadLine });
  const layout = LAYOUTS[request.layout];
  const { vectorField = layout.fields.vectorField, textField = layout.fields.textField } = request;
  return foreignGroups(
    { database, layout, prefix, fields: { vectorField, textField } },
    { signal, onSkipped },
  );
}
