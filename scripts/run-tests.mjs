import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runChild } from './run-child.mjs';

/**
 * @typedef {object} TestRun
 * @property {string} root
 * @property {NodeJS.ProcessEnv} env
 * @property {readonly string[]} vitestArguments
 * @property {(text: string) => void} say
 */

/** @typedef {{ passed: number, failed: number }} Counts */

/**
 * Type check, lint and tests, all of them also when one fails; the last line printed is `N passed, N failed`, where type
 * check and lint count as one each. Gives the exit code.
 *
 * @param {TestRun} run
 * @returns {Promise<number>}
 */
export async function runTests({ root, env, vitestArguments, say }) {
  const tool = (/** @type {string} */ name) => join(root, 'node_modules', name);
  const cache = ['--incremental', '--tsBuildInfoFile', tool('.cache/stacklore-typecheck.json')];
  const types = await runChild(process.execPath, [tool('typescript/bin/tsc'), '--noEmit', ...cache], {
    cwd: root,
    env,
  });
  say(`Type check: ${verdict(types.code)}`);
  const lint = await runChild(process.execPath, [tool('@biomejs/biome/bin/biome'), 'check', '.'], {
    cwd: root,
    env,
  });
  say(`Lint: ${verdict(lint.code)}`);
  const folder = mkdtempSync(join(tmpdir(), 'stacklore-report-'));
  try {
    const reportPath = join(folder, 'report.json');
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportPath}`];
    const vitest = await runChild(
      process.execPath,
      [tool('vitest/vitest.mjs'), 'run', ...reporters, ...vitestArguments],
      { cwd: root, env },
    );
    const tests = countTests(readReport(reportPath), vitest.code);
    const checks = [types.code, lint.code].filter((code) => code === 0).length;
    const counts = { passed: tests.passed + checks, failed: tests.failed + 2 - checks };
    say(`${counts.passed} passed, ${counts.failed} failed`);
    return counts.failed === 0 ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
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
