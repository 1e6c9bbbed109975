import { setTimeout as sleep } from 'node:timers/promises';
import { StackloreError } from '../../src/errors.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { allKeys } from './lore.ts';
import type { PrivateSentinels } from './sentinels.ts';

/** What is done to a group. A frozen master wakes up later and takes itself for the master still. */
export type Fault = 'kill master' | 'freeze master' | 'kill sentinel';

/** Which faults come while a program works. */
export interface FaultPlan {
  /** Opened on the group, with an embedder whose vectors depend on words. */
  readonly lore: Stacklore;
  readonly group: PrivateSentinels;
  readonly faults: readonly Fault[];
  /** Seeded, so that a failure can be met again. */
  readonly random: () => number;
  /** Brings back what failed before the next fault, rather than at the end. */
  readonly isRepairedAtOnce?: boolean;
}

/** What the program did and met. */
export interface FaultReport {
  /** Documents, versions of them, and tasks that were acknowledged; all of them were there in the end. */
  readonly documents: number;
  readonly versions: number;
  readonly tasks: number;
  /** Answers of searches, all of them right. */
  readonly answers: number;
  /** How often work ended with which typed error. */
  readonly errors: Readonly<Record<string, number>>;
  /** The longest time between two acknowledged documents, and between two answers, in milliseconds. */
  readonly longestMs: { readonly write: number; readonly search: number };
}

const COLLECTION = 'faults';
const QUEUE = 'faults';
const LANES = 3;
const DOCUMENTS_A_LANE = 8;
const LONGEST_WAIT_MS = 1_000;
const PAUSE_MS = 5;

/**
 * Ingests, searches, queues and works while servers and sentinels fail. Throws an `Error` naming what was lost, stored
 * in part or twice, or answered wrongly.
 */
export async function surviveFaults(plan: FaultPlan): Promise<FaultReport> {
  const { lore, group, faults, random, isRepairedAtOnce = false } = plan;
  await lore.createCollection(COLLECTION, { chunkSize: 24, chunkOverlap: 0 });
  const work = new Work(lore);
  const repairs: (() => Promise<void>)[] = [];
  for (const fault of faults) {
    await Promise.race([sleep(300 + random() * LONGEST_WAIT_MS), work.failed]);
    const repair = await bring(fault, group, random);
    repairs.push(repair);
    if (!isRepairedAtOnce) continue;
    for (const one of repairs.splice(0)) await one();
    await group.inSync();
  }
  await Promise.race([sleep(LONGEST_WAIT_MS), work.failed]);
  for (const repair of repairs) await repair();
  const report = await work.stop();
  await checkStored(lore, work);
  return report;
}

/** Brings a fault about and waits until the sentinels have dealt with it. Gives what repairs it. */
async function bring(
  fault: Fault,
  group: PrivateSentinels,
  random: () => number,
): Promise<() => Promise<void>> {
  if (fault === 'kill sentinel') {
    const sentinel = group.sentinels[Math.floor(random() * group.sentinels.length)];
    await sentinel?.kill();
    return async () => sentinel?.start();
  }
  const old = await group.master();
  if (fault === 'freeze master') {
    await group.failOver(async ({ pid }) => void process.kill(pid, 'SIGSTOP'));
    return async () => void process.kill(old.pid, 'SIGCONT');
  }
  await group.failOver();
  return () => old.restart();
}

/** What goes on all the while. */
class Work {
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
  readonly #running: Promise<unknown>;
  #versions = 0;
  #answers = 0;

  constructor(lore: Stacklore) {
    this.#lore = lore;
    const lanes = Array.from({ length: LANES }, (_, lane) => this.#again(() => this.#write(lane)));
    this.#running = Promise.all([
      ...lanes,
      this.#again(() => this.#search()),
      this.#again(() => this.#enqueue()),
    ]);
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
    return {
      ...{ documents: this.acknowledged.size, versions: this.#versions, tasks: this.#queued.size },
      ...{ answers: this.#answers, errors: this.#errors, longestMs: this.#longestMs },
    };
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
    const document = { docId, source: docId, text: textOf(docId, version) };
    const { counts, problems } = await this.#lore.ingestTexts([document], { collection: COLLECTION });
    for (const { code = 'none', reason } of problems) {
      if (code === 'internal' || code === 'none') throw new Error(`${docId}: ${reason}`);
      this.#note(code);
    }
    if (counts.created + counts.updated !== 1) return;
    this.acknowledged.set(docId, version);
    this.#versions += 1;
    this.#tick('write');
  }

  async #search(): Promise<void> {
    const known = [...this.acknowledged.keys()];
    const docId = known[this.#answers % Math.max(1, known.length)];
    if (docId === undefined) return;
    const least = this.acknowledged.get(docId) ?? 0;
    const { hits } = await this.#lore.search({ query: docId, collection: COLLECTION, topK: 3 });
    const most = this.begun.get(docId) ?? 0;
    const [first] = hits;
    const version = Number(/version(\d+)/.exec(first?.text ?? '')?.[1]);
    if (first?.docId !== docId || !(version >= least && version <= most)) {
      throw new Error(
        `a search for ${docId} found ${first?.docId} in version ${version}, not one from ${least} to ${most}`,
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

  #note(code: string): void {
    this.#errors[code] = (this.#errors[code] ?? 0) + 1;
  }

  #tick(kind: 'write' | 'search'): void {
    const now = performance.now();
    this.#longestMs[kind] = Math.max(this.#longestMs[kind], Math.round(now - this.#lastAt[kind]));
    this.#lastAt[kind] = now;
  }
}

/** Of one to four chunks, each of which tells document and version. */
function textOf(docId: string, version: number): string {
  const sections = 1 + (version % 4);
  return Array.from({ length: sections }, () => `${`${docId} version${version} `.repeat(9)}.\n`).join('\n');
}

/** Every acknowledged document is there once and whole, in no older version, and nothing else is. */
async function checkStored(lore: Stacklore, { acknowledged, begun }: Work): Promise<void> {
  const { items } = await lore.documents.list(COLLECTION, { limit: 1_000 });
  let chunks = 0;
  for (const [docId, version] of acknowledged) {
    const document = items.find((one) => one.docId === docId);
    if (!document) throw new Error(`${docId} was acknowledged and is gone`);
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
