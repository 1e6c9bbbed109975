import {
  ClientClosedError,
  ConnectionTimeoutError,
  ErrorReply,
  MaxCommandRedirectionsError,
  RootNodesUnavailableError,
} from 'redis';

/** True for an error Redis replied with, false for anything that broke on the way. */
export function isReply(error: unknown): boolean {
  return error instanceof ErrorReply || error instanceof MaxCommandRedirectionsError;
}

/** True for an error of a command that was not sent, as there was no connection to its server and none could be made. */
export function isUnsent(error: unknown): boolean {
  if (error instanceof ClientClosedError || error instanceof ConnectionTimeoutError) return true;
  // They are asked for when a node had refused the command as not its own.
  if (error instanceof RootNodesUnavailableError) return true;
  // Of a name with several addresses each was tried.
  if (error instanceof AggregateError) return error.errors.every(isUnsent);
  const { syscall = '' } = error as NodeJS.ErrnoException; // of what the network says; others have none
  return syscall === 'connect' || syscall === 'getaddrinfo';
}
