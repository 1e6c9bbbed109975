import { randomUUID } from 'node:crypto';
import { StackloreError } from '../../errors.ts';
import type { Database } from '../../redis/databases.ts';
import { familiesOf, familyFinder } from '../../schema/families.ts';
import type { CheckedExport, ForeignLayoutName } from '../../schema/migration-request.ts';
import { WriteRecords } from '../backup/write-records.ts';
import type { ExportedChunk } from './layout.ts';
import { LAYOUTS, LLAMAINDEX_PREFIX } from './layouts.ts';

type LayoutExport = Pick<CheckedExport, 'prefix' | 'vectorField' | 'textField' | 'overwrite'> & {
  readonly layout: ForeignLayoutName;
  readonly target: Database;
};

/** Writes chunks as hashes of another tool, at the prefix and the node id; keys that are there stay unless told. */
export async function writeLayout(
  pages: AsyncIterable<readonly ExportedChunk[]>,
  request: LayoutExport,
): Promise<{ to: string; existing: number }> {
  const { target, prefix = LLAMAINDEX_PREFIX, overwrite } = request;
  const layout = LAYOUTS[request.layout];
  const { vectorField = layout.fields.vectorField, textField = layout.fields.textField } = request;
  const findFamily = familyFinder(familiesOf());
  const requireForeign = (key: string) => {
    const family = findFamily(key);
    if (family || key.startsWith('stacklore:')) throw ownPrefix(prefix, key, family?.name ?? 'helper');
  };
  requireForeign(`${prefix}0`);
  const writer = new WriteRecords(target, {
    ...{ mode: overwrite ? 'replace' : 'skip', isDryRun: false, restoreId: randomUUID(), now: Date.now },
  });
  for await (const page of pages) {
    await writer.write(
      page.map((chunk) => {
        const key = `${prefix}${chunk.nodeId}`;
        requireForeign(key);
        const items = layout.write(chunk, { vectorField, textField });
        return {
          ...{ type: 'hash', family: layout.name, key: Buffer.from(key), expiresAt: -1 },
          ...{ isFirst: true, isLast: true, isGone: false },
          items: items.map((item) => (typeof item === 'string' ? Buffer.from(item) : item)),
        };
      }),
    );
  }
  await writer.finish();
  return { to: prefix, existing: writer.tally.skipped };
}

function ownPrefix(prefix: string, key: string, family: string): StackloreError {
  return new StackloreError('invalid_input', {
    message: `With the prefix "${prefix}" the key "${key.slice(0, 200)}" would be a ${family} record of stacklore itself. Use another prefix.`,
  });
}
