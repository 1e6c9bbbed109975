import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { StackloreError } from '../../errors.ts';
import { missingVariables } from './placeholders.ts';

type RenderRequest = import('./render-process.mjs').RenderRequest;
type RenderReply = import('./render-process.mjs').RenderReply;
type TemplateVariables = import('./template-variables.mjs').TemplateVariables;

/** What a template may take at most. */
export interface TemplateLimits {
  /** Of the template itself. */
  readonly templateCharacters: number;
  /** Of the variables as JSON. */
  readonly variableCharacters: number;
  /** Of the result, and of any text on the way. */
  readonly characters: number;
  /** Of any list on the way. */
  readonly elements: number;
  /** Parts of the template that are carried out; each round of a loop counts too. */
  readonly steps: number;
  readonly timeMs: number;
  readonly memoryMb: number;
}

export const TEMPLATE_LIMITS: TemplateLimits = {
  templateCharacters: 100_000,
  variableCharacters: 1_000_000,
  characters: 1_000_000,
  elements: 100_000,
  steps: 1_000_000,
  timeMs: 2_000,
  memoryMb: 128,
};

const START_MS = 30_000;
const MAX_WAITING = 1_000;
/** What a process cannot start without on some systems; nothing else of the environment is for templates. */
const ENVIRONMENT = ['SystemRoot', 'LD_LIBRARY_PATH'];

interface Job {
  readonly request: RenderRequest;
  readonly resolve: (reply: RenderReply) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Looks at and renders Jinja2 templates from anywhere, in a process of its own: started by the first call, used again,
 * ended and replaced when a template takes too long or too much memory. A thread would not do: where V8 cannot get
 * memory for one large list or text, it ends the whole process.
 */
export class TemplateRenderer {
  readonly #limits: TemplateLimits;
  readonly #waiting: Job[] = [];
  #child: ChildProcess | undefined;
  #isReady = false;
  #running: Job | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(limits: Partial<TemplateLimits> = {}) {
    this.#limits = { ...TEMPLATE_LIMITS, ...limits };
  }

  /** Which variables a template takes. Throws `parse_failed` for bad syntax, `too_large` for too long a template. */
  async variablesOf(template: string): Promise<TemplateVariables> {
    const reply = await this.#ask({ template });
    if (reply.kind === 'variables') return reply.variables;
    throw unusable(reply);
  }

  /**
   * The text a template makes of plain data. Throws `invalid_input` naming all missing variables, of the declared ones
   * and of those the template uses, and `too_large` for a template that takes more than the limits.
   */
  async render(
    template: string,
    variables: Readonly<Record<string, unknown>> = {},
    declared: readonly string[] = [],
  ): Promise<string> {
    const reply = await this.#ask({ template, declared, variables: this.#plainData(variables) });
    if (reply.kind === 'rendered') return reply.text;
    throw unusable(reply);
  }

  /** Ends the process; calls not answered yet are rejected. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const job of this.#waiting.splice(0)) job.reject(closedError());
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    await new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
      // Idle, it would not keep the program alive until it has ended.
      keepAlive(child, true);
      end(child);
    });
  }

  #ask(request: Omit<RenderRequest, 'limits'>): Promise<RenderReply> {
    const { templateCharacters, characters, elements, steps } = this.#limits;
    if (this.#isClosed) return Promise.reject(closedError());
    if (typeof request.template !== 'string' || request.template.length > templateCharacters) {
      const message = `A template is text of at most ${templateCharacters} characters. Shorten it.`;
      return Promise.reject(new StackloreError('too_large', { message }));
    }
    if (this.#waiting.length >= MAX_WAITING) {
      const message = `More than ${MAX_WAITING} templates are waiting to be rendered. Try again later.`;
      return Promise.reject(new StackloreError('busy', { message }));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        request: { ...request, limits: { characters, elements, steps } },
        resolve,
        reject,
      });
      this.#next();
    });
  }

  #next(): void {
    const child = this.#child ?? this.#start();
    if (!this.#isReady || this.#running) return;
    this.#running = this.#waiting.shift();
    keepAlive(child, this.#running !== undefined);
    if (!this.#running) return;
    const { timeMs } = this.#limits;
    this.#timer = setTimeout(() => {
      this.#settle({ kind: 'too large', reason: `it did not come to an end within ${timeMs} ms` });
      this.#lose(child, 'it hung');
      end(child);
    }, timeMs);
    // The failure to send it is the end of the process, which is reported there.
    child.send(this.#running.request, () => undefined);
  }

  #start(): ChildProcess {
    const child = fork(fileURLToPath(new URL('./render-process.mjs', import.meta.url)), {
      execArgv: [
        `--max-old-space-size=${this.#limits.memoryMb}`,
        '--disallow-code-generation-from-strings',
        '--disable-proto=delete',
      ],
      env: Object.fromEntries(
        ENVIRONMENT.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
      ),
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    this.#child = child;
    this.#isReady = false;
    this.#timer = setTimeout(() => {
      this.#lose(child, `no sign of it within ${START_MS} ms`);
      end(child);
    }, START_MS);
    child.on('message', (reply: RenderReply) => {
      if (this.#child !== child) return;
      if (reply.kind === 'ready') {
        clearTimeout(this.#timer);
        this.#isReady = true;
      } else this.#settle(reply);
      this.#next();
    });
    child.on('error', (error) => this.#lose(child, error.message));
    child.on('exit', (code, signal) => this.#lose(child, String(signal ?? code)));
    return child;
  }

  /** A process that ended while a template was rendered had too little memory for it. */
  #lose(child: ChildProcess, reason: string): void {
    if (this.#child !== child) return;
    const wasReady = this.#isReady;
    this.#child = undefined;
    this.#isReady = false;
    clearTimeout(this.#timer);
    if (!wasReady) {
      for (const job of this.#waiting.splice(0)) job.reject(startError(reason));
      return;
    }
    this.#settle({ kind: 'too large', reason: `it takes more than ${this.#limits.memoryMb} MB of memory` });
    if (this.#waiting.length > 0) this.#next();
  }

  #settle(reply: RenderReply): void {
    clearTimeout(this.#timer);
    const job = this.#running;
    this.#running = undefined;
    if (this.#isClosed) job?.reject(closedError());
    else job?.resolve(reply);
  }

  #plainData(variables: Readonly<Record<string, unknown>>): string {
    const json = toJson(variables);
    if (json.length <= this.#limits.variableCharacters) return json;
    throw new StackloreError('too_large', {
      message: `The variables are longer than ${this.#limits.variableCharacters} characters as JSON. Give less.`,
    });
  }
}

/** Nothing of the process is to be saved, and a template that does not come to an end hears no other signal. */
function end(child: ChildProcess): void {
  child.kill('SIGKILL');
}

function toJson(variables: Readonly<Record<string, unknown>>): string {
  try {
    return JSON.stringify(variables, (name, value: unknown) => {
      if (typeof value !== 'function' && typeof value !== 'symbol') return value;
      throw new Error(`"${name}" is a ${typeof value}`);
    });
  } catch (cause) {
    throw new StackloreError('invalid_input', {
      message: `The variables are not plain data (${(cause as Error).message.split('\n')[0]}). Give what JSON can hold.`,
      cause,
    });
  }
}

/** An idle process holds nothing open; one at work keeps the program alive until it has answered. */
function keepAlive(child: ChildProcess, isBusy: boolean): void {
  const act = isBusy ? 'ref' : 'unref';
  child[act]();
  child.channel?.[act]();
}

function unusable(reply: RenderReply): StackloreError {
  if (reply.kind === 'missing') return missingVariables(reply.names);
  const reason = 'reason' in reply ? reply.reason.slice(0, 500) : reply.kind;
  if (reply.kind === 'bad syntax') {
    return new StackloreError('parse_failed', {
      message: `The template is not valid Jinja2 (${reason}). Correct it.`,
    });
  }
  if (reply.kind === 'too large') {
    return new StackloreError('too_large', {
      message: `The template asks for more than a template may have: ${reason}. Simplify it.`,
    });
  }
  return new StackloreError('invalid_input', {
    message: `The template cannot be rendered with these variables (${reason}). Correct either.`,
  });
}

function startError(reason: string): StackloreError {
  return new StackloreError('internal', {
    message: `The process that renders templates did not start (${reason}). See whether the system lets this program start ${process.execPath}.`,
  });
}

function closedError(): StackloreError {
  return new StackloreError('aborted', {
    message: 'stacklore was closed. Open it again to render templates.',
  });
}
