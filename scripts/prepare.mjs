import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { withFileLock } from '../src/provision/file-lock.mjs';
import { copyPage } from './copy-page.mjs';
import { runChild } from './run-child.mjs';

/** A failure to be told to the reader as it is, without a stack trace. */
export class SetupError extends Error {}

/**
 * @typedef {object} Place
 * @property {string} root the repository's folder
 * @property {(text: string) => void} say
 */

/**
 * Installs the packages when the lock file changed and builds `dist` when the sources did. Two at once are safe: each
 * step is done by one process, in a temporary folder, and put in place by a rename.
 *
 * @param {Place} place
 */
export async function prepare(place) {
  await step(place, { isDone: () => isInstalled(place.root), work: () => install(place) });
  await step(place, { isDone: () => isBuilt(place.root), work: () => build(place) });
}

/**
 * Compiles the programs of `bench/` with everything they import, and gives the folder they are in.
 *
 * @param {Place} place
 */
export async function prepareBench(place) {
  const { root } = place;
  const target = join(root, 'node_modules/.cache/stacklore-bench');
  const mark = fingerprint(root, [
    'bench',
    'scripts',
    'src',
    'test/support',
    ...BUILD_FILES,
    'tsconfig.bench.json',
  ]);
  const isDone = () => readMark(join(target, BUILD_MARK)) === mark;
  await step(place, {
    isDone,
    work: async () => {
      const folder = await compile(place, { project: 'tsconfig.bench.json', what: 'bench' });
      // Compiled modules find these where the sources have them.
      cpSync(join(root, 'package.json'), join(folder, 'package.json'));
      symlinkSync(join(root, 'fixtures'), join(folder, 'fixtures'));
      copyPage(root, join(folder, 'src'));
      writeFileSync(join(folder, BUILD_MARK), mark);
      swap(folder, target);
    },
  });
  return target;
}

const INSTALL_MARK = '.stacklore-lock';
const BUILD_MARK = '.stacklore-build';
/** npm itself prints nothing without a terminal, and an installation may take minutes. */
const PROGRESS_MS = 10_000;
const BUILD_FILES = ['package-lock.json', 'tsconfig.json', 'tsconfig.build.json'];

/**
 * Runs one step under the lock, unless it is done or another process did it meanwhile.
 *
 * @param {Place} place
 * @param {{ isDone: () => boolean, work: () => Promise<void> }} work
 */
async function step({ root, say }, { isDone, work }) {
  if (isDone()) return;
  const onWait = (/** @type {number} */ pid) =>
    say(`Waiting for process ${pid}, which is preparing the same checkout.`);
  await withFileLock(join(root, '.bootstrap.lock'), async () => isDone() || (await work()), {
    timeoutMs: 1_800_000,
    onWait,
  });
}

/** @param {string} root */
function isInstalled(root) {
  return readMark(join(root, 'node_modules', INSTALL_MARK)) === installMark(root);
}

/**
 * Packages hold binaries for this Node and machine, so both belong to what was installed.
 *
 * @param {string} root
 */
function installMark(root) {
  const machine = `${process.version.split('.')[0]} ${process.platform} ${process.arch}`;
  return `${fingerprint(root, ['package-lock.json'])} ${machine}`;
}

/** @param {Place} place */
async function install({ root, say }) {
  const mark = installMark(root);
  const packages =
    readFileSync(join(root, 'package-lock.json'), 'utf8').match(/"node_modules\//g)?.length ?? 0;
  say(`Installing ${packages} packages with npm ci (about 730 MB on disk; each package holds its licence) …`);
  const started = Date.now();
  const [command, ...args] = npmCommand();
  // Development and optional packages, the compiler and this machine's binaries among them, whatever NODE_ENV and npm's
  // own settings say. No package here needs its install script, and one of them would try to download a GPU library.
  const flags = ['--include=dev', '--include=optional', '--ignore-scripts', '--no-audit', '--no-fund'];
  const progress = setInterval(() => say(`  still installing (${seconds(started)})`), PROGRESS_MS);
  const { code, output } = await runChild(command, [...args, 'ci', ...flags], {
    cwd: root,
    env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' },
    collect: true,
  });
  clearInterval(progress);
  if (code !== 0) {
    throw new SetupError(
      `npm ci failed (exit code ${code}):\n${npmErrors(output)}\n\nCheck that npm reaches its registry and that the disk has 1.5 GB left, then run the same command again.`,
    );
  }
  writeFileSync(join(root, 'node_modules', INSTALL_MARK), mark);
  say(`Installed in ${seconds(started)}.`);
}

/**
 * The first errors tell the cause, what follows them is help for npm's command line.
 *
 * @param {string} output
 */
function npmErrors(output) {
  const lines = output.split('\n').filter((line) => /^npm (error|ERR!)/.test(line));
  return lines.length === 0 ? lastLines(output, 15) : lines.slice(0, 15).join('\n');
}

/** @returns {[string, ...string[]]} the npm that runs this script, else the one on PATH */
function npmCommand() {
  const script = process.env.npm_execpath;
  return script && /npm-cli\.c?js$/.test(script) ? [process.execPath, script] : ['npm'];
}

/** @param {string} root */
function isBuilt(root) {
  const mark = readMark(join(root, 'dist', BUILD_MARK));
  return mark !== undefined && mark === fingerprint(root, ['src', ...BUILD_FILES]);
}

/** @param {Place} place */
async function build(place) {
  const { root, say } = place;
  const started = Date.now();
  say('Building dist …');
  const mark = fingerprint(root, ['src', ...BUILD_FILES]);
  const folder = await compile(place, { project: 'tsconfig.build.json', what: 'dist' });
  const main = join(folder, 'cli/main.js');
  if (existsSync(main)) chmodSync(main, 0o755);
  copyPage(root, folder);
  writeFileSync(join(folder, BUILD_MARK), mark);
  swap(folder, join(root, 'dist'));
  say(`Built in ${seconds(started)}.`);
}

/**
 * @param {Place} place
 * @param {{ project: string, what: string }} options
 * @returns {Promise<string>} the temporary folder with the result
 */
async function compile({ root }, { project, what }) {
  const cache = join(root, 'node_modules/.cache');
  mkdirSync(cache, { recursive: true });
  // The lock is held: what is there of this name was left by a killed process.
  for (const name of readdirSync(cache)) {
    if (name.startsWith(`stacklore-new-${what}`)) rmSync(join(cache, name), { recursive: true, force: true });
  }
  const folder = join(cache, `stacklore-new-${what}`);
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const { code, output } = await runChild(process.execPath, [compiler, '-p', project, '--outDir', folder], {
    cwd: root,
    collect: true,
  });
  if (code !== 0) {
    throw new SetupError(
      `The TypeScript build failed:\n${lastLines(output, 40)}\n\nCorrect the sources and try again.`,
    );
  }
  return folder;
}

/**
 * Two renames, so that a running program misses the folder for microseconds only.
 *
 * @param {string} finished
 * @param {string} target
 */
function swap(finished, target) {
  const old = `${finished}-old`;
  if (existsSync(target)) renameSync(target, old);
  renameSync(finished, target);
  rmSync(old, { recursive: true, force: true });
}

/**
 * One hash over files and folders: names and contents.
 *
 * @param {string} root
 * @param {readonly string[]} names
 */
function fingerprint(root, names) {
  const hash = createHash('sha256');
  for (const name of names.flatMap((entry) => filesBelow(root, entry))) {
    const content = readFileSync(join(root, name));
    hash.update(`${name}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

/**
 * @param {string} root
 * @param {string} name
 * @returns {string[]}
 */
function filesBelow(root, name) {
  try {
    const entries = readdirSync(join(root, name), { withFileTypes: true });
    return entries
      .map((entry) => `${name}/${entry.name}`)
      .sort()
      .flatMap((entry) => filesBelow(root, entry));
  } catch {
    // A file, or nothing of that name.
    return existsSync(join(root, name)) ? [name] : [];
  }
}

/** @param {string} path */
function readMark(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/**
 * @param {string} text
 * @param {number} count
 */
function lastLines(text, count) {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}

/** @param {number} started */
function seconds(started) {
  return `${((Date.now() - started) / 1_000).toFixed(1)} s`;
}
