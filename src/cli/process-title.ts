/** User and password of a URL; a password may hold an `@` itself, so it ends with the last one before the path. */
const USER_INFO = /:\/\/[^/?#\s]*@/g;

/**
 * What the process should be called instead of its command line, which every user of the machine can read; `undefined`
 * where nothing in it is secret.
 */
export function concealedTitle(args: readonly string[]): string | undefined {
  const line = ['stacklore', ...args].join(' ');
  const concealed = line.replace(USER_INFO, '://…@');
  return concealed === line ? undefined : concealed;
}
