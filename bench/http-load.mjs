import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';

// A process of its own, so that what sending costs is not counted as what answering costs.
const { url, bodies, headers, connections, amount, seconds } = JSON.parse(readFileSync(0, 'utf8'));
const payloads = bodies.map((/** @type {unknown} */ body) => Buffer.from(JSON.stringify(body)));
const agent = new Agent({ keepAlive: true, maxSockets: connections });
const target = new URL('/v1/search', url);
/** @type {number[]} */
const latencies = [];
/** @type {Record<string, { count: number }>} */
const statuses = {};
let errors = 0;
let sent = 0;

/**
 * @param {Buffer} payload
 * @returns {Promise<number>}
 */
function send(payload) {
  return new Promise((resolve, reject) => {
    const options = {
      agent,
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': payload.length, ...headers },
    };
    const sending = request(target, options, (answer) => {
      answer.resume();
      answer.once('end', () => resolve(answer.statusCode ?? 0));
      answer.once('error', reject);
    });
    sending.once('error', reject);
    sending.end(payload);
  });
}

const started = performance.now();
const isOver = () => (amount === undefined ? performance.now() - started > seconds * 1_000 : sent >= amount);
async function lane() {
  while (!isOver()) {
    const payload = payloads[sent++ % payloads.length];
    const from = performance.now();
    const status = await send(payload).catch(() => 'error');
    latencies.push(performance.now() - from);
    if (status === 'error') errors += 1;
    else statuses[status] = { count: (statuses[status]?.count ?? 0) + 1 };
  }
}
await Promise.all(Array.from({ length: connections }, lane));
const tookMs = performance.now() - started;
agent.destroy();

latencies.sort((a, b) => a - b);
const quantile = (/** @type {number} */ share) => latencies[Math.floor((latencies.length - 1) * share)];
const succeeded = statuses[200]?.count ?? 0;
process.stdout.write(
  JSON.stringify({
    sent: latencies.length,
    rate: (latencies.length / tookMs) * 1_000,
    p50: quantile(0.5),
    p99: quantile(0.99),
    failed: latencies.length - succeeded,
    statuses: { ...statuses, ...(errors > 0 && { error: { count: errors } }) },
  }),
);
