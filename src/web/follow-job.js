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
  const listen = async () => {
    const { body } = await api.send('GET', `${path}/events`, { signal });
    if (!body) return;
    for await (const { name, data } of readEvents(body)) {
      onChange(JSON.parse(data));
      if (name === 'end') return;
    }
  };
  // Asked for, too: a server with too many streams refuses further ones.
  const look = async () => {
    /** @type {Job} */
    const job = await api.get(path, { signal });
    onChange(job);
    return isOver(job);
  };
  while (!signal.aborted) {
    await unlessGone(listen, signal);
    if (await unlessGone(look, signal)) return;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

/**
 * Fails only where trying again is no use; a server that is away goes on with the job when it is back.
 *
 * @template Result
 * @param {() => Promise<Result>} work
 * @param {AbortSignal} signal
 * @returns {Promise<Result | undefined>}
 */
async function unlessGone(work, signal) {
  try {
    return await work();
  } catch (error) {
    const isGone = error instanceof ApiError && [401, 403, 404].includes(error.status);
    if (isGone && !signal.aborted) throw error;
    return undefined;
  }
}
