import { StackloreError } from '../../errors.ts';
import type { ReindexedSettings } from '../../schema/knowledge.ts';
import type { Collection } from '../../stores/knowledge/collections.ts';
import { type ReindexParts, switchTo } from './parts.ts';
import type { ReindexRequest } from './request.ts';

/** Changes the settings of an index that goes on serving. Throws `invalid_input` where one was to be built for comparison. */
export async function keepIndex(
  parts: Pick<ReindexParts, 'collections' | 'vectorIndex'>,
  { name, index }: Collection,
  { changes, request }: { readonly changes: ReindexedSettings; readonly request: ReindexRequest },
): Promise<void> {
  if (request.buildOnly || request.queries !== undefined) {
    throw new StackloreError('invalid_input', {
      message: `Nothing is built that could be compared: the index that serves collection "${name}" is kept. Leave --build-only and --queries out.`,
    });
  }
  await switchTo(parts, name, {
    index,
    manifestOf: (manifest) => ({ ...manifest, ...(changes.index && { index: changes.index }) }),
  });
}
