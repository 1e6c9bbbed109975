import { hash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { z } from 'zod';
import { type ErrorCode, StackloreError } from '../errors.ts';
import { nameOf } from '../search/find-documents.ts';
import { refinedSearch } from '../search/refined-search.ts';
import { parse, searchRequest } from '../search/request.ts';
import { count } from '../search/request-fields.ts';
import type { SearchHit, SearchParts } from '../search/search.ts';
import { openJudgementFile, openLineFile, queryLine } from './judgement-file.ts';
import { collectionNames, searchSettings } from './request.ts';
import { type EvaluationQuery, type Judgement, readJudgements, readQueries } from './test-set.ts';

const path = z.string('must be the path of a file').min(1, 'must be the path of a file');

/** What judging takes; both files are made when they are missing. */
export const judgingRequest = z.strictObject({
  /** JSON Lines of `{"_id", "text"}`; queries that a person asks are appended. */
  queries: path,
  /** Query id, document id and grade; judgements are appended. */
  qrels: path,
  collection: searchRequest.shape.collection,
  collections: searchRequest.shape.collections,
  /** How many documents of each query are shown. */
  k: count(1, 1_000).default(10),
  search: searchSettings.prefault({}),
});

/** Judging as callers ask for it. */
export type JudgingInput = z.input<typeof judgingRequest>;

/** The grades a person gives: not relevant, related, relevant, exactly that. */
export const GRADES = [0, 1, 2, 3] as const;
export type Grade = (typeof GRADES)[number];

/** What a person says of a hit. */
export type Verdict = Grade | 'skip' | 'next' | 'quit';

/** A hit to be judged. */
export interface JudgingQuestion {
  readonly query: EvaluationQuery;
  /** The best chunk of a document. */
  readonly hit: SearchHit;
  /** Place of the document among the `of` that are shown, from 1. */
  readonly rank: number;
  readonly of: number;
}

/** The person who judges. */
export interface Judge {
  verdict(question: JudgingQuestion): Promise<Verdict>;
  /** The next query to search, asked for after those of the file; `undefined` when there is none. */
  nextQuery(): Promise<string | undefined>;
  /** Told what the searches warn of, each sentence once. */
  note?(sentence: string): void;
}

/** What came of it. */
export interface JudgingReport {
  readonly judged: number;
  readonly skipped: number;
  /** Queries that were shown, and those of them that were asked by the person. */
  readonly queries: number;
  readonly asked: number;
}

/**
 * Shows a person what queries find and appends what they say of it: each judgement is on the disk before the next hit is
 * shown. Documents that were judged for the query before are not shown again. Throws what `search` throws, and like
 * `readQueries` for files that cannot be used.
 */
export async function judge(parts: SearchParts, input: JudgingInput, person: Judge): Promise<JudgingReport> {
  const request = parse(judgingRequest, input);
  const queries = existsSync(request.queries) ? await readQueries(request.queries) : [];
  const earlier = existsSync(request.qrels) ? await readJudgements(request.qrels) : NONE;
  const sitting: Sitting = {
    ...{ parts, request, person, queries, told: new Set() },
    known: new Set(earlier.judgements.map(pairOf)),
    file: await openJudgementFile(request.qrels, earlier.columns),
    report: { judged: 0, skipped: 0, queries: 0, asked: 0 },
  };
  try {
    for await (const query of queriesOf(queries, person)) {
      if ((await judgeQuery(sitting, query)) === 'quit') break;
    }
    return sitting.report;
  } finally {
    await sitting.file.close();
  }
}

const NONE = { judgements: [], columns: 3 } as const;

/** What lasts from the first query to the last. */
interface Sitting {
  readonly parts: SearchParts;
  readonly request: z.output<typeof judgingRequest>;
  readonly person: Judge;
  /** Those that the file of queries holds. */
  readonly queries: EvaluationQuery[];
  readonly known: Set<string>;
  readonly told: Set<string>;
  readonly file: Awaited<ReturnType<typeof openJudgementFile>>;
  readonly report: { -readonly [Name in keyof JudgingReport]: JudgingReport[Name] };
}

async function judgeQuery(sitting: Sitting, query: EvaluationQuery): Promise<'quit' | 'next'> {
  const { known, person, report, file } = sitting;
  const hits = await findHits(sitting, query);
  for (const [at, hit] of hits.entries()) {
    const { queryId } = query;
    // Judgements of other hands may name a document in another of the ways there are.
    const names = [nameOf(hit), hit.docId, hit.source];
    if (names.some((docId) => known.has(pairOf({ queryId, docId })))) continue;
    const verdict = await person.verdict({ query, hit, rank: at + 1, of: hits.length });
    if (verdict === 'quit' || verdict === 'next') return verdict;
    if (verdict === 'skip') {
      report.skipped += 1;
      continue;
    }
    await keepQuery(sitting, query);
    const judgement = { queryId, docId: nameOf(hit), grade: verdict };
    await file.append(judgement);
    known.add(pairOf(judgement));
    report.judged += 1;
  }
  return 'next';
}

/** Codes that say something of the query, so that a person can ask another one. */
const OF_THE_QUERY: readonly ErrorCode[] = ['too_large', 'embedding_failed', 'invalid_input'];

async function findHits(
  { parts, request, person, queries, told, report }: Sitting,
  query: EvaluationQuery,
): Promise<SearchHit[]> {
  const note = (sentence: string) => {
    if (!told.has(sentence)) person.note?.(sentence);
    told.add(sentence);
  };
  try {
    const { hits, warnings } = await refinedSearch(parts, {
      ...request.search,
      ...{ query: query.text, collections: collectionNames(request), topK: request.k, maxPerDocument: 1 },
    });
    report.queries += 1;
    warnings.forEach(note);
    if (hits.length === 0) note(`Nothing was found for "${query.text}".`);
    return hits;
  } catch (error) {
    const isAsked = !queries.includes(query);
    if (!(isAsked && error instanceof StackloreError && OF_THE_QUERY.includes(error.code))) throw error;
    note(error.message);
    return [];
  }
}

/** Appends a query that the person asked, before its first judgement, which would mean nothing without it. */
async function keepQuery({ request, queries, report }: Sitting, query: EvaluationQuery): Promise<void> {
  if (queries.includes(query)) return;
  const file = await openLineFile(request.queries);
  await file.append(queryLine(query)).finally(() => file.close());
  queries.push(query);
  report.asked += 1;
}

/** The queries of the file, then those the person asks; asked once more, a query keeps its id. */
async function* queriesOf(
  stored: readonly EvaluationQuery[],
  person: Judge,
): AsyncGenerator<EvaluationQuery> {
  yield* [...stored];
  for (let text = await person.nextQuery(); text !== undefined; text = await person.nextQuery()) {
    const asked = text.trim();
    if (asked === '') return;
    yield stored.find((query) => query.text === asked) ?? { queryId: idOf(asked), text: asked };
  }
}

/** The same for the same text, so that judgements of several sittings come together. */
function idOf(text: string): string {
  return hash('sha256', text).slice(0, 12);
}

function pairOf({ queryId, docId }: Pick<Judgement, 'queryId' | 'docId'>): string {
  return `${queryId}\t${docId}`;
}
