import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { createLogger } from '../src/http/log.ts';
import { parseServeOptions } from '../src/http/options.ts';
import { createServer } from '../src/http/server.ts';
import type { Stacklore } from '../src/stacklore.ts';
import { median, quantile, retainedMb, sample } from './measure.ts';

export interface HttpBench {
  readonly lore: Stacklore;
  readonly collection: string;
  readonly queries: readonly Float32Array[];
  readonly quick: boolean;
}

/** What a run of the load generator tells. */
export interface Load {
  readonly sent: number;
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
  readonly failed: number;
  readonly statuses: Readonly<Record<string, { readonly count?: number }>>;
}

const CONNECTIONS = [1, 16, 64];
const TOP_K = 10;
const OVERHEAD_MS = 0.3;

/** `/v1/search` against the façade called in the same process; the load comes from another process. */
export async function benchHttp({ lore, collection, queries, quick }: HttpBench): Promise<void> {
  const options = parseServeOptions({ port: 0, rateLimit: 0 });
  const log = createLogger(options, createWriteStream('/dev/null'));
  const server = await createServer({ lore, options, log });
  const url = await server.listen({ port: 0, host: '127.0.0.1' });
  try {
    const vectors = queries.slice(0, 200).map((vector) => ({ vector: [...vector], collection, topK: TOP_K }));
    const cached = Array.from({ length: 8 }, (_, at) => ({
      query: `question ${at}`,
      collection,
      topK: TOP_K,
    }));
    let asked = 0;
    const uncached = (count: number) =>
      Array.from({ length: count }, () => ({
        query: `what about number ${asked++}?`,
        collection,
        topK: TOP_K,
      }));
    const kinds = [
      {
        name: 'vector given',
        bodies: () => vectors,
        amount: 4_000,
        direct: (body: Body) => lore.search(body),
      },
      {
        name: 'text, cached',
        bodies: () => cached,
        amount: 4_000,
        direct: (body: Body) => lore.cachedSearch(body),
      },
      {
        name: 'text, not cached',
        bodies: () => uncached(64),
        amount: 300,
        direct: (body: Body) => lore.search(body),
        isFresh: true,
      },
    ];
    for (const { name, bodies, amount, direct, isFresh = false } of kinds) {
      for (const connections of CONNECTIONS) {
        const count = Math.max(connections * 2, quick ? amount / 4 : amount);
        const headers = isFresh ? { 'cache-control': 'no-cache' } : {};
        const send = () => load({ url, bodies: bodies(), headers, connections, amount: count });
        const call = () => callDirectly(bodies(), { count, connections, direct });
        await send();
        await call();
        const ours: { load: Load; cpu: number }[] = [];
        const floor: Awaited<ReturnType<typeof call>>[] = [];
        for (let round = 0; round < 3; round += 1) {
          let got: Load | undefined;
          const { cpuMs } = await sample(async () => {
            got = await send();
          });
          if (got) ours.push({ load: got, cpu: cpuMs / got.sent });
          floor.push(await call());
        }
        const middle = (of: (one: (typeof ours)[number]) => number) => median(ours.map(of));
        const overhead = median(ours.map(({ cpu }, at) => cpu - (floor[at]?.cpu ?? 0)));
        const failed = ours.reduce((sum, one) => sum + one.load.failed, 0);
        console.log(
          `http, ${name}, ${connections} connections: ${middle((one) => one.load.rate).toFixed(0)} requests/s ` +
            `(façade ${median(floor.map(({ rate }) => rate)).toFixed(0)}), p50 ${middle((one) => one.load.p50).toFixed(2)} ` +
            `p99 ${middle((one) => one.load.p99).toFixed(2)} ms (façade ${median(floor.map(({ p50 }) => p50)).toFixed(2)} / ` +
            `${median(floor.map(({ p99 }) => p99)).toFixed(2)}), CPU of the server beyond the façade ${overhead.toFixed(3)} ms ` +
            `(under ${OVERHEAD_MS}${isFresh || overhead < OVERHEAD_MS ? '' : ', MISSED'}), ${failed} failed`,
        );
      }
    }
    await benchMemory({ url, bodies: cached, total: 100_000 });
  } finally {
    await server.close();
  }
}

type Body = Parameters<Stacklore['search']>[0];

async function callDirectly(
  bodies: readonly Body[],
  {
    count,
    connections,
    direct,
  }: { count: number; connections: number; direct: (body: Body) => Promise<unknown> },
) {
  const latencies: number[] = [];
  let next = 0;
  const lane = async () => {
    while (next < count) {
      const body = bodies[next++ % bodies.length] as Body;
      const started = performance.now();
      // What goes over the wire has to be made into text on either side.
      JSON.stringify(await direct(body));
      latencies.push(performance.now() - started);
    }
  };
  const { wallMs, cpuMs } = await sample(
    async () => void (await Promise.all(Array.from({ length: connections }, lane))),
  );
  return {
    rate: (count / wallMs) * 1_000,
    p50: median(latencies),
    p99: quantile(latencies, 0.99),
    cpu: cpuMs / count,
  };
}

async function benchMemory({ url, bodies, total }: { url: string; bodies: readonly Body[]; total: number }) {
  const used = () => ({ retained: retainedMb(), resident: process.memoryUsage.rss() / 1e6 });
  const send = (amount: number) => load({ url, bodies, headers: {}, connections: 16, amount });
  await send(total / 10);
  const before = used();
  await send(total);
  const after = used();
  console.log(
    `http, memory after ${total} requests: retained ${before.retained.toFixed(1)} to ${after.retained.toFixed(1)} MB, ` +
      `resident ${before.resident.toFixed(0)} to ${after.resident.toFixed(0)} MB (flat: within 5 MB retained${after.retained - before.retained > 5 ? ', MISSED' : ''})`,
  );
}

/** Sends searches from another process, so many or for so many seconds. */
export function load(plan: {
  readonly url: string;
  readonly bodies: readonly unknown[];
  readonly headers: Readonly<Record<string, string>>;
  readonly connections: number;
  readonly amount?: number;
  readonly seconds?: number;
}): Promise<Load> {
  const child = spawn(process.execPath, [new URL('./http-load.mjs', import.meta.url).pathname], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.end(JSON.stringify(plan));
  let output = '';
  child.stdout.on('data', (piece) => {
    output += piece;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(output) as Load);
      else reject(new Error(`The load generator ended with ${code}`));
    });
  });
}
