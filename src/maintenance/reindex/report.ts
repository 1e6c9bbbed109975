import type { ReindexComparison } from './compare.ts';
import type { ReindexPlan } from './plan.ts';

/** What a reindex has done. */
export interface ReindexReport {
  readonly collection: string;
  /**
   * `planned`: nothing was done; `built`: the new index stands beside the live one; `switched`: it serves, and can be
   * rolled back; `kept`: the live one serves on with other settings, and nothing has to be finished; `finished` and `rolled-back`:
   * one index is left.
   */
  readonly state: 'planned' | 'built' | 'switched' | 'kept' | 'finished' | 'rolled-back';
  /** What was told before; absent when finishing and rolling back. */
  readonly plan?: ReindexPlan;
  /** Chunks written by this call. */
  readonly chunks: number;
  readonly comparison?: ReindexComparison;
  /** Where the texts of documents came from that were cut anew; absent where chunks stay as they are, and rolling back. */
  readonly documents?: RechunkedDocuments;
  readonly warnings: readonly string[];
}

/** How many documents were cut anew, by where their texts came from. Those published since the switch are not counted. */
export interface RechunkedDocuments {
  /** Read from the file, which is what was ingested. */
  readonly fromSource: number;
  /** Made again of their chunks; exactly, as the content hash proves. */
  readonly fromChunks: number;
  /** Made again of their chunks, with other white space or fewer headings than a fresh ingest would see. */
  readonly inexact: number;
  /** Left in the chunks they have. */
  readonly kept: number;
}

/** What should be known of documents whose chunks are not those of a fresh ingest. */
export function rechunkWarnings({ inexact, kept }: RechunkedDocuments): string[] {
  const warnings: string[] = [];
  if (inexact > 0) {
    warnings.push(
      `${documents(inexact)} could not be read again and ${inexact === 1 ? 'was' : 'were'} cut from what the chunks hold: white space between them, and headings of HTML, Word and PDF documents, may differ from a fresh ingest. Ingest them with --force where the sources are at hand.`,
    );
  }
  if (kept > 0) {
    warnings.push(
      `${documents(kept)} ${kept === 1 ? 'was' : 'were'} left in the chunks there are: given one by one by a program, not all there, or too many when cut anew (see --max-chunks).`,
    );
  }
  return warnings;
}

function documents(count: number): string {
  return `${count} ${count === 1 ? 'document' : 'documents'}`;
}

/** What should be known of chunks that go without. */
export function warningsOf(left: number): string[] {
  if (left === 0) return [];
  return [
    `${left} ${left === 1 ? 'chunk holds' : 'chunks hold'} no text that could be embedded or analysed again, and will not be found by it. Ingest their documents again.`,
  ];
}
