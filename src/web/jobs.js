import { isAbsent, problemText } from './api.js';
import { element, replaceChildren } from './element.js';
import { followJob, isOver } from './follow-job.js';
import { counted } from './format.js';

/** @import { Api, Job, Page } from './types.d.ts' */

const STATES = {
  queued: 'Waiting',
  running: 'Reading',
  done: 'Done',
  failed: 'Failed',
  cancelled: 'Cancelled',
};
const MOST_PROBLEMS = 10;

/**
 * The ingests of this caller with their progress; each can be stopped.
 *
 * @param {{ api: Api, say: (text: string) => void, onEnd: () => void }} parts
 */
export function createJobList({ api, say, onEnd }) {
  const list = element('ul', { class: 'jobs', 'aria-label': 'Ingests' });
  /** @type {Map<string, ReturnType<typeof jobItem>>} */
  const known = new Map();
  const following = new AbortController();

  /** @param {Job} job */
  function add(job) {
    const before = known.get(job.jobId);
    if (before) return before.show(job);
    const item = jobItem(job, { onCancel: () => cancel(job.jobId) });
    known.set(job.jobId, item);
    list.prepend(item.element);
    if (isOver(job)) return;
    void follow(job.jobId, item);
  }

  /**
   * @param {string} jobId
   * @param {ReturnType<typeof jobItem>} item
   */
  async function follow(jobId, item) {
    /** @type {Job | undefined} */
    let last;
    const onChange = (/** @type {Job} */ job) => {
      last = job;
      item.show(job);
    };
    try {
      await followJob(api, { jobId, signal: following.signal, onChange });
      if (last) say(`${STATES[last.state]}: ${summaryOf(last)}`);
      onEnd();
    } catch (error) {
      item.fail(problemText(error) ?? '');
    }
  }

  /** @param {string} jobId */
  async function cancel(jobId) {
    try {
      await api.delete(`/v1/jobs/${encodeURIComponent(jobId)}`);
    } catch (error) {
      known.get(jobId)?.fail(problemText(error) ?? '');
    }
  }

  return {
    element: list,
    add,
    /** Shows what runs, also when it was begun in another tab. */
    async load() {
      try {
        /** @type {Page<Job>} */
        const { items } = await api.get('/v1/jobs', { query: { limit: 20 } });
        for (const job of items.filter((one) => !isOver(one)).reverse()) add(job);
      } catch (error) {
        if (!isAbsent(error)) throw error;
      }
    },
  };
}

/**
 * @param {Job} first
 * @param {{ onCancel: () => void }} options
 */
function jobItem(first, { onCancel }) {
  const state = element('span', { class: 'state' });
  const summary = element('span', { class: 'summary' });
  const bar = element('progress', { 'aria-label': `Ingest into ${first.collection}` });
  const cancel = element('button', { type: 'button', class: 'quiet', click: onCancel }, 'Cancel');
  const problems = element('ul', { class: 'problems' });
  const item = element(
    'li',
    { class: 'panel job' },
    element('div', { class: 'job-head' }, state, summary, cancel),
    bar,
    problems,
  );

  /** @param {Job} job */
  function show(job) {
    const { sources, done } = job.progress;
    state.textContent = STATES[job.state];
    summary.textContent = summaryOf(job);
    bar.hidden = isOver(job);
    cancel.hidden = isOver(job);
    if (sources > 0) {
      bar.max = sources;
      bar.value = done;
    }
    item.classList.toggle('is-failed', job.state === 'failed');
    replaceChildren(problems, ...problemItems(job));
  }
  show(first);
  return {
    element: item,
    show,
    /** @param {string} text */
    fail(text) {
      summary.textContent = text;
      cancel.hidden = true;
      bar.hidden = true;
    },
  };
}

/** @param {Job} job */
function summaryOf({ collection, progress, report }) {
  if (!report) {
    const { sources, done, failed, chunks } = progress;
    const trouble = failed > 0 ? `, ${failed} failed` : '';
    return `${done} of ${counted(sources, 'source')}${trouble}, ${counted(chunks, 'passage')}, into ${collection}`;
  }
  const counts = Object.entries(report.counts)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count} ${name}`);
  return `${counts.join(', ') || 'nothing'}, ${counted(report.chunks, 'passage')}, into ${collection}`;
}

/** @param {Job} job */
function problemItems({ report, error }) {
  const all = report?.problems ?? [];
  const items = all.slice(0, MOST_PROBLEMS).map(({ source, status, reason = '' }) => {
    return element('li', {}, `${source}: ${status}. ${reason}`);
  });
  if (all.length > MOST_PROBLEMS) items.push(element('li', {}, `and ${all.length - MOST_PROBLEMS} more`));
  if (error) items.push(element('li', { class: 'problem' }, error.message));
  return items;
}
