import { errorMessage, StackloreError } from '../errors.ts';
import { RECORDS } from '../schema/records.ts';
import type { Connection } from './connection.ts';
import { who } from './reply-error.ts';

/** Some servers take keys of several slots that lie on one shard: those of so many slots hardly do. */
const KEYS = 16;

/**
 * Refuses a server that is several shards behind one address, as managed services have it, before anything is stored there under
 * the wrong names: found out by a transaction of reads, which such a server refuses. A server that does not answer it, for lack of
 * rights or for another reason, passes. Throws `invalid_config` with the remedy.
 */
export async function requireWhole(connection: Connection, timeoutMs: number): Promise<void> {
  const { context } = connection;
  const { key } =
    Object.values(RECORDS).find(
      (record) => record.database === context.name && record.key.pattern.includes('*'),
    ) ?? {};
  // Keys of a record, as users of least rights may look at no others; none of that name is there.
  const keys = Array.from(
    { length: KEYS },
    (_, n) => key?.pattern.replaceAll('*', `stacklore-probe-${n}`) ?? '',
  );
  const looks = keys.map((one) => ['EXISTS', one]);
  await connection.transaction(looks, false, timeoutMs).catch((error: unknown) => {
    const reply = error instanceof StackloreError ? errorMessage(error.cause) : '';
    if (!reply.includes('CROSSSLOT')) return;
    throw new StackloreError('invalid_config', {
      message:
        `Keys of ${who(context)} lie on several shards behind one address. ` +
        `Let ${context.setting ?? 'REDIS_URL'} begin with redis+sharded:// in place of redis://, or rediss+sharded:// in place of rediss://; ` +
        'where clients are to know every node, with redis+cluster://.',
      cause: error,
    });
  });
}
