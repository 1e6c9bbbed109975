import { Worker } from 'node:worker_threads';
import { errorMessage, StackloreError } from '../errors.ts';

type WorkerReply = import('./model-thread.mjs').ThreadReply;

/** What a pool is made of. */
export interface EmbedPoolOptions {
  /** Threads, each with the model in memory; one is started on the first call, others when calls pile up. */
  readonly workers: number;
  /** What each thread is started with. */
  readonly settings: object;
  /** The program of a thread; another than `embed-worker.mjs` for other models. */
  readonly file?: URL;
  /** What the model is for, in errors. */
  readonly purpose?: keyof typeof FAILURES;
}

/**
 * Threads that run the model, fed first come, first served. They are needed because a run blocks its thread; and two
 * threads of one processor each embed faster, at less cost, than one thread of two. An idle pool keeps no process alive.
 */
export class EmbedPool<Input = number[]> {
  readonly #options: EmbedPoolOptions;
  readonly #purpose: keyof typeof FAILURES;
  readonly #queue: Job<Input>[] = [];
  readonly #threads = new Set<Thread<Input>>();
  #limit: number;
  #nextId = 0;
  #closed = false;

  constructor(options: EmbedPoolOptions) {
    this.#options = options;
    this.#purpose = options.purpose ?? 'embedding';
    this.#limit = options.workers;
  }

  /** Starts loading the model ahead of the first call. */
  warm(): void {
    if (!this.#closed && this.#threads.size === 0) this.#start();
  }

  /** The vector of one input: for an embedding the token ids of one text. Throws `embedding_failed`, or `model_unavailable`. */
  embed(input: Input): Promise<Float32Array> {
    if (this.#closed) return Promise.reject(closedError());
    return new Promise((resolve, reject) => {
      this.#queue.push({ input, resolve, reject });
      this.#dispatch();
    });
  }

  /** Ends every thread after the run it is in; calls not answered yet are rejected. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const job of this.#queue.splice(0)) job.reject(closedError());
    await Promise.all(Array.from(this.#threads, endThread));
    process.off('exit', this.#leave);
  }

  #dispatch(): void {
    // Closing keeps threads alive until they have ended, whatever they still say.
    if (this.#closed) return;
    while (this.#queue.length > 0) {
      const thread = this.#leastBusy();
      if (!thread) break;
      const job = this.#queue.shift();
      if (!job) break;
      const id = this.#nextId++;
      thread.jobs.set(id, job);
      thread.worker.postMessage({ id, input: job.input });
    }
    while (this.#threads.size < this.#limit && this.#waiting() > JOBS_PER_THREAD * this.#threads.size)
      this.#start();
    // A thread that is being ended keeps the program alive until it is gone, whatever it says by then.
    if (this.#closed) return;
    for (const thread of this.#threads) {
      keepAlive(thread, thread.jobs.size > 0 || (!thread.isReady && this.#queue.length > 0));
    }
  }

  /** Calls without an answer, when some of them are with no thread yet. */
  #waiting(): number {
    if (this.#queue.length === 0) return 0;
    let running = 0;
    for (const { jobs } of this.#threads) running += jobs.size;
    return this.#queue.length + running;
  }

  #leastBusy(): Thread<Input> | undefined {
    let best: Thread<Input> | undefined;
    for (const thread of this.#threads) {
      if (!thread.isReady || thread.jobs.size >= JOBS_PER_THREAD) continue;
      if (!best || thread.jobs.size < best.jobs.size) best = thread;
    }
    return best;
  }

  #start(): void {
    if (this.#threads.size === 0) {
      process.off('exit', this.#leave);
      process.on('exit', this.#leave);
    }
    // ONNX Runtime sends usage reports unless this stands in the environment of the process, not of the thread, first.
    process.env.ORT_DISABLE_TELEMETRY ??= '1';
    const state = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
    const worker = new Worker(this.#options.file ?? new URL('./embed-worker.mjs', import.meta.url), {
      workerData: { ...this.#options.settings, state },
      // Flags of the program, such as --eval, are not for the thread, which could not even start with some of them.
      execArgv: [],
      // A run leaves little garbage; without a limit each thread lets tens of megabytes of it pile up.
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    });
    const thread: Thread<Input> = {
      worker,
      state,
      jobs: new Map(),
      isReady: false,
      isAlive: false,
      failure: 'it ended',
    };
    this.#threads.add(thread);
    worker.unref();
    worker.on('message', (reply: WorkerReply) => this.#receive(thread, reply));
    worker.on('error', (error) => {
      thread.failure = errorMessage(error);
    });
    worker.on('exit', () => this.#remove(thread));
  }

  #receive(thread: Thread<Input>, reply: WorkerReply): void {
    if (reply.kind === 'ready') thread.isReady = true;
    else if (reply.kind === 'unusable') {
      thread.failure = reply.reason;
      void thread.worker.terminate();
    } else {
      const job = thread.jobs.get(reply.id);
      thread.jobs.delete(reply.id);
      if (reply.kind === 'vector') job?.resolve(reply.vector);
      else job?.reject(failedError(FAILURES[this.#purpose], reply.reason));
    }
    this.#dispatch();
  }

  /** A thread that ended took its calls with it. One that never became ready would not do so when started again. */
  #remove(thread: Thread<Input>): void {
    this.#threads.delete(thread);
    const lost = [...thread.jobs.values()];
    if (!thread.isReady) {
      if (this.#threads.size > 0) this.#limit = this.#threads.size;
      else lost.push(...this.#queue.splice(0));
    }
    const lostError = thread.isReady
      ? failedError(`The ${this.#purpose} thread failed`, thread.failure)
      : unloadableError(this.#purpose, thread.failure);
    for (const job of lost) job.reject(this.#closed ? closedError() : lostError);
    if (!this.#closed) this.#dispatch();
  }

  /** Ending a process while a thread is within native code aborts it, so its last act is to wait for that. */
  readonly #leave = (): void => {
    for (const { state } of this.#threads) Atomics.store(state, STOPPING, 1);
    for (const { state } of this.#threads) Atomics.wait(state, BUSY, 1, LONGEST_RUN_MS);
  };
}

/** What a run that failed was to do. */
const FAILURES = {
  embedding: 'The text could not be embedded',
  reranking: 'The texts could not be scored',
} as const;

interface Job<Input> {
  readonly input: Input;
  readonly resolve: (vector: Float32Array) => void;
  readonly reject: (error: StackloreError) => void;
}

interface Thread<Input> {
  readonly worker: Worker;
  readonly state: Int32Array<SharedArrayBuffer>;
  readonly jobs: Map<number, Job<Input>>;
  isReady: boolean;
  /** Whether the thread keeps the process alive. */
  isAlive: boolean;
  failure: string;
}

/** One being run and one waiting, so that a thread never idles while its answer is handled. */
const JOBS_PER_THREAD = 2;

/** Places in the shared state, as in `embed-worker.mjs`. */
const STOPPING = 0;
const BUSY = 1;
const LONGEST_RUN_MS = 10_000;

function keepAlive(thread: Thread<unknown>, isAlive: boolean): void {
  if (thread.isAlive === isAlive) return;
  thread.isAlive = isAlive;
  if (isAlive) thread.worker.ref();
  else thread.worker.unref();
}

/** The thread ends by itself: `terminate()` within a run would abort the whole process. */
async function endThread(thread: Thread<unknown>): Promise<void> {
  Atomics.store(thread.state, STOPPING, 1);
  keepAlive(thread, true);
  await new Promise((resolve) => {
    thread.worker.once('exit', resolve);
    thread.worker.postMessage('close');
  });
}

function failedError(what: string, reason: string): StackloreError {
  return new StackloreError('embedding_failed', {
    message: `${what} (${reason}). Try again; if it stays so, check the model's files and settings.`,
  });
}

function unloadableError(purpose: string, reason: string): StackloreError {
  return new StackloreError('model_unavailable', {
    message: `The ${purpose} model could not be loaded (${reason}). Check the model's files and settings.`,
  });
}

function closedError(): StackloreError {
  return new StackloreError('embedding_failed', {
    message: 'The model is closed. Open a new one to go on.',
  });
}
