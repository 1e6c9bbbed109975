import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EvaluationInput } from '../../src/evaluation/request.ts';
import { chunkRecord } from '../../src/schema/knowledge.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { FakeEmbedder } from '../support/fake-embedder.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const redis = usePrivateRedis();
const folder = mkdtempSync(join(tmpdir(), 'stacklore-evaluate-'));
afterAll(() => rmSync(folder, { recursive: true }));
let lore: Stacklore;

const ROWS = [
  { _id: 'loans', title: 'Loans', text: 'A loan lasts three weeks. Renew a loan at the desk.' },
  { _id: 'fines', title: 'Fines', text: 'Fines are due when books come back late.' },
  { _id: 'rooms', title: 'Rooms', text: 'Reading rooms are quiet and open until nine.' },
  { _id: 'parking', title: 'Parking', text: 'Parking costs two coins an hour.' },
];

const QUERIES = [
  { queryId: 'q1', text: 'renew a loan' },
  { queryId: 'q2', text: 'books that are late' },
  { queryId: 'q3', text: 'coins for an hour' },
];
const QRELS = [
  { queryId: 'q1', docId: 'loans', grade: 2 },
  { queryId: 'q1', docId: 'fines', grade: 0 },
  { queryId: 'q2', docId: 'fines', grade: 1 },
  { queryId: 'q3', docId: 'parking', grade: 1 },
];

const write = (name: string, content: string) => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};
const evaluate = (request: Partial<EvaluationInput> = {}) =>
  lore.evaluate({ queries: QUERIES, qrels: QRELS, collection: 'library', ...request });

beforeAll(async () => {
  lore = openTestLore(redis, {}, { embedder: new FakeEmbedder() });
  const path = write('corpus.jsonl', ROWS.map((row) => JSON.stringify(row)).join('\n'));
  await lore.createCollection('library', { index: 'hnsw' });
  await lore.ingest({ sources: [path], collection: 'library' });
  await lore.ingest({ sources: [path], collection: 'copy' });
});

describe('an evaluation', () => {
  it('measures the answers of searches, and tells how each query fared', async () => {
    const report = await evaluate({ k: 1 });
    expect(report.measures).toEqual({ ndcg: 1, recall: 1, recallAt100: 1, mrr: 1 });
    expect(report).toMatchObject({ queries: 3, k: 1, collections: ['library'], warnings: [] });
    expect(report.perQuery.map(({ queryId }) => queryId)).toEqual(['q1', 'q2', 'q3']);
    expect(report.latencyMs.p95).toBeGreaterThanOrEqual(report.latencyMs.p50);
    const wrong = await evaluate({ k: 1, qrels: [{ queryId: 'q1', docId: 'rooms', grade: 1 }] });
    expect(wrong.measures).toEqual({ ndcg: 0, recall: 0, recallAt100: 1, mrr: 0 });
  });

  it('ranks documents, however many chunks of one are near', async () => {
    await lore.createCollection('long', { chunkSize: 16, chunkOverlap: 0 });
    const text = Array.from({ length: 30 }, (_, n) => `Renew a loan for reason ${n}.`).join('\n\n');
    const texts = [
      { text, source: 'long.md', docId: 'long' },
      { text: 'Loans are renewed here.', source: 'short.md', docId: 'short' },
    ];
    await lore.ingestTexts(texts, { collection: 'long' });
    const qrels = [{ queryId: 'q1', docId: 'short', grade: 1 }];
    expect((await evaluate({ collection: 'long', k: 2, qrels })).measures).toMatchObject({
      recall: 1,
      mrr: 0.5,
    });
  });

  it('knows rows by the id in their file where another collection had it first, and documents by their source', async () => {
    const copied = await evaluate({ collection: 'copy', k: 1 });
    expect(copied.measures.ndcg).toBe(1);
    const { hits } = await lore.search({ query: 'loan', collection: 'copy', topK: 1 });
    expect(hits[0]?.docId).toBe('copy:loans');
    await lore.ingestTexts([{ text: 'Bicycles are lent in May.', source: 'notes/bicycles.md' }], {
      collection: 'copy',
    });
    const bySource = await evaluate({
      ...{ collection: 'copy', queries: [{ queryId: 'b', text: 'bicycles' }] },
      qrels: [{ queryId: 'b', docId: 'notes/bicycles.md', grade: 1 }],
    });
    expect(bySource.measures.mrr).toBe(1);
    expect(bySource.warnings).toEqual([]);
  });

  it('compares two settings query by query', async () => {
    const queries = [...QUERIES, { queryId: 'q4', text: 'zebra' }];
    const qrels = [...QRELS, { queryId: 'q4', docId: 'rooms', grade: 1 }];
    const { compared, perQuery } = await evaluate({ queries, qrels, compare: { mode: 'text' } });
    expect(compared).toMatchObject({ settings: { mode: 'text' }, better: 0, worse: 1, equal: 3 });
    expect(compared?.differences.recall).toMatchObject({ mean: -0.25, p: expect.any(Number) });
    expect(perQuery[3]?.measures.recall).toBe(1);
    expect(perQuery[3]?.compared?.recall).toBe(0);
    const same = await evaluate({ compare: {} });
    expect(same.compared?.differences.ndcg).toEqual({ mean: 0, low: 0, high: 0, p: 1 });
  });

  it('asks the reranker where a setting says so, and measures nothing where there is none', async () => {
    const reranker = {
      // Prefers what answers nothing.
      rerank: async (_query: string, texts: readonly string[]) =>
        texts.map((text) => (text.includes('quiet') ? 1 : 0)),
    };
    const reranking = openTestLore(redis, {}, { reranker });
    const request = { queries: QUERIES, qrels: QRELS, collection: 'library', k: 1 };
    const { measures, compared } = await reranking.evaluate({ ...request, compare: { rerank: true } });
    expect(measures.mrr).toBe(1);
    expect(compared).toMatchObject({ measures: { mrr: 0 }, worse: 3, differences: { mrr: { mean: -1 } } });
    await expect(evaluate({ compare: { rerank: true } })).rejects.toMatchObject({
      code: 'model_unavailable',
    });
  });

  it('says what it leaves out and what it cannot find', async () => {
    const { warnings, queries, measures } = await evaluate({
      queries: [...QUERIES, { queryId: 'unjudged', text: 'anything' }],
      qrels: [
        ...QRELS,
        { queryId: 'q3', docId: 'gone', grade: 1 },
        { queryId: 'textless', docId: 'loans', grade: 1 },
      ],
    });
    expect(queries).toBe(3);
    expect(measures.recallAt100).toBeCloseTo((1 + 1 + 0.5) / 3, 10);
    expect(warnings).toEqual([
      'Left out are queries without a relevant document among the judgements (1): unjudged.',
      'Left out are judged queries without a text (1): textless.',
      'Not in the collection, and counted as not found, are judged documents (1): gone.',
    ]);
  });

  it('counts a query that cannot be searched as one that found nothing', async () => {
    const queries = [
      { queryId: 'q1', text: 'renew a loan' },
      { queryId: 'q2', text: 'word '.repeat(300) },
    ];
    const { measures, warnings } = await evaluate({ queries });
    expect(measures.ndcg).toBe(0.5);
    expect(warnings.join()).toMatch(
      /Query q2 could not be searched and counts as 0: The text has 302 tokens/,
    );
  });

  it('reads files, and writes what was found in the form of TREC with the ids of the judgements', async () => {
    const queries = write(
      'q.jsonl',
      QUERIES.map(({ queryId, text }) => JSON.stringify({ _id: queryId, text })).join('\n'),
    );
    const qrels = write(
      'r.tsv',
      `query-id\tcorpus-id\tscore\n${QRELS.map((one) => Object.values(one).join('\t')).join('\n')}\nq2\tfines\t1\n`,
    );
    const run = join(folder, 'run.trec');
    const report = await evaluate({ queries, qrels, collection: 'copy', run, compare: { mode: 'vector' } });
    expect(report.warnings).toEqual(['Revised by later judgements, which count: 1.']);
    expect(report.runs).toEqual([run, join(folder, 'run.compared.trec')]);
    const lines = readFileSync(run, 'utf8').split('\n');
    expect(lines[0]).toMatch(/^q1 Q0 loans 1 \d\S* stacklore$/);
    expect(lines.filter((line) => line.startsWith('q1 '))).toHaveLength(5);
    expect(readFileSync(report.runs[1] ?? '', 'utf8')).toMatch(/ stacklore-compared\n/);
  });

  it('compares the HNSW index with exact search and proposes a width', async () => {
    const [recall, ...others] = (await evaluate()).indexRecall;
    expect(others).toEqual([]);
    expect(recall).toMatchObject({
      collection: 'library',
      chunks: 4,
      queries: 3,
      efRuntime: 64,
      proposed: 10,
    });
    expect(recall?.measured.map(({ efRuntime }) => efRuntime)).toEqual([10, 16, 32, 64, 128, 256, 512]);
    expect(recall?.measured.every(({ recallAt10 }) => recallAt10 === 1)).toBe(true);
    expect(recall?.float16).toEqual({ recallAt10: 1, savedBytes: 4 * 64 * 4 });
    expect((await evaluate({ indexRecall: false })).indexRecall).toEqual([]);
  });

  it('sees what an HNSW index misses, as its exact search compares every chunk', async () => {
    await lore.createCollection('sparse', { index: 'hnsw', m: 2, efConstruction: 1, efRuntime: 1 });
    const texts = Array.from({ length: 300 }, (_, n) => ({
      text: `Note ${n * 7919} on ${n % 17} of ${n % 23}`,
      source: `${n}.md`,
      docId: `note-${n}`,
    }));
    await lore.ingestTexts(texts, { collection: 'sparse' });
    const queries = [{ queryId: 'q', text: 'note on 5 of 7' }];
    const qrels = [{ queryId: 'q', docId: 'note-5', grade: 1 }];
    const [recall] = (await evaluate({ collection: 'sparse', queries, qrels })).indexRecall;
    expect(recall?.measured[0]).toMatchObject({ efRuntime: 1 });
    expect(recall?.measured[0]?.recallAt10).toBeLessThan(1);
    expect(recall?.float16.recallAt10).toBeGreaterThanOrEqual(0.8);
  }, 20_000);

  it('has no index to compare where it is FLAT, and searches several collections', async () => {
    await lore.createCollection('flat', { index: 'flat' });
    await lore.ingestTexts([{ text: 'Bees live in hives.', source: 'bees.md', docId: 'bees' }], {
      collection: 'flat',
    });
    const { indexRecall, measures } = await lore.evaluate({
      queries: [...QUERIES, { queryId: 'b', text: 'bees' }],
      qrels: [...QRELS, { queryId: 'b', docId: 'bees', grade: 1 }],
      collections: ['library', 'flat'],
    });
    expect(indexRecall.map(({ collection }) => collection)).toEqual(['library']);
    expect(measures.recall).toBe(1);
  });

  it('finds judged documents of other programs, which have chunks and no record of their own', async () => {
    const vector = await lore.embedQuery('Umbrellas are lost.');
    const fields = chunkRecord.encode({
      ...{ embedding: vector, text: 'Umbrellas are lost.', metadata: {} },
      ...{ docId: 'foreign', nodeId: 'n' },
    });
    const key = chunkRecord.key.build({ collection: 'library', chunkId: 'foreign_chunk_0' });
    await lore.databases.knowledge.send(['HSET', key, ...fields]);
    const { measures, warnings } = await evaluate({
      queries: [{ queryId: 'u', text: 'umbrellas' }],
      qrels: [{ queryId: 'u', docId: 'foreign', grade: 1 }],
    });
    expect(measures.recall).toBe(1);
    expect(warnings).toEqual([]);
    await lore.databases.knowledge.send(['UNLINK', key]);
  });

  it('refuses what cannot be evaluated', async () => {
    await expect(evaluate({ qrels: [{ queryId: 'q1', docId: 'gone', grade: 1 }] })).rejects.toMatchObject({
      code: 'not_found',
      message: expect.stringContaining('None of the 1 judged documents is in the collection (gone'),
    });
    await expect(evaluate({ qrels: [{ queryId: 'q9', docId: 'loans', grade: 1 }] })).rejects.toMatchObject({
      code: 'invalid_input',
      message: expect.stringContaining('None of the 3 queries has a judgement of 1 or more'),
    });
    await expect(evaluate({ queries: [] })).rejects.toMatchObject({ code: 'invalid_input' });
    await expect(evaluate({ collection: 'nowhere' })).rejects.toMatchObject({ code: 'not_found' });
    await expect(evaluate({ collections: ['copy'] })).rejects.toMatchObject({ code: 'invalid_input' });
    await expect(evaluate({ queries: '' })).rejects.toThrow(/queries: must be the path of a file/);
    await expect(evaluate({ k: 0 })).rejects.toMatchObject({ code: 'invalid_input' });
    await expect(evaluate({ search: { weight: 2 } })).rejects.toThrow(/search\.weight: must be at most 1/);
    // @ts-expect-error: the evaluation itself decides how many.
    await expect(evaluate({ compare: { topK: 5 } })).rejects.toMatchObject({ code: 'invalid_input' });
    await expect(evaluate({ search: { filter: { nothing: 1 } } })).rejects.toMatchObject({
      code: 'invalid_filter',
    });
    await expect(evaluate({ run: join(folder, 'no/such/folder') })).rejects.toMatchObject({
      code: 'source_unreadable',
    });
  });

  it('tells how far it is, and ends on request', async () => {
    const place = temporaryFolder();
    const done: number[] = [];
    const stop = new AbortController();
    const run = lore.evaluate(
      { queries: QUERIES, qrels: QRELS, collection: 'library', run: join(place, 'new.trec') },
      {
        signal: stop.signal,
        onProgress: (progress) => {
          done.push(progress.done);
          if (progress.done === 2) stop.abort();
        },
      },
    );
    await expect(run).rejects.toMatchObject({ code: 'aborted' });
    expect(done).toEqual([1, 2]);
    // No part of a run is left.
    expect(readdirSync(place)).toEqual([]);
  });
});
