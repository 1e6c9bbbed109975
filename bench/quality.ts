import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../src/config.ts';
import { startPrivateRedis } from '../src/redis/private-redis.ts';
import type { SearchMode } from '../src/search/request.ts';
import { openStacklore, type Stacklore } from '../src/stacklore.ts';

const MODES = ['hybrid', 'vector', 'text'] as const satisfies readonly SearchMode[];
/** Chunks that an answer is looked for in. */
const K = 5;
/** Tokens of a context; the others show whether a gain depends on the budget. */
const BUDGETS = [300, 450, 600, 800, 1_000, 1_500, 2_000];
/** What is to be reached, by the name of the folder: at least the floor, if it can be the goal. */
const BOUNDS: Readonly<Record<string, string>> = {
  scifact: 'nDCG@10 and Recall@100: goal 0.740 and 0.963, floor 0.730 and 0.955',
  squad2: 'nDCG@10: goal 0.912, floor 0.905',
  'chunkeval-dev': 'recall, precision, whole: goal 0.92, 0.08, 0.85, floor 0.90, 0.075, 0.82',
};

/** Characters of a document, from `start` up to `end`. */
interface Span {
  readonly docId: string;
  readonly start: number;
  readonly end: number;
}

/**
 * How good the answers to judged collections are, with the defaults: each folder holds `corpus.jsonl`, `queries.jsonl` and
 * `qrels.tsv`, or `spans.tsv` with the characters that answer a query.
 */
export async function benchQuality(folder: string): Promise<void> {
  const config = loadConfig();
  const redis = await startPrivateRedis();
  const provisionDir = config.provisionDir ?? `${config.home}/provision`;
  const lore = openStacklore(redis.config({ provisionDir }), { env: {} });
  try {
    for (const set of readdirSync(folder).sort()) {
      const dir = join(folder, set);
      if (!existsSync(join(dir, 'corpus.jsonl'))) continue;
      const { chunks, seconds } = await lore.ingest({
        sources: [join(dir, 'corpus.jsonl')],
        collection: set,
      });
      console.log(`\n${set}: ${chunks} chunks in ${seconds.toFixed(1)} s. ${BOUNDS[set] ?? ''}`);
      if (existsSync(join(dir, 'spans.tsv'))) await measureSpans(lore, { dir, collection: set });
      else await measureDocuments(lore, { dir, collection: set });
    }
  } finally {
    await lore.close();
    await redis.stop();
  }
}

interface JudgedSet {
  readonly dir: string;
  readonly collection: string;
}

async function measureDocuments(lore: Stacklore, { dir, collection }: JudgedSet): Promise<void> {
  const request = {
    ...{ queries: join(dir, 'queries.jsonl'), qrels: join(dir, 'qrels.tsv'), collection },
    indexRecall: false,
  };
  for (const mode of MODES) {
    const { measures, latencyMs, queries } = await lore.evaluate({ ...request, search: { mode } });
    const { ndcg, recallAt100, mrr } = measures;
    console.log(
      `${mode.padEnd(7)} nDCG@10 ${ndcg.toFixed(4)}  Recall@100 ${recallAt100.toFixed(4)}  MRR@10 ${mrr.toFixed(4)}  p50 ${latencyMs.p50.toFixed(1)} ms  (${queries} queries)`,
    );
  }
}

async function measureSpans(lore: Stacklore, { dir, collection }: JudgedSet): Promise<void> {
  const answers = readSpans(join(dir, 'spans.tsv'));
  const queries = readQueries(join(dir, 'queries.jsonl')).filter(({ id }) => answers.has(id));
  for (const mode of MODES) {
    const figures = await figuresFor(queries, async ({ id, text }) => {
      const { hits } = await lore.search({ query: text, collection, topK: K, mode });
      return spanFigures(hits.map(toSpan), answers.get(id) ?? []);
    });
    console.log(`${mode.padEnd(7)} first ${K} chunks: ${describe(meanOf(figures))}`);
  }
  await measureContexts(lore, { collection, queries, answers });
}

/** Contexts with passages whole and trimmed, the default, side by side. */
async function measureContexts(
  lore: Stacklore,
  { collection, queries, answers }: JudgedQuestions,
): Promise<void> {
  const gains: number[][] = [];
  for (const maxTokens of BUDGETS) {
    const recalls: number[][] = [];
    for (const trim of [false, true]) {
      const figures = await figuresFor(queries, async ({ id, text }) => {
        const { citations } = await lore.context({ query: text, collection, maxTokens, trim });
        return spanFigures(citations.map(toSpan), answers.get(id) ?? []);
      });
      recalls.push(figures.map(({ recall }) => recall));
      const how = trim ? 'trimmed' : 'whole';
      console.log(`context of ${maxTokens} tokens, passages ${how.padEnd(7)} ${describe(meanOf(figures))}`);
    }
    const [whole = [], trimmed = []] = recalls;
    gains.push(trimmed.map((recall, at) => recall - (whole[at] ?? 0)));
    console.log(`recall gained by trimming: ${describeGain(gains.at(-1) ?? [])}`);
  }
  const mean = queries.map((_, at) => average(gains.map((gain) => gain[at] ?? 0)));
  console.log(`recall gained over all budgets: ${describeGain(mean)}`);
}

interface JudgedQuestions {
  readonly collection: string;
  readonly queries: readonly { readonly id: string; readonly text: string }[];
  readonly answers: ReadonlyMap<string, readonly Span[]>;
}

interface SpanFigures {
  readonly recall: number;
  readonly precision: number;
  readonly whole: number;
}

/** Shares of characters: of the answer that was found, of what was found that is answer; and whether all was found. */
function spanFigures(found: readonly Span[], wanted: readonly Span[]): SpanFigures {
  const characters = (spans: readonly Span[]) =>
    new Set(
      spans.flatMap(({ docId, start, end }) =>
        Array.from({ length: end - start }, (_, at) => `${docId} ${start + at}`),
      ),
    );
  const answer = characters(wanted);
  const shown = characters(found);
  const both = [...answer].filter((character) => shown.has(character)).length;
  // Each chunk counts whole, as a reader has to read it, even where it repeats another.
  const read = found.reduce((sum, { start, end }) => sum + end - start, 0);
  return {
    recall: both / answer.size,
    precision: read === 0 ? 0 : both / read,
    whole: both === answer.size ? 1 : 0,
  };
}

function describe({ recall, precision, whole }: SpanFigures): string {
  return `recall ${recall.toFixed(4)}  precision ${precision.toFixed(4)}  whole ${whole.toFixed(4)}`;
}

async function figuresFor<T>(
  items: readonly T[],
  measure: (item: T) => Promise<SpanFigures>,
): Promise<SpanFigures[]> {
  const all: SpanFigures[] = [];
  for (const item of items) all.push(await measure(item));
  return all;
}

function meanOf(all: readonly SpanFigures[]): SpanFigures {
  const mean = (name: keyof SpanFigures) => average(all.map((one) => one[name]));
  return { recall: mean('recall'), precision: mean('precision'), whole: mean('whole') };
}

/** The mean with its standard error; also that of every other question, and that of those between. */
function describeGain(gains: readonly number[]): string {
  const halves = [0, 1].map((half) => meanWithError(gains.filter((_, at) => at % 2 === half)));
  return `${meanWithError(gains)} (halves ${halves.join(', ')})`;
}

function meanWithError(values: readonly number[]): string {
  const mean = average(values);
  const variance = average(values.map((value) => (value - mean) ** 2));
  return `${mean.toFixed(4)} ± ${Math.sqrt(variance / values.length).toFixed(4)}`;
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function toSpan({ docId, start = 0, end = 0 }: { docId: string; start?: number; end?: number }): Span {
  return { docId, start, end };
}

function readQueries(path: string): { id: string; text: string }[] {
  return lines(path).map((line) => {
    const { _id, text } = JSON.parse(line) as { _id: string; text: string };
    return { id: _id, text };
  });
}

function readSpans(path: string): Map<string, Span[]> {
  const spans = new Map<string, Span[]>();
  for (const line of lines(path).slice(1)) {
    const [query = '', docId = '', start, end] = line.split('\t');
    const known = spans.get(query) ?? [];
    spans.set(query, [...known, { docId, start: Number(start), end: Number(end) }]);
  }
  return spans;
}

function lines(path: string): string[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
}
