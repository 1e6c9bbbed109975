import { loadConfig } from '../src/config.ts';
import { openLocalEmbedder } from '../src/embed/local-embedder.ts';
import { startPrivateRedis } from '../src/redis/private-redis.ts';
import { openStacklore } from '../src/stacklore.ts';
import { benchCli } from './cli.ts';
import { writeCodeSet } from './code-set.ts';
import { textWindows, vectorsOf } from './corpus.ts';
import { benchDocuments } from './documents.ts';
import { benchHttp } from './http.ts';
import { benchHybrid } from './hybrid.ts';
import { benchIndexKinds } from './index-kinds.ts';
import { benchIngest } from './ingest.ts';
import { benchMaintenance } from './maintenance.ts';
import { benchMap } from './map.ts';
import { printMachine } from './measure.ts';
import { benchMemory } from './memory.ts';
import { benchPublish } from './publish.ts';
import { benchQuality } from './quality.ts';
import { readArguments } from './read-arguments.ts';
import { benchRecall } from './recall.ts';
import { benchSearch } from './search.ts';
import { benchSemanticCache } from './semantic-cache.ts';
import { benchStall } from './stall.ts';
import { benchStart } from './start.ts';
import { benchStore } from './store.ts';
import { benchStores } from './stores/stores.ts';
import { benchWorkers } from './workers.ts';

const PARTS = [
  'ingest',
  'store',
  'search',
  'hybrid',
  'recall',
  'map',
  'memory',
  'stall',
  'cli',
  'http',
  'stores',
  'maintenance',
  'workers',
  'documents',
  'publish',
  'index',
  'start',
];
/** Parts that make what they measure with by themselves. */
const UNSTORED_PARTS = [
  ...['ingest', 'stores', 'maintenance', 'workers', 'documents', 'publish'],
  ...['quality', 'code-set', 'semantic-cache'],
];
const MEMORY_CHUNKS = 20_000;
const STALL_CHUNKS = 5_000;
const QUESTIONS = [
  'how do I configure a connection?',
  'what does this function return',
  'install the package with npm',
  'error handling and retries',
  'streaming large files',
  'type definitions for options',
  'license of this software',
  'breaking changes in the last release',
];

const USAGE = `npm run bench -- [part …] [--quick]
Parts are ${PARTS.join(', ')}; all of them unless some are named; --quick for a look, --corpus DIR, --only FAMILY (of stores), semantic-cache with or without --data DIR, quality with --data DIR, code-set with --data DIR to write it.`;
const { values, positionals } = readArguments(
  {
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      corpus: { type: 'string' },
      only: { type: 'string' },
      data: { type: 'string' },
    },
  },
  USAGE,
);
const parts = positionals.length > 0 ? positionals : PARTS;
const unknown = parts.filter(
  (part) => !PARTS.includes(part) && !['quality', 'code-set', 'semantic-cache'].includes(part),
);
if (unknown.length > 0) {
  console.error(`Unknown part ${unknown.join(', ')}.\n${USAGE}`);
  process.exit(2);
}
const { quick, corpus, only, data } = values;
const rounds = quick ? 3 : 5;
printMachine();

if (parts.includes('ingest')) await benchIngest({ folder: corpus, bytes: quick ? 200_000 : 700_000, rounds });
if (parts.includes('workers'))
  await benchWorkers({ folder: corpus, bytes: quick ? 400_000 : 700_000, rounds });
if (parts.includes('stores'))
  await benchStores({ rounds, calls: quick ? 500 : 2_000, ...(only !== undefined && { only }) });
if (parts.includes('maintenance'))
  await benchMaintenance({ rounds, keys: quick ? 50_000 : 200_000, chunks: quick ? 10_000 : 50_000 });
if (parts.includes('documents')) await benchDocuments({ sizes: quick ? [2_000, 20_000] : [10_000, 100_000] });
if (parts.includes('publish')) await benchPublish({ documents: quick ? 10 : 50 });
if (parts.includes('semantic-cache')) await benchSemanticCache(data);
if (parts.includes('quality') || parts.includes('code-set')) {
  if (data === undefined) {
    console.error(
      'quality and code-set need --data DIR: a folder of judged collections, or of the one to write.',
    );
    process.exit(2);
  }
  if (parts.includes('code-set')) await writeCodeSet(data);
  if (parts.includes('quality')) await benchQuality(data);
}
if (parts.some((part) => !UNSTORED_PARTS.includes(part))) await benchStored();

async function benchStored(): Promise<void> {
  const config = loadConfig();
  const embedder = await openLocalEmbedder(config);
  const texts = await textWindows(corpus, (quick ? 5_000 : 50_000) + 500);
  const vectors = await vectorsOf(config, embedder, texts);
  await embedder.close();
  const queries = vectors.slice(-500);
  const stored = { texts: texts.slice(0, -500), vectors: vectors.slice(0, -500) };
  if (parts.includes('store')) await benchStore({ ...stored, rounds: quick ? 1 : rounds });
  if (parts.includes('memory')) {
    // Enough to see what a chunk takes; a server is filled for each variant.
    const count = Math.min(MEMORY_CHUNKS, stored.texts.length);
    const { texts: some, vectors: theirs } = stored;
    await benchMemory({ texts: some.slice(0, count), vectors: theirs.slice(0, count), queries });
  }
  if (parts.includes('index')) await benchIndexKinds(stored.vectors, queries);
  const provisionDir = config.provisionDir ?? `${config.home}/provision`;
  if (parts.includes('start')) await benchStart({ provisionDir, ...stored });
  if (!parts.some((part) => ['search', 'hybrid', 'recall', 'map', 'stall', 'cli', 'http'].includes(part)))
    return;

  const redis = await startPrivateRedis();
  const lore = openStacklore({ ...redis.config({ provisionDir }) }, { env: {} });
  try {
    // Made with the model and not with given dimensions, so that text queries can be asked of it too.
    const collection = await lore.createCollection('bench', { index: 'hnsw' });
    for (let at = 0; at < stored.texts.length; at += 100) {
      const document = {
        docId: `d${at}`,
        title: `Document ${at}`,
        source: `/bench/d${at}.md`,
        contentType: 'markdown',
      };
      const chunks = stored.texts
        .slice(at, at + 100)
        .map((text, index) => ({ text, start: index * 400, end: index * 400 + text.length }));
      await lore.documents.replace(
        collection,
        { ...document, wordCount: 1, hash: `h${at}` },
        chunks,
        stored.vectors.slice(at, at + 100),
      );
    }
    console.log(`${stored.texts.length} chunks stored`);
    const textQueries = Array.from(
      { length: quick ? 50 : 200 },
      (_, at) => `${QUESTIONS[at % QUESTIONS.length]} ${at}`,
    );
    if (parts.includes('search'))
      await benchSearch({ lore, redis, collection: 'bench', queries, texts: textQueries, rounds });
    if (parts.includes('hybrid'))
      await benchHybrid({ lore, redis, collection: 'bench', queries, texts: textQueries, rounds });
    if (parts.includes('recall')) await benchRecall(lore, { collection: 'bench', queries, quick });
    if (parts.includes('map')) await benchMap(lore, { collection: 'bench', rounds });
    if (parts.includes('stall')) {
      const count = Math.min(STALL_CHUNKS, stored.texts.length);
      await benchStall(lore, {
        redis,
        texts: stored.texts.slice(0, count),
        vectors: stored.vectors.slice(0, count),
      });
    }
    if (parts.includes('http')) await benchHttp({ lore, collection: 'bench', queries, quick });
    if (parts.includes('cli')) benchCli(redis.url, 'bench', rounds);
  } finally {
    await lore.close();
    await redis.stop();
  }
}
