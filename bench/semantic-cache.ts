import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../src/config.ts';
import { startPrivateRedis } from '../src/redis/private-redis.ts';
import { cosine } from '../src/search/cosine.ts';
import { sameNumbers } from '../src/search/same-numbers.ts';
import type { SearchHit } from '../src/search/search.ts';
import { openStacklore, type Stacklore } from '../src/stacklore.ts';

/** A question, one that was asked before it, and how near both are. */
interface Pair {
  readonly earlier: string;
  readonly later: string;
  readonly similarity: number;
  /** How the sources end that answer the later one; empty where that is not known. */
  readonly expected: ReadonlySet<string>;
}

/** What the answer of an earlier question does in place of the later one's own. */
interface Outcome extends Pair {
  /** Share of the later one's first five hits that the earlier one has too. */
  readonly sameHits: number;
  readonly own: boolean;
  readonly given: boolean;
}

const TOP_K = 5;
const THRESHOLDS = [0.85, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98];
const FIXTURES = 'fixtures/queries';

/**
 * What a threshold of the semantic cache costs: rewordings of the handbook's questions, questions that differ in one
 * word, and, of each judged collection in a folder, every question with the nearest one before it.
 */
export async function benchSemanticCache(data: string | undefined): Promise<void> {
  const redis = await startPrivateRedis();
  const { provisionDir, home } = loadConfig();
  const lore = openStacklore(redis.config({ provisionDir: provisionDir ?? `${home}/provision` }), {
    env: {},
  });
  try {
    await lore.ingest({ sources: ['fixtures/documents'], collection: 'handbook' });
    const { same, different } = await rewordings(lore);
    await report(lore, { collection: 'handbook', what: 'the same, reworded' }, same);
    await report(lore, { collection: 'handbook', what: 'another question, a word apart' }, different);
    for (const set of data === undefined ? [] : readdirSync(data).sort()) {
      const dir = join(data ?? '', set);
      // Elsewhere questions are judged by spans, which chunks of another size miss for other reasons.
      if (!existsSync(join(dir, 'corpus.jsonl')) || existsSync(join(dir, 'spans.tsv'))) continue;
      await lore.ingest({ sources: [join(dir, 'corpus.jsonl')], collection: set });
      await report(
        lore,
        { collection: set, what: `${set}, the nearest before` },
        await nearestBefore(lore, dir),
      );
    }
  } finally {
    await lore.close();
    await redis.stop();
  }
}

async function rewordings(lore: Stacklore): Promise<{ same: Pair[]; different: Pair[] }> {
  const questions = new Map(readLines(`${FIXTURES}/handbook.jsonl`).map((one) => [one._id, one]));
  const same: Pair[] = [];
  const different: Pair[] = [];
  for (const reworded of readLines(`${FIXTURES}/rewordings.jsonl`)) {
    const { text, expected } = questions.get(reworded._id) as { text: string; expected: string[] };
    const pair = async (later: string, docs: readonly string[]): Promise<Pair> => {
      const [a, b] = await Promise.all([lore.embedQuery(text), lore.embedQuery(later)]);
      return { earlier: text, later, similarity: cosine(a, b), expected: new Set(docs) };
    };
    for (const later of reworded.same as string[]) same.push(await pair(later, expected));
    for (const later of reworded.different as string[]) different.push(await pair(later, []));
  }
  return { same, different };
}

async function nearestBefore(lore: Stacklore, folder: string): Promise<Pair[]> {
  const questions = readLines(join(folder, 'queries.jsonl')).map(({ _id, text }) => ({
    id: String(_id),
    text: String(text),
  }));
  const expected = new Map<string, Set<string>>();
  for (const line of readFileSync(join(folder, 'qrels.tsv'), 'utf8').trim().split('\n')) {
    const [id = '', docId = '', grade] = line.split('\t');
    if (Number(grade) > 0) expected.set(id, (expected.get(id) ?? new Set()).add(`#${docId}`));
  }
  const vectors: Float32Array[] = [];
  for (const { text } of questions) vectors.push(await lore.embedQuery(text));
  const pairs: Pair[] = [];
  for (const [at, { id, text }] of questions.entries()) {
    let best = -1;
    let similarity = -1;
    for (let before = 0; before < at; before += 1) {
      if (questions[before]?.text === text) continue;
      const near = cosine(vectors[before] as Float32Array, vectors[at] as Float32Array);
      if (near > similarity) [best, similarity] = [before, near];
    }
    const earlier = questions[best]?.text;
    if (earlier !== undefined && similarity >= (THRESHOLDS[0] as number))
      pairs.push({ earlier, later: text, similarity, expected: expected.get(id) ?? new Set() });
  }
  return pairs;
}

async function report(
  lore: Stacklore,
  { collection, what }: { collection: string; what: string },
  pairs: readonly Pair[],
): Promise<void> {
  const outcomes: Outcome[] = [];
  for (const pair of pairs) {
    const [given, own] = await Promise.all(
      [pair.earlier, pair.later].map(
        async (query) => (await lore.search({ query, collection, topK: TOP_K })).hits,
      ),
    );
    const ids = new Set(given?.map(({ chunkId }) => chunkId));
    const isFound = (hits: readonly SearchHit[] = []) =>
      hits.some(({ source }) => [...pair.expected].some((ending) => source.endsWith(ending)));
    outcomes.push({
      ...pair,
      sameHits: (own ?? []).filter(({ chunkId }) => ids.has(chunkId)).length / Math.max(1, own?.length ?? 0),
      own: isFound(own),
      given: isFound(given),
    });
  }
  console.log(`${what}: ${outcomes.length} pairs`);
  for (const threshold of THRESHOLDS) {
    const near = outcomes.filter(({ similarity }) => similarity >= threshold);
    const answered = near.filter(({ earlier, later }) => sameNumbers(earlier, later));
    const judged = answered.filter(({ expected }) => expected.size > 0);
    const lost = judged.filter(({ own, given }) => own && !given).length;
    const won = judged.filter(({ own, given }) => !own && given).length;
    const mean = answered.reduce((sum, { sameHits }) => sum + sameHits, 0) / Math.max(1, answered.length);
    console.log(
      `  from ${threshold}: ${near.length} near, ${answered.length} answered, ${(mean * 100).toFixed(0)} % of the first ${TOP_K} hits the same` +
        (judged.length > 0 ? `; the answer lost for ${lost} of ${judged.length}, found for ${won}` : ''),
    );
  }
}

function readLines(path: string): Record<string, unknown>[] {
  return readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
