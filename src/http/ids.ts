import { StackloreError } from '../errors.ts';
import type { Access } from './access.ts';

/** An id that a key bound to a user brings along, and others must give. Throws `invalid_input`. */
export function named(id: string | undefined, name: string): string {
  if (id !== undefined) return id;
  throw new StackloreError('invalid_input', {
    message: `${name}: is missing. Give it, or use an API key that is bound to a user.`,
  });
}

/**
 * Throws `invalid_input` when a key that is bound to a user chooses an id itself: what is answered to one that is taken
 * would tell of what others have.
 */
export function refuseChosenId(access: Access, id: string | undefined, name: string): void {
  if (access.userId === undefined || id === undefined) return;
  throw new StackloreError('invalid_input', {
    message: `${name}: an API key that is bound to a user does not choose ids. Leave it out, and take the one that is answered.`,
  });
}
