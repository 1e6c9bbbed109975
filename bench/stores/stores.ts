import { startPrivateRedis } from '../../src/redis/private-redis.ts';
import { type DatabaseName, DEFAULT_DATABASE_NUMBERS } from '../../src/schema/record.ts';
import { openStacklore } from '../../src/stacklore.ts';
import { analyticsOperations } from './analytics.ts';
import { openBareClient } from './bare-client.ts';
import { cacheOperations } from './cache.ts';
import { conversationOperations } from './conversations.ts';
import { factOperations } from './facts.ts';
import { compareOperation, type Operations } from './operation.ts';
import { promptOperations } from './prompts.ts';
import { queueOperations } from './queues.ts';
import { rateLimitOperations } from './rate-limits.ts';
import { sessionOperations } from './sessions.ts';

interface StoreBench {
  readonly database: DatabaseName;
  readonly operations: Operations;
}

/** Every record family whose operations are measured, one line a family. */
const STORE_BENCHES: Readonly<Record<string, StoreBench>> = {
  analytics: { database: 'analytics', operations: analyticsOperations },
  facts: { database: 'knowledge', operations: factOperations },
  prompts: { database: 'prompts', operations: promptOperations },
  queues: { database: 'main', operations: queueOperations },
  sessions: { database: 'main', operations: sessionOperations },
  conversations: { database: 'main', operations: conversationOperations },
  cache: { database: 'main', operations: cacheOperations },
  'rate-limits': { database: 'main', operations: rateLimitOperations },
};

/** Each store's operations against the bare commands they stand on. */
export async function benchStores({ rounds, calls, only }: { rounds: number; calls: number; only?: string }) {
  for (const [name, { database, operations }] of Object.entries(STORE_BENCHES)) {
    if (only !== undefined && only !== name) continue;
    const redis = await startPrivateRedis();
    const lore = openStacklore(redis.config(), { env: {} });
    const client = await openBareClient(
      redis,
      lore.config.databases[database]?.number ?? DEFAULT_DATABASE_NUMBERS[database],
    );
    try {
      for (const operation of await operations(lore, client))
        await compareOperation(operation, { rounds, calls });
    } finally {
      client.destroy();
      await lore.close();
      await redis.stop();
    }
  }
}
