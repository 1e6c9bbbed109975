import { readFileSync } from 'node:fs';
import { errorMessage, StackloreError } from '../errors.ts';

/** A file that holds a password, and the setting that names it. */
export interface PasswordFile {
  readonly path: string;
  /** For messages, e.g. `databases.main.passwordFile (STACKLORE_MAIN_PASSWORD_FILE)`. */
  readonly setting: string;
}

/** More is no password but another file, named by mistake. */
const MOST_BYTES = 4_096;

/**
 * The password in a file, without the end of its line. Throws `invalid_config` for a file that cannot be read or holds
 * something else; its content is never quoted.
 */
export function readPasswordFile({ path, setting }: PasswordFile): string {
  const fail = (problem: string, cause?: unknown): never => {
    throw new StackloreError('invalid_config', {
      message: `${setting} names the file ${path}, ${problem}. It must hold the password alone, in one line.`,
      cause,
    });
  };
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    return fail(`which cannot be read (${errorMessage(cause)})`, cause);
  }
  if (bytes.length > MOST_BYTES) return fail(`which has more than ${MOST_BYTES} bytes`);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return fail('which is not UTF-8 text');
  }
  const password = text.replace(/\r?\n$/, '');
  if (password === '') return fail('which is empty');
  if (/[\r\n]/.test(password)) return fail('which has several lines');
  return password;
}
