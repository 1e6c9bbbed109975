import type { Stacklore } from '../../src/stacklore.ts';
import { quantile } from '../measure.ts';
import type { Figure } from './figures.ts';
import { mix } from './likeness.ts';

const TOP_K = 10;
const CLIENTS = [1, 16];
const SEARCHES = { 1: 400, 16: 3_200 } as const;
/** Slow searches are not waited for longer than that. */
const MOST_MS = 30_000;
const WORDS_PER_QUESTION = 5;

/** Ids of the nearest chunks by exact search, in order. */
export async function exactAnswers(
  lore: Stacklore,
  collection: string,
  vectors: readonly Float32Array[],
): Promise<string[][]> {
  const answers: string[][] = [];
  for (const vector of vectors) {
    const { hits } = await lore.search({ vector, collection, topK: TOP_K, exact: true });
    answers.push(hits.map(({ chunkId }) => chunkId));
  }
  return answers;
}

/** The share of what is really nearest that a search finds. */
export async function recallOf(
  lore: Stacklore,
  collection: string,
  { vectors, exact }: { vectors: readonly Float32Array[]; exact: readonly string[][] },
): Promise<number> {
  let found = 0;
  for (const [at, vector] of vectors.entries()) {
    const { hits } = await lore.search({ vector, collection, topK: TOP_K });
    const ids = new Set(hits.map(({ chunkId }) => chunkId));
    found += (exact[at] ?? []).filter((id) => ids.has(id)).length;
  }
  return found / (vectors.length * TOP_K);
}

/** Latency of searches by vector, and by words and vector together, of one client and of sixteen at once. */
export async function searchFigures(
  open: () => Stacklore,
  collection: string,
  { vectors, texts }: { vectors: readonly Float32Array[]; texts: readonly string[] },
): Promise<Figure[]> {
  const figures: Figure[] = [];
  const kinds = {
    vector: (at: number) => ({ vector: vectors[at % vectors.length] as Float32Array }),
    hybrid: (at: number) => ({ query: questionOf(texts, at) }),
  };
  for (const clients of CLIENTS) {
    const lores = Array.from({ length: clients }, open);
    try {
      for (const lore of lores) await lore.search({ ...kinds.vector(0), collection });
      for (const [kind, request] of Object.entries(kinds)) {
        const times: number[] = [];
        const each = Math.ceil(SEARCHES[clients as keyof typeof SEARCHES] / clients);
        const started = performance.now();
        await Promise.all(
          lores.map(async (lore, client) => {
            for (let at = 0; at < each && performance.now() < started + MOST_MS; at += 1) {
              const sent = performance.now();
              await lore.search({ ...request(client * each + at), collection, topK: TOP_K });
              times.push(performance.now() - sent);
            }
          }),
        );
        const rate = (times.length / (performance.now() - started)) * 1_000;
        const name = `${kind} search, ${clients} client${clients === 1 ? '' : 's'}`;
        figures.push(
          { name: `${name}: p50`, unit: 'ms', value: quantile(times, 0.5), growth: 'linear' },
          { name: `${name}: p99`, unit: 'ms', value: quantile(times, 0.99), growth: 'linear' },
          { name: `${name}: rate`, unit: 'a second', value: rate, growth: 'free' },
        );
      }
    } finally {
      await Promise.all(lores.map((lore) => lore.close()));
    }
  }
  return figures;
}

/** A few words of a real text, another each time. */
function questionOf(texts: readonly string[], at: number): string {
  const words = (texts[mix(at, 6) % texts.length] as string).match(/\p{L}{4,}/gu) ?? [];
  const from = words.length === 0 ? 0 : mix(at, 7) % words.length;
  const some = words.slice(from, from + WORDS_PER_QUESTION);
  return some.length > 0 ? `${some.join(' ')} ${at}` : `question ${at}`;
}
