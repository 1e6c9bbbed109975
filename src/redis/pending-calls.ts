import type { RedisArgument } from './command.ts';

/** A command, or a batch of them, that waits for its answer. */
export interface Call {
  readonly command: RedisArgument;
  readonly timeoutMs: number;
  readonly deadline: number;
  reject: (error: Error) => void;
}

export interface PendingCallsOptions {
  /** The error that an overdue call is rejected with. */
  readonly explain: (call: Call) => Error;
  /** Told once overdue calls are rejected; `isSilent` when no answer came lately. */
  readonly onOverdue: (isSilent: boolean) => void;
}

/** The calls of one connection that wait for their answers, each with a deadline at which it is rejected. */
export class PendingCalls {
  readonly #options: PendingCallsOptions;
  readonly #calls = new Set<Call>();
  /** One timer for all calls, set to the earliest deadline: one for each would cost more than the command itself. */
  #alarm: NodeJS.Timeout | undefined;
  #alarmAt = Number.POSITIVE_INFINITY;
  #lastReplyAt = 0;

  constructor(options: PendingCallsOptions) {
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#calls.size === 0;
  }

  /** Since when (`performance.now()`) the oldest call waits without any answer having come; `undefined` when none waits. */
  get silentSince(): number | undefined {
    const [oldest] = this.#calls;
    return oldest && Math.max(oldest.deadline - oldest.timeoutMs, this.#lastReplyAt);
  }

  begin(command: RedisArgument, timeoutMs: number, reject: (error: Error) => void): Call {
    const call = { command, timeoutMs, deadline: performance.now() + timeoutMs, reject };
    this.#calls.add(call);
    if (call.deadline < this.#alarmAt) this.#setAlarm(call.deadline);
    return call;
  }

  /** Notes that an answer came. */
  answered(): void {
    this.#lastReplyAt = performance.now();
  }

  end(call: Call): void {
    this.answered();
    this.#calls.delete(call);
    // What a set once held can outlive it in the collector; the reply behind this must not.
    call.reject = nobodyWaits;
  }

  /** Ends the timer. */
  close(): void {
    clearTimeout(this.#alarm);
  }

  #setAlarm(at: number): void {
    clearTimeout(this.#alarm);
    this.#alarmAt = at;
    // setImmediate: replies that came while this program was busy are read first, so they are not called late.
    this.#alarm = setTimeout(
      () => setImmediate(() => this.#rejectOverdue()),
      Math.max(1, at - performance.now()),
    );
    this.#alarm.unref();
  }

  #rejectOverdue(): void {
    this.#alarmAt = Number.POSITIVE_INFINITY;
    const now = performance.now();
    let next = Number.POSITIVE_INFINITY;
    let isAnyOverdue = false;
    let isSilent = false;
    for (const call of this.#calls) {
      if (call.deadline > now) {
        next = Math.min(next, call.deadline);
        continue;
      }
      isAnyOverdue = true;
      this.#calls.delete(call);
      call.reject(this.#options.explain(call));
      isSilent ||= this.#lastReplyAt < call.deadline - call.timeoutMs / 2;
    }
    if (next < this.#alarmAt) this.#setAlarm(next);
    if (isAnyOverdue) this.#options.onOverdue(isSilent);
  }
}

function nobodyWaits(): void {}
