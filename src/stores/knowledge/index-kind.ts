import type { IndexChoice, IndexSettings } from '../../schema/knowledge.ts';

/** The sizes at which the index of an `auto` collection changes its kind. */
export interface KindBounds {
  /** From this many chunks on it is HNSW. */
  readonly hnswFrom: number;
  /** Below this many it is FLAT again: far enough from the other bound that no collection goes to and fro. */
  readonly flatBelow: number;
}

/**
 * What a query of 384 dimensions takes of the server, FLAT against HNSW at EF_RUNTIME 64: 0.10 and 0.08 ms with 2,500 chunks, 0.15 and
 * 0.11 with 5,000, 0.40 and 0.23 with 10,000, 1.1 and 0.16 with 20,000 (`npm run bench -- index`). A millisecond holds up nobody yet.
 */
export const KIND_BOUNDS: KindBounds = { hnswFrom: 20_000, flatBelow: 10_000 };

/** What an `auto` collection of this many chunks should be served by. */
export function kindFor(
  chunks: number,
  current: IndexSettings['kind'],
  { hnswFrom, flatBelow }: KindBounds = KIND_BOUNDS,
): IndexSettings['kind'] {
  if (current === 'flat') return chunks >= hnswFrom ? 'hnsw' : 'flat';
  return chunks < flatBelow ? 'flat' : 'hnsw';
}

/** What a collection was made with. */
export function choiceOf({ kind, auto }: Pick<IndexSettings, 'kind' | 'auto'>): IndexChoice {
  return auto ? 'auto' : kind;
}

/** The settings of a choice; one that is left to the size begins with the kind given. */
export function chosenIndex(
  choice: IndexChoice,
  current: IndexSettings['kind'],
): Pick<IndexSettings, 'kind' | 'auto'> {
  return choice === 'auto' ? { kind: current, auto: true } : { kind: choice };
}
