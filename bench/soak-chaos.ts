import type { ServerFiles } from '../src/provision/redis-pair.ts';
import type { ChaosReport } from '../test/support/chaos.ts';
import { killEmbedded, killMasters, killPrivate } from '../test/support/killed-servers.ts';

/**
 * Kills a server, the embedded server and masters of a cluster at random moments while documents are ingested, replaced
 * and deleted, searches run and the collection's index changes its kind. Throws an `Error` naming what was lost, stored
 * twice or answered wrongly.
 */
export async function soakChaos(
  files: ServerFiles,
  { kills, random }: { readonly kills: number; readonly random: () => number },
): Promise<Readonly<Record<string, ChaosReport>>> {
  const plan = { files, kills: Math.ceil(kills / 3), random };
  return {
    'one server': await killPrivate(plan),
    'embedded server': await killEmbedded(plan),
    'masters of a cluster': await killMasters(plan),
  };
}
