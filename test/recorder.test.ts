import { expect, test, vi } from 'vitest';
import { RecordError, StackloreError } from '../src/errors.ts';
import { BufferedRecorder, type RecorderOptions, type RecorderParts } from '../src/recorder.ts';

const NOW = Date.parse('2025-01-15T10:30:00Z');

/** A recorder whose stores only remember what they were given. */
function openRecorder(options: RecorderOptions = {}, over: Partial<RecorderParts> = {}) {
  const written = { metrics: [] as unknown[], usage: [] as unknown[], errors: [] as unknown[] };
  const parts: RecorderParts = {
    metrics: { add: async (items) => void written.metrics.push(...items) },
    usage: { add: async (items) => void written.usage.push(...[items].flat()) },
    errorLog: { record: async (items) => void written.errors.push(...[items].flat()) },
    ...over,
  };
  return { written, recorder: new BufferedRecorder(parts, { now: () => NOW, flushAfterMs: 1, ...options }) };
}

const away = async () => {
  throw new StackloreError('database_unreachable', { message: 'away' });
};

test('adds up what is recorded and writes it in one batch', async () => {
  const { recorder, written } = openRecorder();
  for (const value of [4, 2]) recorder.measure('search', 'latency_ms', value);
  recorder.use('ada', { requests: 1, kbQueries: 1 });
  recorder.use('ada', { requests: 1, llmCalls: 2 });
  recorder.use(undefined, { requests: 1 });
  expect(written.metrics).toEqual([]);
  await recorder.flush();
  expect(written.metrics).toEqual([
    { service: 'search', metricName: 'latency_ms', at: NOW, count: 2, sum: 6, min: 2, max: 4 },
  ]);
  expect(written.usage).toEqual([
    { userId: 'ada', date: '2025-01-15', requests: 2, kbQueries: 1, llmCalls: 2 },
    { userId: 'anonymous', date: '2025-01-15', requests: 1 },
  ]);
});

test('writes by itself after a while, and on close', async () => {
  const { recorder, written } = openRecorder();
  recorder.measure('a', 'b', 1);
  await vi.waitFor(() => expect(written.metrics).toHaveLength(1));
  recorder.measure('a', 'b', 1);
  await recorder.close();
  expect(written.metrics).toHaveLength(2);
  recorder.measure('a', 'b', 1);
  expect(recorder.dropped).toBe(1);
});

test('logs what failed, with the stack of what is not ours, and no mistakes of callers', async () => {
  const { recorder, written } = openRecorder();
  recorder.fail(new TypeError('boom'), { service: 'search' });
  recorder.fail(new StackloreError('query_timeout', { message: 'too slow' }), {});
  for (const code of ['invalid_input', 'too_large', 'manifest_mismatch', 'already_exists'] as const)
    recorder.fail(new StackloreError(code, { message: 'no query' }), {});
  await recorder.close();
  expect(written.errors).toEqual([
    expect.objectContaining({
      errorType: 'internal',
      message: 'boom',
      stackTrace: expect.stringContaining('at '),
    }),
    expect.objectContaining({ errorType: 'query_timeout', message: 'too slow', stackTrace: undefined }),
  ]);
});

test('drops what cannot be written, and never throws', async () => {
  const { recorder } = openRecorder(
    {},
    { metrics: { add: away }, usage: { add: away }, errorLog: { record: away } },
  );
  recorder.measure('a', 'b', 1);
  recorder.measure('a', 'b', Number.NaN);
  recorder.use('ada', { requests: 1 });
  recorder.fail(new Error('x'), {});
  await recorder.flush();
  expect(recorder.dropped).toBe(3);
  await recorder.close();
});

test('drops what is beyond its bounds', async () => {
  const { recorder, written } = openRecorder({ flushAfterMs: 1_000 });
  for (let n = 0; n < 1_200; n += 1) {
    recorder.measure('a', `m${n}`, 1);
    recorder.use(`u${n}`, { requests: 1 });
    recorder.fail(new Error('x'), {});
  }
  recorder.measure('a', 'm0', 1);
  expect(recorder.dropped).toBe(200 + 200 + 1_000);
  await recorder.close();
  expect([written.metrics.length, written.usage.length, written.errors.length]).toEqual([1_000, 1_000, 200]);
});

test('writes the others when one record cannot be written', async () => {
  const kept: string[] = [];
  const add: RecorderParts['metrics']['add'] = async (items) => {
    if (items.some(({ metricName }) => metricName === 'bad')) throw new RecordError('key', []);
    kept.push(...items.map(({ metricName }) => metricName));
  };
  const { recorder } = openRecorder({}, { metrics: { add } });
  for (const name of ['one', 'bad', 'two']) recorder.measure('a', name, 1);
  await recorder.close();
  expect(kept).toEqual(['one', 'two']);
  expect(recorder.dropped).toBe(1);
});

test('writes nothing while that would start a server', async () => {
  const { recorder, written } = openRecorder({ mayWrite: () => false });
  recorder.measure('a', 'b', 1);
  await recorder.close();
  expect(written.metrics).toEqual([]);
});

test('closes although a write never ends', async () => {
  const { recorder } = openRecorder({}, { metrics: { add: () => new Promise(() => {}) } });
  recorder.measure('a', 'b', 1);
  await recorder.close();
});
