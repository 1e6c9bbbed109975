import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findVanished } from '../src/ingest/prune.ts';
import { startPrivateRedis } from '../src/redis/private-redis.ts';
import { openStacklore, type Stacklore } from '../src/stacklore.ts';
import type { Collection } from '../src/stores/knowledge/collections.ts';
import { longestPing } from './longest-ping.ts';
import { sample } from './measure.ts';

const DIMENSIONS = 8;
const PUBLISHED_AT_ONCE = 64;
const USERS = 97;

export interface DocumentsBench {
  /** Numbers of documents, ascending: each figure is taken at all of them. */
  readonly sizes: readonly number[];
}

type Step = (lore: Stacklore, documents: number) => Promise<unknown>;

/** What lists, maps and looks after documents; each is timed, and so is the longest wait of another client meanwhile. */
const STEPS: Readonly<Record<string, Step>> = {
  'list, first page': (lore) => lore.documents.list('small'),
  'list, last page': (lore, documents) => lore.documents.list('small', { offset: documents - 100 }),
  'list by title, found early': (lore, documents) =>
    lore.documents.list('small', { title: `title of ${documents - 3}`, limit: 1 }),
  'list by title, rare': (lore) => lore.documents.list('small', { title: 'title of 7 ' }),
  'list by source, all fit': (lore) => lore.documents.list('small', { source: '/DOCS/' }),
  'list by content type, all fit': (lore) => lore.documents.list('small', { contentType: 'markdown' }),
  'list of collections': (lore) => lore.listCollections(),
  status: (lore) => lore.status(),
  map: async (lore) => {
    await lore.responseCache.clear();
    return lore.map({ collection: 'small', limit: 2_000 });
  },
  'what a prune looks at': (lore) => vanished(lore),
  'erase-user, dry run': (lore) => lore.maintenance.eraseUser('user_3', { dryRun: true }),
  'cleanup of all, dry run': (lore) => lore.maintenance.cleanup({ all: true, dryRun: true }),
  doctor: (lore) => lore.maintenance.diagnose(),
  keys: (lore) => lore.maintenance.analyseKeys(),
};

/** How what lists and looks after documents grows with their number. */
export async function benchDocuments({ sizes }: DocumentsBench): Promise<void> {
  const redis = await startPrivateRedis();
  const lore = openStacklore(redis.config(), { env: {} });
  const told = new Map<string, string[]>();
  try {
    const collection = await lore.createCollection('small', { dimensions: DIMENSIONS });
    let stored = 0;
    for (const documents of sizes) {
      const { wallMs } = await sample(() => publish(lore, collection, { first: stored, last: documents }));
      console.log(
        `${documents} documents of one chunk; ${Math.round(((documents - stored) / wallMs) * 1_000)} published a second`,
      );
      stored = documents;
      for (const [name, step] of Object.entries(STEPS)) {
        const heap = process.memoryUsage().heapUsed;
        let wallMs = 0;
        const stallMs = await longestPing(redis, async () => {
          ({ wallMs } = await sample(async () => void (await step(lore, documents))));
        });
        const grownMb = Math.max(0, process.memoryUsage().heapUsed - heap) / 1e6;
        const figure = `${wallMs.toFixed(wallMs < 10 ? 1 : 0)} (${stallMs.toFixed(0)}, ${grownMb.toFixed(0)})`;
        told.set(name, [...(told.get(name) ?? []), figure]);
      }
    }
  } finally {
    await lore.close();
    await redis.stop();
  }
  console.log('ms (longest wait of another client in ms, heap grown in MB)'.padEnd(62), sizes.join('  '));
  for (const [name, figures] of told) {
    console.log(name.padEnd(32), figures.map((one) => one.padEnd(18)).join(''));
  }
}

async function publish(
  lore: Stacklore,
  collection: Collection,
  { first, last }: { first: number; last: number },
): Promise<void> {
  for (let at = first; at < last; at += PUBLISHED_AT_ONCE) {
    const numbers = Array.from({ length: Math.min(PUBLISHED_AT_ONCE, last - at) }, (_, n) => at + n);
    await Promise.all(numbers.map((n) => publishOne(lore, collection, n)));
    await lore.databases.main.pipeline(
      numbers.map((n) => ['HSET', `session:s${n}`, 'user_id', `user_${n % USERS}`]),
    );
  }
}

async function publishOne(lore: Stacklore, collection: Collection, n: number): Promise<void> {
  const document = {
    ...{ docId: `d${n}`, title: `The title of ${n} `, source: `/docs/d${n}.md`, contentType: 'markdown' },
    ...{ wordCount: 1, hash: `h${n}`, origin: 'file' },
  };
  const vector = Float32Array.from({ length: DIMENSIONS }, (_, at) => Math.sin(n * 31 + at * 7));
  await lore.documents.replace(collection, document, [{ text: `text of ${n}` }], [vector]);
}

/** Looks for documents whose files are gone in a folder that holds none of them. */
async function vanished(lore: Stacklore): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'stacklore-bench-'));
  try {
    await findVanished(lore.documents, 'small', { sources: [folder], read: {} });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
