import { StackloreError } from '../../errors.ts';

const MAX_LISTED = 1_000_000;

/** Throws `invalid_input` unless it is a cosine that facts can be alike by. */
export function checkThreshold(threshold: number = 1): void {
  // As a program without types may call it.
  if (typeof threshold === 'number' && threshold >= 0 && threshold <= 1) return;
  throw new StackloreError('invalid_input', {
    message:
      'The threshold for duplicates must be a number from 0 to 1. Leave it out for the configured one.',
  });
}

/** Throws `invalid_input` unless it is a page that the index can give. */
export function checkFactPage(offset: number, limit: number): void {
  const isWhole = Number.isSafeInteger(offset) && Number.isSafeInteger(limit);
  if (isWhole && offset >= 0 && limit >= 0 && offset + limit <= MAX_LISTED) return;
  throw new StackloreError('invalid_input', {
    message: `offset and limit must be whole numbers of at least 0, together at most ${MAX_LISTED}. Narrow the list with a filter.`,
  });
}

/** The error for a fact that is not there. */
export function noFact(factId: string): StackloreError {
  return new StackloreError('not_found', {
    message: `There is no fact "${factId}". See stacklore facts list for the ids.`,
  });
}

/** The error for an id that a fact has already. */
export function takenFact(factId: string): StackloreError {
  return new StackloreError('already_exists', {
    message: `There is a fact "${factId}" already. Give another id, or change it: stacklore facts update.`,
  });
}
