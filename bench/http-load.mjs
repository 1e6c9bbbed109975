import { readFileSync } from 'node:fs';
import autocannon from 'autocannon';

// A process of its own, so that what sending costs is not counted as what answering costs.
const { url, bodies, headers, connections, amount, seconds } = JSON.parse(readFileSync(0, 'utf8'));
const result = await autocannon({
  url,
  connections,
  ...(amount === undefined ? { duration: seconds } : { amount }),
  timeout: 60,
  requests: bodies.map((/** @type {unknown} */ body) => ({
    method: 'POST',
    path: '/v1/search',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })),
});
const { requests, latency, errors, timeouts, non2xx, statusCodeStats } = result;
process.stdout.write(
  JSON.stringify({
    sent: requests.total,
    rate: requests.average,
    p50: latency.p50,
    p99: latency.p99,
    failed: errors + timeouts + non2xx,
    statuses: statusCodeStats,
  }),
);
