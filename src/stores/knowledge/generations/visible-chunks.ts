import type { Database } from '../../../redis/databases.ts';
import type { Manifest } from '../../../schema/knowledge.ts';
import {
  type CandidateAnswer,
  type CandidateContents,
  type CandidateQuery,
  contentsCommand,
  readContents,
} from '../candidates.ts';
import type { SearchReply } from '../knn-reply.ts';
import { docIdOfKey, readGenerations } from './document-generations.ts';
import { Exchanged } from './exchanged.ts';
import { readVersioned, type VersionedCandidate, withLimit } from './versioned-candidates.ts';

/** The generations of the documents on a page, so that no other version of one comes to it later. */
export type PageGenerations = Map<string, number | undefined>;

/** Asks the index, for the candidates' `VERSION_FIELDS` as well. */
type Ask = (queries: readonly CandidateQuery[]) => Promise<{ answer: SearchReply[]; rebuilt: boolean }>;

/** How often documents may be published anew while an answer is being made. */
const MOST_CHANGES = 6;
/** Documents with chunks left over of which it is known that looking again gives the same; then all are forgotten. */
const MOST_SETTLED = 10_000;

/**
 * Leaves chunks out that their documents do not show: of versions that are still being written, that were replaced, or that
 * a killed process has left over.
 */
export class VisibleChunks {
  readonly #database: Database;
  readonly #settled = new Map<string, number>();

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * The candidates of each query that readers may see, as many as it asks for where there are so many. Throws `busy` when
   * documents among them are published anew all the time.
   */
  async candidates(queries: readonly CandidateQuery[], ask: Ask): Promise<CandidateAnswer> {
    let asked = queries;
    let rebuilt = false;
    let changes = 0;
    for (;;) {
      const reply = await ask(asked);
      rebuilt ||= reply.rebuilt;
      const found = reply.answer.map((one, at) => readVersioned(one, queries[at] as CandidateQuery));
      const all = found.flatMap(({ candidates }) => candidates);
      const shown = await readGenerations(
        this.#database,
        all.map(({ docId }) => docId),
      );
      const isShown = ({ docId, generation }: VersionedCandidate) => generation === shown.get(docId);
      const lists = found.map(({ candidates }) => candidates.filter(isShown));
      const changed = this.#changed(
        all.filter((one) => !isShown(one)),
        shown,
      );
      const isShort = ({ limit }: CandidateQuery, at: number) =>
        (lists[at]?.length ?? 0) < (queries[at]?.limit ?? 0) && (found[at]?.rows ?? 0) >= limit;
      if (changed !== undefined) changes += 1;
      if (changed !== undefined && changes === MOST_CHANGES) throw new Exchanged(changed);
      // Each time for twice as many, so that it ends soon however many are left over.
      if (changed === undefined && !asked.some(isShort)) {
        return { lists: lists.map((list, at) => list.slice(0, queries[at]?.limit)), rebuilt };
      }
      asked = asked.map((query, at) => (isShort(query, at) ? withLimit(query, 2 * query.limit) : query));
    }
  }

  /**
   * A document whose replaced chunks were found, if it may have been replaced after the index was asked: its new ones may not
   * have been there. Found again while it shows the same generation, they were left over before.
   */
  #changed(hidden: readonly VersionedCandidate[], shown: ReadonlyMap<string, number>): string | undefined {
    let changed: string | undefined;
    const now = new Map<string, number>();
    for (const { docId, generation = 0 } of hidden) {
      const current = shown.get(docId);
      if (current === undefined || generation > current) continue;
      if (this.#settled.get(docId) !== current) changed = docId;
      now.set(docId, current);
    }
    if (this.#settled.size > MOST_SETTLED) this.#settled.clear();
    for (const [docId, current] of now) this.#settled.set(docId, current);
    return changed;
  }

  /**
   * What candidates hold, in their order; `undefined` for those that are gone or not shown any more. With the generations of
   * a page, of which a document shows another one by now, it throws `busy` instead.
   */
  async contents(
    collection: { readonly name: string; readonly manifest: Manifest },
    keys: readonly string[],
    { needsVector, page }: { needsVector: (key: string) => boolean; page: PageGenerations | undefined },
  ): Promise<(CandidateContents | undefined)[]> {
    const docIds = keys.map((key) => docIdOfKey(key) ?? '');
    const [replies, shown] = await Promise.all([
      this.#database.pipeline<(Buffer | null)[]>(
        keys.map((key) => [...contentsCommand(key, collection.manifest, needsVector(key)), 'generation']),
        { buffers: true },
      ),
      readGenerations(this.#database, docIds),
    ]);
    return replies.map((reply, at) => {
      const docId = docIds[at] as string;
      const current = shown.get(docId);
      const generation = reply.at(-1);
      const contents = readContents(collection, keys[at] as string, reply.slice(0, -1));
      const isShown = (generation ? Number(generation) : undefined) === current;
      if (page && current !== undefined) {
        const isOther = page.has(docId) && page.get(docId) !== current;
        if (!contents || !isShown || isOther) throw new Exchanged(docId);
        page.set(docId, current);
      }
      return isShown ? contents : undefined;
    });
  }

  /** Which of these chunks readers may see. */
  async among(keys: readonly string[]): Promise<string[]> {
    const generations = await this.#database.pipeline<string | null>(
      keys.map((key) => ['HGET', key, 'generation']),
    );
    if (generations.every((generation) => generation === null)) return [...keys];
    const docIds = keys.map((key) => docIdOfKey(key) ?? '');
    const shown = await readGenerations(this.#database, docIds);
    return keys.filter((_, at) => {
      const generation = generations[at];
      return (generation ? Number(generation) : undefined) === shown.get(docIds[at] as string);
    });
  }
}
