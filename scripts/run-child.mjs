import { spawn } from 'node:child_process';

/** What a child process printed and how it ended; `code` is 128 and more after a signal, as a shell says it. */
/** @typedef {{ code: number, output: string }} Ending */

const SIGNALS = /** @type {const} */ ({ SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 });

/**
 * Runs a program with this process's terminal, or with its output collected when `collect` is set.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd: string, env?: NodeJS.ProcessEnv, collect?: boolean }} options
 * @returns {Promise<Ending>}
 */
export function runChild(command, args, { cwd, env = process.env, collect = false }) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, env, stdio: collect ? ['ignore', 'pipe', 'pipe'] : 'inherit' });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
    }
    const release = passSignals(child);
    child.once('error', (error) => {
      release();
      resolve({ code: 127, output: `${command}: ${error.message}` });
    });
    child.once('close', (code, signal) => {
      release();
      const signalNumber = Object.entries(SIGNALS).find(([name]) => name === signal)?.[1] ?? 1;
      resolve({ code: code ?? 128 + signalNumber, output });
    });
  });
}

/**
 * Leaves stopping to the child: a terminal's Ctrl-C reaches it anyway, other signals are passed on, and this process
 * lives on to clean up after it.
 *
 * @param {import('node:child_process').ChildProcess} child
 */
function passSignals(child) {
  const onInterrupt = () => {
    if (!process.stdin.isTTY) child.kill('SIGINT');
  };
  const onTerminate = () => child.kill('SIGTERM');
  process.on('SIGINT', onInterrupt).on('SIGTERM', onTerminate).on('SIGHUP', onTerminate);
  return () => {
    process.off('SIGINT', onInterrupt).off('SIGTERM', onTerminate).off('SIGHUP', onTerminate);
  };
}
