import { spawn } from 'node:child_process';

/** What a child process printed and how it ended; `code` is 128 and more after a signal, as a shell says it. */
/** @typedef {{ code: number, output: string }} Ending */

const SIGNALS = /** @type {const} */ ({ SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 });

/**
 * Runs a program with this process's terminal, or with its output collected when `collect` is set. With `wholeGroup` the
 * processes it started end with it.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd: string, env?: NodeJS.ProcessEnv, collect?: boolean, wholeGroup?: boolean }} options
 * @returns {Promise<Ending>}
 */
export function runChild(command, args, { cwd, env = process.env, collect = false, wholeGroup = false }) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env,
      stdio: collect ? ['ignore', 'pipe', 'pipe'] : 'inherit',
      detached: wholeGroup,
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
    }
    // A terminal's Ctrl-C reaches this process's group by itself.
    const release = passSignals(child, { interrupt: wholeGroup || !process.stdin.isTTY });
    child.once('error', (error) => {
      release();
      resolve({ code: 127, output: `${command}: ${error.message}` });
    });
    child.once('close', (code, signal) => {
      release();
      if (wholeGroup && child.pid !== undefined) killGroup(child.pid);
      const signalNumber = Object.entries(SIGNALS).find(([name]) => name === signal)?.[1] ?? 1;
      resolve({ code: code ?? 128 + signalNumber, output });
    });
  });
}

/**
 * Leaves stopping to the child: signals are passed on, and this process lives on to clean up after it.
 *
 * @param {import('node:child_process').ChildProcess} child
 * @param {{ interrupt: boolean }} options whether to pass on SIGINT too
 */
function passSignals(child, { interrupt }) {
  const onInterrupt = () => {
    if (interrupt) child.kill('SIGINT');
  };
  const onTerminate = () => child.kill('SIGTERM');
  process.on('SIGINT', onInterrupt).on('SIGTERM', onTerminate).on('SIGHUP', onTerminate);
  return () => {
    process.off('SIGINT', onInterrupt).off('SIGTERM', onTerminate).off('SIGHUP', onTerminate);
  };
}

/** @param {number} leader */
function killGroup(leader) {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // As a rule none of the group is left.
  }
}
