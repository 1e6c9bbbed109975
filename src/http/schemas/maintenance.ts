import { z } from 'zod';
import { collectionStatus, unreadableCollections } from './collections.ts';

const databaseName = z.enum(['main', 'knowledge', 'prompts', 'analytics']);
const databaseStatus = z.union([
  z.object({ keys: z.int() }),
  z.object({ error: z.object({ code: z.string(), message: z.string() }) }),
]);
const connection = z.object({ transport: z.enum(['socket', 'tcp', 'tls']), user: z.string().nullable() });
const tally = {
  keys: z.int(),
  bytes: z.number(),
  largestBytes: z.number(),
  types: z.record(z.string(), z.int()),
  sizes: z.record(z.string(), z.int()),
};

/** The state of the server and of every collection, see `Status`. */
export const statusAnswer = z.object({
  server: z.object({
    version: z.string(),
    searchModule: z.string(),
    embedded: z.boolean(),
    usedMemoryBytes: z.number(),
    peakMemoryBytes: z.number(),
    uptimeSeconds: z.number(),
    persistence: z.string(),
    evictionPolicy: z.string(),
  }),
  databases: z.object({
    main: databaseStatus,
    knowledge: z.object({ keys: z.int() }),
    prompts: databaseStatus,
    analytics: databaseStatus,
  }),
  connections: z.object({
    ...{ main: connection, knowledge: connection, prompts: connection, analytics: connection },
  }),
  collections: z.array(collectionStatus),
  unreadableCollections,
});

/** Every key by record family, see `KeysReport`. */
export const keysAnswer = z.object({
  exact: z.boolean(),
  keys: z.int(),
  bytes: z.number(),
  families: z.array(
    z.object({
      family: z.string(),
      database: databaseName,
      pattern: z.string(),
      ...tally,
      ttl: z.object({
        declaredSeconds: z.int().nullable(),
        expiring: z.int(),
        missing: z.int(),
        longer: z.int(),
        missingKeys: z.array(z.string()),
      }),
      wrongType: z.object({ count: z.int(), keys: z.array(z.string()) }),
      collections: z.array(z.object({ collection: z.string(), ...tally })).optional(),
    }),
  ),
  unknown: z.array(
    z.object({ databases: z.array(databaseName), prefix: z.string(), ...tally, expiring: z.int() }),
  ),
  denied: z.int(),
  biggest: z.array(
    z.object({
      key: z.string(),
      family: z.string().nullable(),
      databases: z.array(databaseName),
      type: z.string(),
      bytes: z.number(),
    }),
  ),
  servers: z.array(
    z.object({
      databases: z.array(databaseName),
      address: z.string().optional(),
      version: z.string(),
      usedBytes: z.number(),
      peakBytes: z.number(),
      datasetBytes: z.number(),
      maxBytes: z.number(),
      evictionPolicy: z.string(),
      fragmentation: z.number(),
    }),
  ),
});

/** What is wrong or may become so, see `Diagnosis`. */
export const doctorAnswer = z.object({
  findings: z.array(
    z.object({
      check: z.string(),
      severity: z.enum(['error', 'warning']),
      what: z.string(),
      why: z.string(),
      fix: z.string(),
      isFixable: z.boolean(),
    }),
  ),
  errors: z.int(),
  warnings: z.int(),
});

/** How often the response cache had the answer, see `CacheStats`. */
export const cacheAnswer = z.object({
  hits: z.int(),
  misses: z.int(),
  entries: z.int(),
  endpoints: z.array(z.object({ endpoint: z.string(), entries: z.int() })),
});
