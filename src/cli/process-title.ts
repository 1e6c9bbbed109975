/** User and password of a URL, up to its last `@`: a password may hold one, or a `/`, where it is not escaped. */
const USER_INFO = /:\/\/\S*@/g;

/**
 * What the process should be called instead of its command line, which every user of the machine can read; `undefined`
 * where nothing in it is secret.
 */
export function concealedTitle(args: readonly string[]): string | undefined {
  const line = ['stacklore', ...args].join(' ');
  const concealed = line.replace(USER_INFO, '://…@');
  return concealed === line ? undefined : concealed;
}
