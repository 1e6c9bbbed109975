import { errorMessage } from '../errors.ts';

/** What is known of a call that failed: nothing of it was carried out, or nobody can tell. */
export type Fate = 'undone' | 'unknown';

/**
 * Replies that refuse a call before anything of it is carried out, for a reason that passes: the server loads its data
 * or has become a replica, or the cluster is just being changed.
 */
const REFUSAL =
  /^(EXECABORT .*: )?-?(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN) |^Too many Cluster redirections/;
const fates = new WeakMap<object, Fate>();

/** The error, marked with what is known of its call. */
export function withFate<E extends Error>(error: E, fate: Fate): E {
  fates.set(error, fate);
  return error;
}

/** True for a reply that refuses a call for now. */
export function isRefusal(error: unknown): boolean {
  return REFUSAL.test(errorMessage(error));
}

/** What is known of the call that an error is of; `undefined` for one that failed for good. */
export function fateOf(error: unknown): Fate | undefined {
  return typeof error === 'object' && error !== null ? fates.get(error) : undefined;
}
