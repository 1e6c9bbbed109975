import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runChild } from './run-child.mjs';
import { makeTestFolder, removeTestFolder } from './test-folder.mjs';

/**
 * @typedef {object} TestRun
 * @property {string} root
 * @property {NodeJS.ProcessEnv} env
 * @property {readonly string[]} vitestArguments
 * @property {(text: string) => void} say
 * @property {boolean} [isTestsOnly] true: neither type check nor lint
 */

/** @typedef {{ passed: number, failed: number }} Counts */

/**
 * Type check, lint and tests, all of them also when one fails; the last line printed is `N passed, N failed`, where type
 * check and lint count as one each. All temporary files of the run are in one folder, which vanishes with the servers
 * started in it, also when the run is interrupted. Gives the exit code.
 *
 * @param {TestRun} run
 * @returns {Promise<number>}
 */
export async function runTests({ root, env, vitestArguments, say, isTestsOnly = false }) {
  const tool = (/** @type {string} */ name) => join(root, 'node_modules', name);
  const folder = makeTestFolder();
  const interruption = watchInterruption();
  const run = async (/** @type {string[]} */ ...args) => {
    if (interruption.happened) return INTERRUPTED;
    // Test workers that outlive a killed vitest would go on and start servers again.
    const options = { cwd: root, env: { ...env, TMPDIR: folder }, wholeGroup: true };
    const { code } = await runChild(process.execPath, args, options);
    return interruption.happened ? INTERRUPTED : code;
  };
  const checkTypes = async () => {
    const compiler = [tool('typescript/bin/tsc'), '--noEmit'];
    const cache = ['--incremental', '--tsBuildInfoFile', tool('.cache/stacklore-typecheck.json')];
    const code = (await run(...compiler, ...cache)) || (await run(...compiler, '-p', 'tsconfig.web.json'));
    say(`Type check: ${verdict(code)}`);
    return code;
  };
  const lint = async () => {
    const code = await run(tool('@biomejs/biome/bin/biome'), 'check', '.');
    say(`Lint: ${verdict(code)}`);
    return code;
  };
  try {
    const checks = isTestsOnly ? [] : [await checkTypes(), await lint()];
    const reportPath = join(folder, 'report.json');
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportPath}`];
    const vitest = await run(tool('vitest/vitest.mjs'), 'run', ...reporters, ...vitestArguments);
    const tests = countTests(readReport(reportPath), vitest);
    const passedChecks = checks.filter((code) => code === 0).length;
    const counts = {
      passed: tests.passed + passedChecks,
      failed: tests.failed + checks.length - passedChecks,
    };
    say(`${counts.passed} passed, ${counts.failed} failed`);
    return counts.failed === 0 ? 0 : 1;
  } finally {
    removeTestFolder(folder);
    interruption.forget();
  }
}

/** The exit code a shell gives a program that Ctrl-C ended. */
const INTERRUPTED = 130;

/** Notes a signal to stop: the step that runs gets it too, the ones after it are not begun. */
function watchInterruption() {
  const signals = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);
  const onSignal = () => {
    interruption.happened = true;
  };
  const interruption = {
    happened: false,
    forget() {
      for (const signal of signals) process.off(signal, onSignal);
    },
  };
  for (const signal of signals) process.on(signal, onSignal);
  return interruption;
}

/** @param {number} code */
function verdict(code) {
  return code === 0 ? 'passed' : `failed (exit code ${code})`;
}

/**
 * Counts of vitest's JSON report. A file that failed without a failing test, a run that ended badly for another reason, and
 * a report that is missing count as one failure each: a failure must never be counted as none.
 *
 * @param {any} report
 * @param {number} exitCode
 * @returns {Counts}
 */
export function countTests(report, exitCode) {
  const passed = report?.numPassedTests ?? 0;
  const brokenFiles = (report?.testResults ?? []).filter(
    (/** @type {any} */ file) =>
      file.status === 'failed' &&
      !file.assertionResults.some((/** @type {any} */ test) => test.status === 'failed'),
  ).length;
  const failed = (report?.numFailedTests ?? 0) + brokenFiles;
  return { passed, failed: failed === 0 && (exitCode !== 0 || !report) ? 1 : failed };
}

/** @param {string} path */
function readReport(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}
