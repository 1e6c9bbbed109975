import { StackloreError } from '../../errors.ts';
import type { Database } from '../../redis/databases.ts';
import { readHash } from '../../redis/hash.ts';
import { runScript } from '../../redis/script.ts';
import { collectionRecord } from '../../schema/knowledge.ts';
import { WRITE_KEY } from '../backup/scripts/write-key.ts';

/** A collection of the source, and the one of that name in the target. */
export interface CollectionPair {
  readonly source: Database;
  readonly target: Database;
  readonly key: Buffer;
}

/** Whether the target has the collection. Throws `manifest_mismatch` when it was made otherwise there. */
export async function findMerged({ source, target, key }: CollectionPair): Promise<boolean> {
  const [ours, theirs] = await Promise.all(
    [source, target].map((one) => readHash(one, collectionRecord, key.toString())),
  );
  if (!ours || !theirs) return theirs !== undefined;
  const { manifest } = collectionRecord.fields;
  if (manifest.encode(ours.manifest) === manifest.encode(theirs.manifest)) return true;
  const name = collectionRecord.key.parse(key.toString())?.collection;
  throw new StackloreError('manifest_mismatch', {
    message: `Collection "${name}" is in both databases, made with other models or settings, so its chunks cannot be put together. Drop it in one of them, then repeat. Nothing was written.`,
  });
}

/** Copies a collection, or lifts the version of the target's so that it never goes back. */
export async function mergeCollection({ source, target, key }: CollectionPair): Promise<void> {
  const items = await source.send<Buffer[]>(['HGETALL', key], { buffers: true });
  if (items.length === 0) return;
  const wrote = await runScript<number>(target, WRITE_KEY, {
    keys: [key],
    args: ['0', 'hash', '-1', ...items],
  });
  if (wrote === 1) return;
  const versions = await Promise.all(
    [source, target].map((one) => one.send<string | null>(['HGET', key, 'version'])),
  );
  const [from = 0, to = 0] = versions.map(Number);
  if (from > to) await target.send(['HINCRBY', key, 'version', String(from - to)]);
}
