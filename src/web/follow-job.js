import { ApiError } from './api.js';
import { readEvents } from './event-stream.js';

/** @import { Api, Job } from './types.d.ts' */

const PAUSE_MS = 2_000;

/** @param {Job} job */
export function isOver({ state }) {
  return state === 'done' || state === 'failed' || state === 'cancelled';
}

/**
 * Tells each change of a job until it is over, also across restarts of the server.
 *
 * @param {Api} api
 * @param {{ jobId: string, signal: AbortSignal, onChange: (job: Job) => void }} options
 */
export async function followJob(api, { jobId, signal, onChange }) {
  const path = `/v1/jobs/${encodeURIComponent(jobId)}`;
  while (!signal.aborted) {
    try {
      const response = await api.send('GET', `${path}/events`, { signal });
      if (response.body) {
        for await (const { name, data } of readEvents(response.body)) {
          onChange(JSON.parse(data));
          if (name === 'end') break;
        }
      }
      /** @type {Job} */
      const job = await api.get(path, { signal });
      onChange(job);
      if (isOver(job)) return;
    } catch (error) {
      if (signal.aborted) return;
      // Gone for good, or the server is away and will go on with the job when it is back.
      if (error instanceof ApiError && error.status >= 400 && error.status < 500) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
