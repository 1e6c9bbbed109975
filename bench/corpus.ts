import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { glob } from 'tinyglobby';
import type { Config } from '../src/config.ts';
import type { Embedder } from '../src/embed/embedder.ts';

const WINDOW = 1_000;
/** Windows begin at least this far apart, and as far apart as the wanted number allows. */
const LEAST_STEP = 25;

/** Files whose text the benches use: Markdown below a folder, or below node_modules and the fixtures. */
export async function markdownFiles(folder: string | undefined): Promise<string[]> {
  const options = { absolute: true, dot: false, onlyFiles: true } as const;
  const found =
    folder === undefined
      ? await glob(['node_modules/**/*.md', 'fixtures/documents/**/*.md'], options)
      : await glob(['**/*.md'], { ...options, cwd: folder });
  return found.sort();
}

/** Overlapping windows of about 1 kB over the files, each once, in an order that mixes the files. */
export async function textWindows(folder: string | undefined, count: number): Promise<string[]> {
  const windows = new Map<string, string>();
  const texts = (await markdownFiles(folder)).map((file) => readFileSync(file, 'utf8'));
  const length = texts.reduce((sum, text) => sum + text.length, 0);
  // Some windows are too short or come twice, hence the margin.
  const step = Math.max(LEAST_STEP, Math.floor(length / (count * 1.4)));
  for (const text of texts) {
    for (let at = 0; at + WINDOW / 2 < text.length; at += step) {
      const window = text.slice(at, at + WINDOW).trim();
      if (window.length > WINDOW / 2 && window.isWellFormed()) windows.set(hashOf(window), window);
    }
  }
  const mixed = [...windows.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, window]) => window);
  if (mixed.length < count)
    console.log(`The corpus gives ${mixed.length} windows, not ${count}: figures are for these.`);
  return mixed.slice(0, count);
}

/** The vectors of texts, cut to what the model reads; kept in the data home, so that only new texts are embedded. */
export async function vectorsOf(
  config: Config,
  embedder: Embedder,
  texts: readonly string[],
): Promise<Float32Array[]> {
  const key = hashOf(`${embedder.model.weightsSha256}\n${texts.map(hashOf).join('\n')}`);
  const folder = join(config.home, 'bench');
  const path = join(folder, `vectors-${key}.bin`);
  const { dimensions } = embedder;
  if (!existsSync(path)) {
    mkdirSync(folder, { recursive: true });
    const all = new Float32Array(texts.length * dimensions);
    for (let at = 0; at < texts.length; at += 500) {
      const page = texts.slice(at, at + 500).map((text) => shorten(embedder, text));
      for (const [index, vector] of (await embedder.embedTexts(page)).entries())
        all.set(vector, (at + index) * dimensions);
      process.stderr.write(`\rembedding ${Math.min(at + 500, texts.length)} of ${texts.length} texts once`);
    }
    process.stderr.write('\n');
    writeFileSync(`${path}.${process.pid}`, Buffer.from(all.buffer));
    renameSync(`${path}.${process.pid}`, path);
  }
  const bytes = Uint8Array.from(readFileSync(path)).buffer;
  return texts.map((_, index) => new Float32Array(bytes, index * dimensions * 4, dimensions));
}

function shorten(embedder: Embedder, text: string): string {
  const most = embedder.model.maxTokens - 16;
  let short = text;
  while (embedder.countTokens(short) > most) short = short.slice(0, Math.floor(short.length * 0.9));
  return short.isWellFormed() ? short : short.slice(0, -1);
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
