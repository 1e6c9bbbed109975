import { StackloreError } from '../errors.ts';
import type { Recorder } from '../recorder.ts';
import type { TextIngestRequest } from './job.ts';
import type { IngestReport } from './tally.ts';

const SERVICE = 'ingest';

/** Carries an ingest out and records how long it took, what it stored, its user and what failed. */
export async function recordIngest(
  recorder: Recorder,
  request: TextIngestRequest,
  work: () => Promise<IngestReport>,
): Promise<IngestReport> {
  try {
    const report = await work();
    const { counts, chunks, embedded, seconds, collection } = report;
    recorder.measure(SERVICE, 'duration_ms', seconds * 1_000);
    recorder.measure(SERVICE, 'documents', counts.created + counts.updated);
    recorder.measure(SERVICE, 'chunks', chunks);
    recorder.measure(SERVICE, 'embedded', embedded);
    recorder.measure(SERVICE, 'failed', counts.failed);
    for (const { status, code = 'internal', reason = '', source } of report.problems) {
      if (status !== 'failed') continue;
      recorder.fail(new StackloreError(code, { message: reason }), { service: SERVICE, collection, source });
    }
    return report;
  } catch (error) {
    recorder.fail(error, { service: SERVICE, collection: request?.collection });
    throw error;
  } finally {
    recorder.use(request?.userId, { requests: 1 });
  }
}
