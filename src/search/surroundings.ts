import { chunkRecord } from '../schema/knowledge.ts';
import { chunksBeside } from '../stores/knowledge/document-ids.ts';
import type { VectorIndex } from '../stores/knowledge/vector-index.ts';

/** The texts of the chunks before and after a hit, in the document's order. */
export interface Surroundings {
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/** Reads what stands around chunks; of other writers, whose chunks are not numbered, nothing is known to. */
export async function readSurroundings(
  vectorIndex: Pick<VectorIndex, 'fields' | 'visible'>,
  places: readonly { readonly collection: string; readonly chunkId: string }[],
  window: number,
): Promise<Surroundings[]> {
  const steps = Array.from({ length: 2 * window + 1 }, (_, at) => at - window).filter((step) => step !== 0);
  const keys = places.map(({ collection, chunkId }) =>
    chunksBeside(chunkId, steps).map((near) =>
      near === undefined ? undefined : chunkRecord.key.build({ collection, chunkId: near }),
    ),
  );
  const around = [...new Set(keys.flat().filter((key) => key !== undefined))];
  const known = await vectorIndex.visible(around);
  const rows = await vectorIndex.fields(known, ['text']);
  const texts = new Map(known.map((key, at) => [key, rows[at]?.[0] ?? undefined]));
  return keys.map((near) => {
    const found = near.map((key) => (key === undefined ? undefined : texts.get(key)));
    const present = (part: readonly (string | undefined)[]) => part.filter((text) => text !== undefined);
    return { before: present(found.slice(0, window)), after: present(found.slice(window)) };
  });
}
