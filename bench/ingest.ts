import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startPrivateRedis } from '../src/redis/private-redis.ts';
import { markdownFiles } from './corpus.ts';
import { inTurn, median, printRatio } from './measure.ts';

/** What the first line of the command starts node with, for the product is measured as it is run. */
export const COMMAND_FLAGS = ['--max-semi-space-size=2'];

interface IngestSample {
  readonly chunks: number;
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly peakMb: number;
}

/** Ingest of a folder of Markdown against bare loops of onnxruntime-node over the same token ids. */
export async function benchIngest({
  folder,
  bytes,
  rounds,
}: {
  folder: string | undefined;
  bytes: number;
  rounds: number;
}) {
  const temporary = mkdtempSync(join(tmpdir(), 'stacklore-bench-'));
  try {
    const corpus = join(temporary, 'corpus');
    const size = copyCorpus(await markdownFiles(folder), corpus, bytes);
    const idsPath = join(temporary, 'ids.json');
    const ours = () => runIngest(corpus, idsPath);
    const first = await ours(); // writes the token ids of every embedded chunk for the floors
    console.log(`ingest: ${(size / 1e6).toFixed(1)} MB of Markdown, ${first.chunks} chunks`);
    const oneSession = () => runChild('ingest-floor.js', [idsPath, '1', '2']);
    const twoWorkers = () => runChild('ingest-floor.js', [idsPath, '2', '1']);
    const oneThread = () => runChild('ingest-floor.js', [idsPath, '1', '1']);
    const rate = (all: IngestSample[]) => all.map((s) => s.chunks / (s.cpuMs / 1_000));
    const wall = (all: IngestSample[]) => all.map((s) => s.wallMs / s.chunks);
    for (const [name, floor] of [
      ['one session, 2 threads', oneSession],
      ['one session, 1 thread', oneThread],
      ['two sessions, 1 thread each', twoWorkers],
    ] as const) {
      const samples = await inTurn(rounds, ours, floor);
      printRatio(
        `ingest / ${name}: rate`,
        'chunks/CPU-s',
        rate(samples.ours),
        rate(samples.floor),
        'at least 0.9',
      );
      printRatio(
        `ingest / ${name}: wall`,
        'ms a chunk',
        wall(samples.ours),
        wall(samples.floor),
        'at most 1.1',
      );
      console.log(
        `peak memory of the ingesting process: ${median(samples.ours.map((s) => s.peakMb)).toFixed(0)} MB  (under 300)`,
      );
    }
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

async function runIngest(corpus: string, idsPath: string): Promise<IngestSample> {
  const redis = await startPrivateRedis();
  try {
    return await runChild('ingest-ours.js', [corpus, idsPath, redis.url], COMMAND_FLAGS);
  } finally {
    await redis.stop();
  }
}

/** Each side runs in a process of its own, so that processor time and peak memory are its own too. */
function runChild(script: string, args: string[], flags: readonly string[] = []): Promise<IngestSample> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...flags, path, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (data: Buffer) => {
      output += data.toString();
    });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(output.trim().split('\n').at(-1) ?? '') as IngestSample);
      else reject(new Error(`${script} ended with ${code}`));
    });
  });
}

/** Copies Markdown files into a folder, up to so many bytes in all; gives how many they are. */
export function copyCorpus(files: readonly string[], folder: string, bytes: number): number {
  mkdirSync(folder);
  let size = 0;
  for (const [index, file] of files.entries()) {
    const content = readFileSync(file);
    if (size + content.byteLength > bytes || content.byteLength > 500_000) continue;
    size += content.byteLength;
    cpSync(file, join(folder, `${String(index).padStart(5, '0')}.md`));
  }
  writeFileSync(join(folder, '.keep'), '');
  return size;
}
