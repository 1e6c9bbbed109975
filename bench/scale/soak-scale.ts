import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Config, loadConfig } from '../../src/config.ts';
import { openLocalEmbedder } from '../../src/embed/local-embedder.ts';
import type { BackupArchive } from '../../src/maintenance/backup/backup.ts';
import type { Diagnosis } from '../../src/maintenance/doctor/doctor.ts';
import { stopEmbeddedRedis } from '../../src/redis/embedded.ts';
import { embeddedStatus } from '../../src/redis/embedded-status.ts';
import { startPrivateRedis } from '../../src/redis/private-redis.ts';
import { openStacklore, type Stacklore } from '../../src/stacklore.ts';
import { textWindows, vectorsOf } from '../corpus.ts';
import { retainedMb } from '../measure.ts';
import { backUp, type CommandRun, restoreAll, runCommand } from '../soak-backup.ts';
import { CHUNK_SIZE, documentCount, documentsOf, likenessEmbedder } from './corpus.ts';
import { type Figure, printFigures, printGrowth } from './figures.ts';
import { fitLikeness, type Likeness } from './likeness.ts';
import { memoryFigures } from './memory-figures.ts';
import { LOOK_PAUSE_MS, restartFigures } from './restarts.ts';
import { exactAnswers, recallOf, searchFigures } from './search-figures.ts';

const COLLECTION = 'scale';
const SMALLER_BY = 5;
const QUERIES = 100;
/** A server that this program could not stop, as it was killed itself, ends by itself. */
const IDLE_STOP_SECONDS = 900;
/** What a program may keep more of that does not grow with what it goes through: requests under way, compiled code. */
const MOST_GROWTH_MB = 10;
/** How often the memory of the ingest is looked at. */
const LOOKS = 20;

/** Real texts whose vectors the made ones are like: so many where many chunks are wanted, and few for a look. */
const [MANY_REAL, FEW_REAL, MANY_CHUNKS] = [50_000, 5_000, 50_000];
const HELD_OUT = 500;

/**
 * Everything that has to work with very many chunks, each with its figure, at a fifth of them and at all. Gives how many
 * bounds were missed.
 */
export async function soakScale(config: Config, chunks: number): Promise<number> {
  const embedder = await openLocalEmbedder(config);
  // As many as the bench takes, so that both share the vectors kept in the data home.
  const windows = await textWindows(undefined, (chunks > MANY_CHUNKS ? MANY_REAL : FEW_REAL) + HELD_OUT);
  const all = await vectorsOf(config, embedder, windows);
  await embedder.close();
  const [texts, vectors, heldOut] = [
    windows.slice(0, -HELD_OUT),
    all.slice(0, -HELD_OUT),
    all.slice(-HELD_OUT),
  ];
  const likeness = fitLikeness(vectors, heldOut);
  const { stretch, nearest } = likeness;
  console.log(
    `${vectors.length} real vectors; made ones moved by ${stretch.toFixed(2)} of two differences of neighbours: median distance to the nearest real one ${nearest.made.toFixed(4)}, of held-out real ones ${nearest.real.toFixed(4)}`,
  );
  const runs: Figure[][] = [];
  const sizes = [Math.round(chunks / SMALLER_BY), chunks] as const;
  for (const size of sizes) {
    console.log(`\n${size} chunks`);
    runs.push(await oneRun({ chunks: size, config, texts, likeness, heldOut }));
  }
  return printGrowth(sizes, runs[0] ?? [], runs[1] ?? []);
}

interface Run {
  readonly chunks: number;
  readonly config: Config;
  readonly texts: readonly string[];
  readonly likeness: Likeness;
  /** Real vectors that are asked for. */
  readonly heldOut: readonly Float32Array[];
}

/** Prints each figure once it is known: at all of them a run takes more than an hour. */
async function oneRun({ chunks, config, texts, likeness, heldOut }: Run): Promise<Figure[]> {
  const home = mkdtempSync(join(tmpdir(), 'stacklore-scale-'));
  const provisionDir = config.provisionDir ?? `${config.home}/provision`;
  const embedder = likenessEmbedder(likeness, heldOut[0]?.length ?? 0);
  const settings = { home, provisionDir, embedded: { idleStopSeconds: IDLE_STOP_SECONDS } };
  const open = () => openStacklore(settings, { env: {}, embedder });
  const vectors = heldOut.slice(0, QUERIES);
  try {
    const figures: Figure[] = [];
    const add: AddFigures = (more) => {
      printFigures(more);
      figures.push(...more);
    };
    add(await ingestFigures(open, texts, chunks));
    const lore = open();
    const exact = await exactAnswers(lore, COLLECTION, vectors);
    const recall = await recallOf(lore, COLLECTION, { vectors, exact });
    add([{ name: 'recall@10', unit: '', value: recall, growth: 'free' }]);
    add(await memoryFigures(lore, COLLECTION));
    await lore.close();
    add(await searchFigures(open, COLLECTION, { vectors, texts }));
    const backup = await commandFigures({ home, open, add });
    const known = {
      collection: COLLECTION,
      vector: vectors[0] as Float32Array,
      // With words in it, whatever the texts are: a question without any is warned of for ever.
      query: 'how is a connection configured?',
    };
    const restart = (way: 'clean' | 'kill -9') =>
      restartFigures(home, open, { way, known: { ...known, nearest: exact[0] ?? [] }, add });
    await restart('clean');
    add(await restoreFigures(backup));
    await restart('kill -9');
    return figures;
  } finally {
    await stopEmbeddedRedis(loadConfig({ env: {}, settings: { home } }));
    rmSync(home, { recursive: true, force: true });
  }
}

/** Ingests, waits until the index serves all, and ingests again with one document in a hundred changed. */
async function ingestFigures(
  open: () => Stacklore,
  texts: readonly string[],
  chunks: number,
): Promise<Figure[]> {
  const lore = open();
  const count = documentCount(chunks);
  const retained: number[] = [];
  let lookingMs = 0;
  let documents = 0;
  const onEvent = () => {
    documents += 1;
    if (documents % Math.ceil(count / LOOKS) !== 0) return;
    const began = performance.now();
    retained.push(retainedMb());
    lookingMs += performance.now() - began;
  };
  try {
    const request = { collection: COLLECTION, settings: { chunkSize: CHUNK_SIZE, chunkOverlap: 0 }, onEvent };
    const first = await lore.ingestTexts(documentsOf(texts, count, 1), request);
    const grown = Math.max(...retained.slice(-LOOKS / 5)) - Math.max(...retained.slice(0, LOOKS / 4));
    const waiting = performance.now();
    // Ready is also what the index before is that serves meanwhile.
    while ((await lore.tendIndexes([COLLECTION]))[COLLECTION] !== 'settled') await sleep(LOOK_PAUSE_MS);
    const waited = (performance.now() - waiting) / 1_000;
    const second = await lore.ingestTexts(documentsOf(texts, count, 2), request);
    if (second.counts.updated !== Math.ceil(count / 100) || first.counts.created !== count)
      throw new Error(`Ingest went otherwise: ${JSON.stringify([first.counts, second.counts])}`);
    if (grown > MOST_GROWTH_MB) console.log(`  the client kept ${grown.toFixed(0)} MB more, MISSED`);
    const seconds = first.seconds - lookingMs / 1_000;
    return [
      { name: 'chunks stored', unit: '', value: first.chunks, growth: 'linear' },
      { name: 'ingest', unit: 's', value: seconds, growth: 'linear' },
      { name: 'ingest rate', unit: 'chunks/s', value: first.chunks / seconds, growth: 'free' },
      { name: 'until the index is whole', unit: 's', value: waited, growth: 'linear' },
      { name: 'more kept by the client after a quarter', unit: 'MB', value: grown, growth: 'free' },
      { name: 'again with 1 % changed', unit: 's', value: second.seconds, growth: 'linear' },
    ];
  } finally {
    await lore.close();
  }
}

/** Takes note of figures that are known. */
type AddFigures = (figures: readonly Figure[]) => void;

/** Keys, doctor and backup, each by the command in a process of its own. Gives the archives. */
async function commandFigures({
  home,
  open,
  add,
}: {
  readonly home: string;
  readonly open: () => Stacklore;
  readonly add: AddFigures;
}): Promise<readonly BackupArchive[]> {
  const lore = open();
  await lore.databases.knowledge.send(['PING']);
  await lore.close();
  const { socketPath } = await embeddedStatus(loadConfig({ env: {}, settings: { home } }));
  const server = { url: `unix:${socketPath}` };
  add(commandRun('keys', await runCommand(server, ['keys'])));
  const doctor = await runCommand<Diagnosis>(server, ['doctor']);
  add(commandRun('doctor', doctor));
  for (const { what } of doctor.data.findings) console.log(`  doctor: ${what}`);
  const list = ['docs', 'list', '--collection', COLLECTION, '--title', 'Report 7'];
  add(commandRun('docs list by title', await runCommand(server, list)));
  const saved = await backUp(server, join(home, 'backups'));
  add(commandRun('backup', saved));
  return saved.data;
}

async function restoreFigures(backup: readonly BackupArchive[]): Promise<Figure[]> {
  const target = await startPrivateRedis();
  try {
    return commandRun('restore with its index', await restoreAll(target, backup));
  } finally {
    await target.stop();
  }
}

function commandRun(name: string, { seconds, peakMb }: CommandRun<unknown>): Figure[] {
  return [
    { name, unit: 's', value: seconds, growth: 'linear' },
    { name: `${name}: client`, unit: 'MB', value: peakMb, growth: 'flat' },
  ];
}
