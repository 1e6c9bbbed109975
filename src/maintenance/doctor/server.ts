import { errorMessage } from '../../errors.ts';
import type { Shard } from '../../redis/databases.ts';
import { findKeyspaces, readInfo } from '../keyspace.ts';
import type { Check, Problem } from './check.ts';

export const serverSettingsCheck: Check = {
  name: 'server settings',
  needs: 'nothing',
  async find({ databases, reachable }) {
    const keyspaces = await findKeyspaces(databases, reachable);
    const servers = new Map(keyspaces.map(({ serverId, database }) => [serverId, database]));
    const shards = await Promise.all([...servers.values()].map((database) => database.shards()));
    return (await Promise.all(shards.flat().map(settingsProblems))).flat();
  },
};

async function settingsProblems(shard: Shard): Promise<Problem[]> {
  const who = shard.address === undefined ? shard.name : `${shard.name} at ${shard.address}`;
  const names = ['maxmemory-policy', 'appendonly', 'save', 'aof-use-rdb-preamble'];
  let values: (string | undefined)[];
  try {
    const replies = await shard.pipeline<string[]>(names.map((name) => ['CONFIG', 'GET', name]));
    values = replies.map((reply) => reply[1]);
  } catch (error) {
    return [
      {
        severity: 'warning',
        what: `The settings of the server of ${who} cannot be read: ${errorMessage(error)}`,
        why: 'Whether it may lose data is not known.',
        fix: 'Allow this user CONFIG GET, or see to persistence and eviction where the server is run.',
      },
    ];
  }
  const [policy, appendOnly, save, preamble] = values;
  const change = (name: string, value: string) => ({
    fix: `CONFIG SET ${name} ${value}, and the same in the server's configuration file.`,
    repair: async () => (await shard.send<string>(['CONFIG', 'SET', name, value])) === 'OK',
  });
  const problems: Problem[] = [];
  if (policy !== undefined && policy !== 'noeviction') {
    problems.push({
      // The other policies drop keys with a TTL only, such as sessions.
      severity: policy.startsWith('allkeys') ? 'error' : 'warning',
      what: `The server of ${who} may evict keys: maxmemory-policy is ${policy}.`,
      why: 'When memory is short it drops records without a word, chunks and documents among them where it evicts of all keys.',
      ...change('maxmemory-policy', 'noeviction'),
    });
  }
  if (appendOnly === 'no' && save === '') {
    problems.push({
      severity: 'error',
      what: `The server of ${who} writes nothing to disk: appendonly is no and save is empty.`,
      why: 'Everything is lost when it stops.',
      ...change('appendonly', 'yes'),
    });
  }
  if (preamble === 'no') {
    problems.push({
      severity: 'error',
      what: `The server of ${who} rewrites its append-only file without the RDB preamble.`,
      why: 'All indexes are lost at the next restart; only the hashes stay.',
      ...change('aof-use-rdb-preamble', 'yes'),
    });
  }
  const persistence = await readInfo(shard, 'persistence');
  const failed = ['rdb_last_bgsave_status', 'aof_last_write_status', 'aof_last_bgrewrite_status'].filter(
    (name) => persistence.get(name) === 'err',
  );
  if (failed.length > 0) {
    problems.push({
      severity: 'error',
      what: `The server of ${who} failed to save its data: ${failed.join(', ')}.`,
      why: 'What was written since is lost when it stops, and it may refuse writes.',
      fix: "Free disk space and see the server's log.",
    });
  }
  return problems;
}
