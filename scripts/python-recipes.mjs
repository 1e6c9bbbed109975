import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SetupError } from './prepare.mjs';
import { runChild } from './run-child.mjs';
import { makeTestFolder, removeTestFolder } from './test-folder.mjs';

/**
 * @typedef {object} RecipeRun
 * @property {string} root the repository's folder
 * @property {NodeJS.ProcessEnv} env with the folder of the provisioned server and model
 * @property {readonly string[]} stacklore the command line, program first
 * @property {(text: string) => void} say
 */

const RECIPES = ['with_redis_py.py', 'with_redisvl.py'];
const QUESTION = 'How do I renew a loan?';
/** What every recipe must print for that question, beside two further hits. */
const BEST_HIT = /^0\.\d{3} {2}\S*loans-and-renewals\.md {2}\(document [0-9a-f]{32}\)\n.*› Renewing$/m;

/**
 * Runs the programs of `examples/python` with the packages they require, against a server of its own that holds
 * documents of the handbook. Says what became of each, and gives the exit code.
 *
 * @param {RecipeRun} run
 * @returns {Promise<number>}
 */
export async function runRecipes({ root, env, stacklore, say }) {
  const packages = await installPackages({ root, env, say });
  const folder = makeTestFolder();
  const home = join(folder, 'home');
  const own = { ...env, STACKLORE_HOME: home };
  const [program = '', ...first] = stacklore;
  const call = async (/** @type {string[]} */ ...args) => {
    const { code, output } = await runChild(program, [...first, ...args], {
      cwd: root,
      env: own,
      collect: true,
    });
    if (code !== 0) throw new SetupError(`stacklore ${args[0]} failed:\n${output}`);
  };
  try {
    const fields = ['--fields', 'lang:tag,year:number'];
    await call('ingest', 'fixtures/documents/public-services', '--collection', 'handbook', ...fields);
    const recipeEnv = {
      ...{ ...own, ...isolated(packages), REDIS_URL: `unix://${join(home, 'redis.sock')}` },
      STACKLORE: stacklore.map((word) => `'${word}'`).join(' '),
    };
    let failed = 0;
    for (const recipe of RECIPES) {
      const args = [join('examples/python', recipe), QUESTION];
      const { code, output } = await runChild('python3', args, { cwd: root, env: recipeEnv, collect: true });
      const problem = problemOf(code, output);
      say(problem === undefined ? `${recipe}: passed` : `${recipe}: ${problem}\n${output}`);
      if (problem !== undefined) failed += 1;
    }
    await call('down');
    return failed === 0 ? 0 : 1;
  } finally {
    removeTestFolder(folder);
  }
}

/**
 * What is wrong with the output of a recipe, or `undefined`.
 *
 * @param {number} code
 * @param {string} output
 */
export function problemOf(code, output) {
  if (code !== 0) return `failed (exit code ${code})`;
  const hits = output.match(/^0\.\d{3} {2}/gm)?.length ?? 0;
  if (hits !== 3) return `printed ${hits} hits, not 3`;
  return BEST_HIT.test(output) ? undefined : 'did not print the passage that answers the question';
}

/**
 * The packages of `requirements.txt`, installed by pip into a folder that is kept until they or Python change. Throws a
 * `SetupError` that says what is missing.
 *
 * @param {Pick<RecipeRun, 'root' | 'env' | 'say'>} place
 * @returns {Promise<string>}
 */
export async function installPackages({ root, env, say }) {
  const options = { cwd: root, env, collect: true };
  const { code, output: version } = await runChild('python3', ['-m', 'pip', '--version'], options);
  if (code !== 0) {
    throw new SetupError(
      `The Python recipes need python3 (3.10 or newer) with pip: ${version.trim()}\nInstall both (Debian: apt-get install python3-pip), then run the same command again.`,
    );
  }
  const requirements = join(root, 'examples/python/requirements.txt');
  // pip says its version, folder and Python.
  const wanted = createHash('sha256')
    .update(version)
    .update(readFileSync(requirements))
    .digest('hex')
    .slice(0, 16);
  const cache = join(root, 'node_modules/.cache/stacklore-python');
  const target = join(cache, wanted);
  const mark = join(target, '.complete');
  if (existsSync(mark)) return target;
  mkdirSync(cache, { recursive: true });
  for (const name of readdirSync(cache)) rmSync(join(cache, name), { recursive: true, force: true });
  say('Installing the Python packages of the recipes with pip (about 120 MB on disk) …');
  const flags = ['--disable-pip-version-check', '--no-input', '--retries=3', '--quiet'];
  const { code: installed, output } = await runChild(
    'python3',
    ['-m', 'pip', 'install', ...flags, '--target', target, '--requirement', requirements],
    // A pip told to work only inside virtual environments may still fill a folder of ours.
    { ...options, env: { ...env, PIP_REQUIRE_VIRTUALENV: '0' } },
  );
  if (installed !== 0) {
    throw new SetupError(
      `pip could not install ${requirements}:\n${output.trim()}\n\nCheck that pip reaches its index, then run the same command again.`,
    );
  }
  writeFileSync(mark, '');
  return target;
}

/**
 * Only the packages of that folder, whatever is installed for this user.
 *
 * @param {string} packages
 */
function isolated(packages) {
  return { PYTHONPATH: packages, PYTHONNOUSERSITE: '1', PYTHONDONTWRITEBYTECODE: '1', PYTHONUTF8: '1' };
}
