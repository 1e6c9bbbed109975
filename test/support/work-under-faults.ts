import { setTimeout as sleep } from 'node:timers/promises';
import { StackloreError } from '../../src/errors.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { allKeys } from './lore.ts';

/** What the program did and met. */
export interface FaultReport {
  /** Documents, versions of them, tasks and sessions that were acknowledged; all of them were there in the end. */
  readonly documents: number;
  readonly versions: number;
  readonly tasks: number;
  readonly sessions: number;
  /** Answers of searches, all of them right. */
  readonly answers: number;
  /** How often work ended with which typed error. */
  readonly errors: Readonly<Record<string, number>>;
  /** The longest time between two acknowledged documents, and between two answers, in milliseconds. */
  readonly longestMs: { readonly write: number; readonly search: number };
}

export const COLLECTION = 'faults';
const QUEUE = 'faults';
const USER = 'faults';
/** Every so many versions a document is deleted instead. */
const DELETED_EVERY = 5;
const LANES = 3;
const DOCUMENTS_A_LANE = 8;
const PAUSE_MS = 5;

/** What work does beside its own. */
export interface WorkOptions {
  /** Done over and over as well. */
  readonly beside?: readonly (() => Promise<void>)[];
  /** Whether tasks and sessions are part of it; by default they are. */
  readonly hasRecords?: boolean;
}

/** Makes the collection that work ingests into. */
export async function openWorkCollection(lore: Stacklore): Promise<void> {
  await lore.createCollection(COLLECTION, { chunkSize: 24, chunkOverlap: 0 });
}

/** What goes on all the while. */
export class Work {
  /** Of each document the last version that was begun, and the last that was acknowledged. */
  readonly begun = new Map<string, number>();
  readonly acknowledged = new Map<string, number>();
  /** Rejects when something was answered wrongly, or failed without a typed error. */
  readonly failed: Promise<never>;
  readonly #lore: Stacklore;
  readonly #stop = new AbortController();
  readonly #errors: Record<string, number> = {};
  readonly #longestMs = { write: 0, search: 0 };
  readonly #lastAt = { write: performance.now(), search: performance.now() };
  readonly #queued = new Set<string>();
  readonly #done = new Set<string>();
  readonly #sessions = new Set<string>();
  readonly #history: { readonly docId: string; readonly version: number; readonly at: number }[] = [];
  readonly #running: Promise<unknown>;
  #versions = 0;
  #answers = 0;

  constructor(lore: Stacklore, { beside = [], hasRecords = true }: WorkOptions = {}) {
    this.#lore = lore;
    const lanes = Array.from({ length: LANES }, (_, lane) => () => this.#write(lane));
    const records = hasRecords ? [() => this.#enqueue(), () => this.#startSession()] : [];
    const steps = [...lanes, ...records, ...beside, () => this.#search()];
    this.#running = Promise.all(steps.map((step) => this.#again(step)));
    this.failed = new Promise((_, reject) => {
      this.#running.catch(reject);
    });
    this.failed.catch(() => {}); // told by `stop` at the latest
    this.#worker = lore.startWorker(QUEUE, ({ taskId }) => void this.#done.add(taskId), { leaseMs: 2_000 });
  }

  readonly #worker: ReturnType<Stacklore['startWorker']>;

  async stop(): Promise<FaultReport> {
    this.#stop.abort();
    await this.#running;
    const until = performance.now() + 20_000;
    while ([...this.#queued].some((taskId) => !this.#done.has(taskId)) && performance.now() < until)
      await sleep(50);
    await this.#worker.stop();
    const lost = [...this.#queued].filter((taskId) => !this.#done.has(taskId));
    if (lost.length > 0) throw new Error(`${lost.length} of ${this.#queued.size} tasks were never done`);
    await this.#checkSessions();
    return {
      ...{
        sessions: this.#sessions.size,
        documents: this.acknowledged.size,
        versions: this.#versions,
        tasks: this.#queued.size,
      },
      ...{ answers: this.#answers, errors: this.#errors, longestMs: this.#longestMs },
    };
  }

  /** Takes for possible that what was acknowledged after a time is lost, as it may not have reached the disk. */
  mayHaveLost(since: number): void {
    for (const docId of this.acknowledged.keys()) {
      const kept = this.#history.filter((one) => one.docId === docId && one.at < since).at(-1);
      this.acknowledged.set(docId, kept?.version ?? 0);
    }
  }

  /** Does something over and over; what ends with a typed error is counted and done again. */
  async #again(step: () => Promise<void>): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        await step();
      } catch (error) {
        if (!(error instanceof StackloreError)) throw error;
        this.#note(error.code);
      }
      await sleep(PAUSE_MS);
    }
  }

  async #write(lane: number): Promise<void> {
    const docId = `d${lane}x${this.#versions % DOCUMENTS_A_LANE}`;
    const version = (this.begun.get(docId) ?? 0) + 1;
    this.begun.set(docId, version);
    if (isDeletion(version)) {
      await this.#lore.documents.delete(docId);
    } else {
      const document = { docId, source: docId, text: textOf(docId, version) };
      const { counts, problems } = await this.#lore.ingestTexts([document], { collection: COLLECTION });
      for (const { code = 'none', reason } of problems) {
        if (code === 'internal' || code === 'none') throw new Error(`${docId}: ${reason}`);
        this.#note(code);
      }
      if (counts.created + counts.updated !== 1) return;
    }
    this.acknowledged.set(docId, version);
    this.#history.push({ docId, version, at: performance.now() });
    this.#versions += 1;
    this.#tick('write');
  }

  async #search(): Promise<void> {
    const known = [...this.acknowledged.keys()];
    const docId = known[this.#answers % Math.max(1, known.length)];
    if (docId === undefined) return;
    const before = this.acknowledged.get(docId) ?? 0;
    const { hits } = await this.#lore.search({ query: docId, collection: COLLECTION, topK: 3 });
    const least = Math.min(before, this.acknowledged.get(docId) ?? 0);
    const most = this.begun.get(docId) ?? 0;
    const own = hits.filter((hit) => hit.docId === docId);
    const versions = own.map(({ text }) => Number(/version(\d+)/.exec(text)?.[1]));
    const mustBeFirst = !mayBeGone(least, most);
    if (
      versions.some((version) => !(version >= least && version <= most)) ||
      (mustBeFirst && hits[0]?.docId !== docId)
    ) {
      throw new Error(
        `a search for ${docId} found ${hits[0]?.docId}, and ${docId} in versions ${versions.join()}, not from ${least} to ${most}`,
      );
    }
    this.#answers += 1;
    this.#tick('search');
  }

  async #enqueue(): Promise<void> {
    const { taskId } = await this.#lore.queues.enqueue(QUEUE, { taskType: 'x' });
    this.#queued.add(taskId);
    await sleep(4 * PAUSE_MS);
  }

  async #startSession(): Promise<void> {
    const { sessionId } = await this.#lore.sessions.create({ userId: USER });
    this.#sessions.add(sessionId);
    await sleep(4 * PAUSE_MS);
  }

  async #checkSessions(): Promise<void> {
    const lost = [];
    for (const sessionId of this.#sessions)
      if (!(await this.#lore.sessions.find(sessionId))) lost.push(sessionId);
    if (lost.length > 0) throw new Error(`${lost.length} of ${this.#sessions.size} sessions are gone`);
  }

  #note(code: string): void {
    this.#errors[code] = (this.#errors[code] ?? 0) + 1;
  }

  #tick(kind: 'write' | 'search'): void {
    const now = performance.now();
    this.#longestMs[kind] = Math.max(this.#longestMs[kind], Math.round(now - this.#lastAt[kind]));
    this.#lastAt[kind] = now;
  }
}

function isDeletion(version: number): boolean {
  return version % DELETED_EVERY === 0;
}

/** Whether a document need not be there while it is in one of these versions. */
function mayBeGone(least: number, most: number): boolean {
  return Math.floor(most / DELETED_EVERY) * DELETED_EVERY >= least;
}

/** Of one to four chunks, each of which tells document and version. */
function textOf(docId: string, version: number): string {
  const sections = 1 + (version % 4);
  return Array.from({ length: sections }, () => `${`${docId} version${version} `.repeat(9)}.\n`).join('\n');
}

/** Every acknowledged document is there once and whole, in no older version, and nothing else is. */
export async function checkStored(lore: Stacklore, { acknowledged, begun }: Work): Promise<void> {
  const { items } = await lore.documents.list(COLLECTION, { limit: 1_000 });
  let chunks = 0;
  for (const [docId, version] of acknowledged) {
    const document = items.find((one) => one.docId === docId);
    if (!document) {
      if (mayBeGone(version, begun.get(docId) ?? 0)) continue;
      throw new Error(`${docId} was acknowledged and is gone`);
    }
    const found = new Set<number>();
    let count = 0;
    for await (const { text } of lore.documents.chunks(document)) {
      count += 1;
      for (const [, number] of text.matchAll(/version(\d+)/g)) found.add(Number(number));
    }
    const [stored = 0] = found;
    if (count !== document.chunkCount || found.size !== 1)
      throw new Error(
        `${docId} has ${count} of ${document.chunkCount} chunks, of versions ${[...found].join()}`,
      );
    if (stored < version || stored > (begun.get(docId) ?? 0))
      throw new Error(`${docId} is there in version ${stored}, but ${version} was acknowledged`);
  }
  for (const { chunkCount } of items) chunks += chunkCount;
  const keys = await allKeys(lore.databases.knowledge, `llama_index/vector_store/${COLLECTION}/*`);
  const indexed = (await lore.status()).collections.find(({ name }) => name === COLLECTION)?.chunks;
  if (keys.length !== chunks || indexed !== chunks)
    throw new Error(`documents name ${chunks} chunks, ${keys.length} are stored, ${indexed} are indexed`);
}
