import type { ServerFiles } from '../src/provision/redis-pair.ts';
import { openStacklore } from '../src/stacklore.ts';
import { type Fault, surviveFaults } from '../test/support/fail-over.ts';
import { FakeEmbedder } from '../test/support/fake-embedder.ts';
import { startPrivateSentinels } from '../test/support/sentinels.ts';
import type { FaultReport } from '../test/support/work-under-faults.ts';

const FAULTS: readonly Fault[] = ['kill master', 'freeze master', 'kill sentinel'];

/**
 * Ingests, searches and queues behind real sentinels while masters and sentinels fail at random, each repaired before
 * the next. Throws an `Error` naming what was lost, stored twice or answered wrongly.
 */
export async function soakFailover(
  files: ServerFiles,
  { faults, random }: { readonly faults: number; readonly random: () => number },
): Promise<FaultReport> {
  const group = await startPrivateSentinels({ files });
  const lore = openStacklore(group.config(), { env: {}, embedder: new FakeEmbedder() });
  try {
    await group.inSync();
    const chosen = Array.from(
      { length: faults },
      () => FAULTS[Math.floor(random() * FAULTS.length)] ?? 'kill master',
    );
    return await surviveFaults({ lore, group, faults: chosen, random, isRepairedAtOnce: true });
  } finally {
    await lore.close();
    await group.stop();
  }
}
