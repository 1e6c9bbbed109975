import type { Recorder } from '../recorder.ts';

/** A query as it is recorded. */
export interface RecordedQuery<Answer> {
  /** Whose metrics it counts for. */
  readonly service: string;
  readonly request: unknown;
  /** Numbers of the answer, to be recorded beside the latency. */
  readonly values: (answer: Answer) => Readonly<Record<string, number>>;
}

/** Carries a query out and records its latency, its values, its user and its failure. */
export async function recordQuery<Answer>(
  recorder: Recorder,
  { service, request, values }: RecordedQuery<Answer>,
  work: () => Promise<Answer>,
): Promise<Answer> {
  const started = performance.now();
  try {
    const answer = await work();
    recorder.measure(service, 'latency_ms', performance.now() - started);
    for (const [name, value] of Object.entries(values(answer))) recorder.measure(service, name, value);
    return answer;
  } catch (error) {
    recorder.fail(error, { service, ...collectionsOf(request) });
    throw error;
  } finally {
    recorder.use(userIdOf(request), { requests: 1, kbQueries: 1 });
  }
}

// A request is looked at before it is checked, or after it was refused.
function userIdOf(request: unknown): string | undefined {
  const { userId } = (request ?? {}) as { userId?: unknown };
  return typeof userId === 'string' ? userId : undefined;
}

function collectionsOf(request: unknown): { collections?: unknown[] } {
  const { collection, collections } = (request ?? {}) as { collection?: unknown; collections?: unknown };
  if (Array.isArray(collections)) return { collections };
  return collection === undefined ? {} : { collections: [collection] };
}
