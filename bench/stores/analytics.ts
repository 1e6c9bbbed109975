import { bucketOf } from '../../src/stores/analytics/bucket.ts';
import { ADD_USAGE } from '../../src/stores/analytics/scripts/add-usage.ts';
import { INCREMENT_COUNTERS } from '../../src/stores/analytics/scripts/increment-counters.ts';
import { RECORD_METRICS } from '../../src/stores/analytics/scripts/record-metrics.ts';
import type { Operations } from './operation.ts';

const WINDOWS = [
  ['1min', '60'],
  ['1hour', '3600'],
  ['1day', '86400'],
] as const;
const USAGE = ['requests', 'tokens_in', 'tokens_out', 'llm_calls', 'kb_queries'];
const HOURS = 24;

/** Analytics against the bare EVALSHA, LPUSH or HGETALL of the same keys: what has to hold together needs its script. */
export const analyticsOperations: Operations = async (lore, client) => {
  const { metrics, usage, counters, errorLog } = lore;
  const [recordSha, usageSha, countSha] = await Promise.all(
    [RECORD_METRICS, ADD_USAGE, INCREMENT_COUNTERS].map(({ lua }) => client.scriptLoad(lua)),
  );
  const day = bucketOf(Date.now(), 'day');
  const hour = bucketOf(Date.now(), 'hour');
  const from = new Date('2025-01-15T00:00:00Z');
  const hours = Array.from({ length: HOURS }, (_, n) => bucketOf(from.getTime() + n * 3_600_000, 'hour'));
  await metrics.record(
    hours.map((_, n) => ({
      ...{ service: 'range', metricName: 'v', value: n },
      at: new Date(from.getTime() + n * 3_600_000),
    })),
  );
  return [
    {
      name: 'metrics.record',
      ours: (at) => metrics.record({ service: 'ours', metricName: `m${at % 10}`, value: at / 8 }),
      bare: (at) => {
        const keys = [hour, day].map((bucket) => `metrics:bare:m${at % 10}:${bucket}`);
        const one = ['1', '1', ...Array.from({ length: 3 }, () => String(at / 8))];
        return client.evalSha(recordSha ?? '', { keys, arguments: [...one, ...one] });
      },
    },
    {
      name: `metrics.range (${HOURS} hours)`,
      ours: () => metrics.range('range', 'v', { from, to: '2025-01-15' }),
      bare: () => Promise.all(hours.map((bucket) => client.hGetAll(`metrics:range:v:${bucket}`))),
    },
    {
      name: 'usage.add',
      ours: (at) => usage.add({ userId: `ours_${at % 10}`, requests: 1, kbQueries: 1 }),
      bare: (at) =>
        client.evalSha(usageSha ?? '', {
          keys: [`usage:${day}:bare_${at % 10}`],
          arguments: ['5', ...USAGE, '1', '1', '0', '0', '0', '1'],
        }),
    },
    {
      name: 'counters.increment',
      ours: (at) => counters.increment(`ours_${at % 10}`),
      bare: (at) =>
        client.evalSha(countSha ?? '', {
          keys: WINDOWS.map(([window]) => `counter:bare_${at % 10}:${window}`),
          arguments: WINDOWS.flatMap(([, seconds]) => ['1', seconds, '1']),
        }),
    },
    {
      name: 'errorLog.record',
      ours: (at) => errorLog.record({ errorType: 'ours', message: `failed ${at}`, context: { at } }),
      bare: (at) => {
        const entry = { timestamp: new Date().toISOString(), message: `failed ${at}`, context: { at } };
        const key = `errors:${day}:bare`;
        return client
          .multi()
          .lPush(key, JSON.stringify(entry))
          .lTrim(key, 0, 999)
          .expire(key, 2_592_000)
          .exec();
      },
    },
  ];
};
