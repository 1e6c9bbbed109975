import { execFile } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { freePort } from '../../src/redis/loopback-port.ts';
import { modelConfig } from './provisioned.ts';

const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname, '../..');
const HOOKS = pathToFileURL(join(ROOT, 'test/support/typescript-hooks.mjs')).href;

/** A folder in which the snippets of a page run as a reader would run them, against the sources. */
export interface SnippetPlace {
  readonly folder: string;
  /** Runs shell lines with `stacklore` on PATH; gives standard output. Throws where one of them fails. */
  runShell(code: string): Promise<string>;
  /** Runs a program that imports the package by its name; gives standard output. */
  runProgram(code: string): Promise<string>;
  /** Runs a program of `examples/` with these arguments and settings; gives standard output. */
  runExample(name: string, args?: readonly string[], env?: Readonly<Record<string, string>>): Promise<string>;
  remove(): void;
}

/**
 * Makes such a folder. Nothing of the user's own settings is seen in it; the programs work in the root of the
 * repository, or in a folder of their own with the fixtures in it.
 */
export function makeSnippetPlace(redisUrl: string, { inRoot = false } = {}): SnippetPlace {
  const folder = mkdtempSync(join(tmpdir(), 'stacklore-snippets-'));
  const program = join(folder, 'bin/stacklore');
  mkdirSync(join(folder, 'bin'));
  writeFileSync(
    program,
    `#!/bin/sh\nexec "${process.execPath}" --import "${HOOKS}" "${join(ROOT, 'src/cli/main.ts')}" "$@"\n`,
  );
  chmodSync(program, 0o755);
  // Where a program finds llamaindex, as it would beside its own package.json.
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const work = join(folder, 'work');
  mkdirSync(work);
  symlinkSync(join(ROOT, 'fixtures'), join(work, 'fixtures'));
  const env: NodeJS.ProcessEnv = {
    PATH: `${join(folder, 'bin')}:${process.env.PATH}`,
    HOME: folder,
    STACKLORE_HOME: join(folder, 'home'),
    STACKLORE_MODEL_DIR: modelConfig().dir,
    REDIS_URL: redisUrl,
  };
  const options = { cwd: inRoot ? ROOT : work, env };
  let port: number | undefined;
  return {
    folder,
    async runShell(code) {
      port ??= await freePort();
      const lines = code.replaceAll(DOCUMENTED_PORT, String(port));
      return (await run('sh', ['-euc', lines], options)).stdout;
    },
    async runProgram(code) {
      const path = join(folder, 'program.mjs');
      writeFileSync(path, code);
      return (await run(process.execPath, ['--import', HOOKS, path], options)).stdout;
    },
    async runExample(name, args = [], more = {}) {
      const program = [join(ROOT, 'examples', name), ...args];
      const settings = { ...options, env: { ...env, ...more } };
      return (await run(process.execPath, ['--import', HOOKS, ...program], settings)).stdout;
    },
    remove() {
      endServer(join(work, 'serve.pid'));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** What pages call the port of a server in the background; here it may be taken. */
const DOCUMENTED_PORT = '7700';

/** Ends the server whose id a page has written down, should it not have come to that itself. */
function endServer(pidFile: string): void {
  if (!existsSync(pidFile)) return;
  try {
    process.kill(Number(readFileSync(pidFile, 'utf8')));
  } catch {
    // It has ended.
  }
}
