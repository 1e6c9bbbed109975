import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { textWindows } from './corpus.ts';
import { type Load, load } from './http.ts';

/** What a server under load did. */
export interface HttpSoakReport {
  readonly load: Load;
  readonly serverErrors: number;
  /** Documents that jobs reported as stored, and those of them that the server does not have. */
  readonly ingested: number;
  readonly lost: number;
  /** 99th percentile of how late the server's event loop was, in milliseconds. */
  readonly eventLoopP99Ms: number;
}

const CONNECTIONS = 64;
const TEXTS_PER_JOB = 20;
const QUESTIONS = 500;

/** A compiled server with searches on 64 connections while it ingests; every document must be there at the end. */
export async function soakHttp(args: readonly string[], seconds: number): Promise<HttpSoakReport> {
  const server = await startServer([...args, '--rate-limit', '0']);
  try {
    const texts = await textWindows(undefined, 2_000);
    await ingestJob(server.url, texts.slice(0, TEXTS_PER_JOB), 0);
    const stop = new AbortController();
    const ingesting = ingestUntil(stop.signal, { url: server.url, texts });
    const bodies = Array.from({ length: QUESTIONS }, (_, at) => ({
      query: `what does part ${at} return?`,
      collection: 'soak',
    }));
    const loaded = await load({ url: server.url, bodies, headers: {}, connections: CONNECTIONS, seconds });
    const eventLoopP99Ms = (await measureOf(server.url, 'nodejs_eventloop_lag_p99_seconds')) * 1_000;
    stop.abort();
    const stored = await ingesting;
    let lost = 0;
    for (const docId of stored) {
      const answer = await fetch(`${server.url}/v1/documents/${encodeURIComponent(docId)}`);
      if (answer.status !== 200) lost += 1;
    }
    const serverErrors = Object.entries(loaded.statuses)
      .filter(([status]) => status.startsWith('5'))
      .reduce((sum, [, { count = 0 } = {}]) => sum + count, 0);
    return { load: loaded, serverErrors, ingested: stored.length, lost, eventLoopP99Ms };
  } finally {
    server.process.kill('SIGTERM');
    await once(server.process, 'close');
  }
}

async function ingestUntil(
  signal: AbortSignal,
  { url, texts }: { url: string; texts: readonly string[] },
): Promise<string[]> {
  const stored: string[] = [];
  for (let job = 1; !signal.aborted; job += 1) {
    const at = (job * TEXTS_PER_JOB) % (texts.length - TEXTS_PER_JOB);
    stored.push(...(await ingestJob(url, texts.slice(at, at + TEXTS_PER_JOB), job)));
  }
  return stored;
}

/** Hands texts to the server and waits for its job; gives the ids of the documents. */
async function ingestJob(url: string, texts: readonly string[], job: number): Promise<string[]> {
  const ids = texts.map((_, at) => `soak-${job}-${at}`);
  const documents = texts.map((text, at) => ({ text, source: `${ids[at]}.md`, docId: ids[at] }));
  const answer = await fetch(`${url}/v1/documents`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ collection: 'soak', texts: documents }),
  });
  if (answer.status !== 202)
    throw new Error(`An ingest was answered ${answer.status}: ${await answer.text()}`);
  const { jobId } = (await answer.json()) as { jobId: string };
  for (;;) {
    const seen = (await (await fetch(`${url}/v1/jobs/${jobId}`)).json()) as {
      state: string;
      error?: unknown;
    };
    if (seen.state === 'done') return ids as string[];
    if (seen.state !== 'queued' && seen.state !== 'running')
      throw new Error(`A job is ${JSON.stringify(seen)}`);
    await sleep(100);
  }
}

async function measureOf(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const [, value] = new RegExp(`^${name} (\\S+)$`, 'm').exec(text) ?? [];
  return Number(value);
}

async function startServer(args: readonly string[]): Promise<{ url: string; process: ChildProcess }> {
  const child = spawn(process.execPath, ['dist/cli/main.js', 'serve', '--port', '0', ...args], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let printed = '';
  for await (const piece of child.stdout.iterator({ destroyOnReturn: false })) {
    printed += String(piece);
    const [, url] = /Listening on (\S+)/.exec(printed) ?? [];
    if (url !== undefined) return { url, process: child };
  }
  throw new Error(`The server did not start: ${printed}`);
}
