// Runs on a fresh clone, before node_modules exists: plain JavaScript, no dependencies.
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { prepare, prepareBench, SetupError } from './prepare.mjs';
import { runRecipes } from './python-recipes.mjs';
import { runChild } from './run-child.mjs';
import { runTests } from './run-tests.mjs';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
/** A folder without a stacklore.json: the user's own is not for demo and tests. */
const WITHOUT_CONFIGURATION = import.meta.dirname;
const MAIN = join(ROOT, 'dist/cli/main.js');
/** The flag of its first line: started through node it would do without. */
const MAIN_ARGUMENTS = ['--max-semi-space-size=2', MAIN];
/** Settings that say where provisioned files are or come from: all that demo, tests and bench see of the user's own. */
const KEPT = ['STACKLORE_HOME', 'STACKLORE_PROVISION_DIR', 'STACKLORE_MODEL_DIR', 'STACKLORE_HUB_URL'];
const FOLDERS = ['STACKLORE_HOME', 'STACKLORE_PROVISION_DIR', 'STACKLORE_MODEL_DIR', 'STACKLORE_TEST_SERVER'];

/** @typedef {(args: readonly string[]) => Promise<number>} Task gives the exit code */

/** @type {Record<string, Task>} */
const TASKS = {
  async setup() {
    await prepare({ root: ROOT, say });
    await provision(ownEnvironment());
    return 0;
  },

  async demo(args) {
    await prepare({ root: ROOT, say });
    const provisionDir = await provision(ownEnvironment());
    const env = { ...withTestServer(ownEnvironment()), STACKLORE_PROVISION_DIR: provisionDir };
    return (
      await runChild(process.execPath, [...MAIN_ARGUMENTS, 'demo', ...args], {
        cwd: WITHOUT_CONFIGURATION,
        env,
      })
    ).code;
  },

  async test(args) {
    await prepare({ root: ROOT, say });
    const env = ownEnvironment();
    await provision(env);
    const projects = args.some((arg) => arg.startsWith('--project')) ? [] : ['--project=!browser'];
    return runTests({ root: ROOT, env, vitestArguments: [...projects, ...args], say });
  },

  /** The search page in a real Chromium. */
  async browser(args) {
    await prepare({ root: ROOT, say });
    const env = ownEnvironment();
    await provision(env);
    const vitestArguments = ['--project=browser', ...args];
    return runTests({ root: ROOT, env, vitestArguments, say, isTestsOnly: true });
  },

  /** What needs neither server nor model. */
  async check(args) {
    await prepare({ root: ROOT, say });
    return runTests({ root: ROOT, env: ownEnvironment(), vitestArguments: ['--project=unit', ...args], say });
  },

  /** The command line of this checkout; standard output is the command's alone. */
  async cli(args) {
    await prepare({ root: ROOT, say: (text) => console.error(text) });
    return (
      await runChild(process.execPath, [...MAIN_ARGUMENTS, ...args], {
        cwd: process.env.INIT_CWD ?? process.cwd(),
      })
    ).code;
  },

  /** The recipes of `examples/python`. */
  async python() {
    await prepare({ root: ROOT, say });
    const provisionDir = await provision(ownEnvironment());
    const env = { ...withTestServer(ownEnvironment()), STACKLORE_PROVISION_DIR: provisionDir };
    return runRecipes({ root: ROOT, env, stacklore: [process.execPath, ...MAIN_ARGUMENTS], say });
  },

  bench: (args) => runCompiled('bench/main.js', args),
  soak: (args) => runCompiled('bench/soak.js', args),
  fixtures: (args) => runCompiled('scripts/make-fixtures.js', args),
  screenshots: (args) => runCompiled('scripts/make-screenshots.js', args),
};

/**
 * @param {string} program
 * @param {readonly string[]} args
 */
async function runCompiled(program, args) {
  await prepare({ root: ROOT, say });
  const folder = await prepareBench({ root: ROOT, say });
  const provisionDir = await provision(ownEnvironment());
  const env = { ...withTestServer(ownEnvironment()), STACKLORE_PROVISION_DIR: provisionDir };
  return (await runChild(process.execPath, [join(folder, program), ...args], { cwd: ROOT, env })).code;
}

/** This process's environment without `REDIS_URL` and without the user's own stacklore settings. */
function ownEnvironment() {
  const env = { ...process.env };
  for (const name of Object.keys(env)) {
    const kept = KEPT.includes(name) || name === 'STACKLORE_TEST_SERVER';
    if (name === 'REDIS_URL' || (name.startsWith('STACKLORE_') && !kept)) delete env[name];
  }
  for (const name of FOLDERS) if (env[name]) env[name] = resolve(env[name]);
  return env;
}

/**
 * The server of `STACKLORE_TEST_SERVER` as the setting the product knows.
 *
 * @param {NodeJS.ProcessEnv} env
 */
function withTestServer({ STACKLORE_TEST_SERVER: server, ...env }) {
  return server ? { ...env, STACKLORE_SERVER: server } : env;
}

/**
 * Makes sure that a server and the model are here, and gives the folder they are in.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<string>}
 */
async function provision(env) {
  const dist = (/** @type {string} */ name) => import(pathToFileURL(join(ROOT, 'dist', name)).href);
  const [{ loadConfig, provisionDir }, { provisionServer }, { provisionModel }, { printReport }] =
    await Promise.all(
      ['config.js', 'provision/redis-pair.js', 'provision/model-files.js', 'provision/report.js'].map(dist),
    );
  const config = loadConfig({ env: withTestServer(env), cwd: WITHOUT_CONFIGURATION });
  const report = printReport(process.stdout);
  await provisionServer(config, report);
  await provisionModel(config, report);
  return resolve(provisionDir(config));
}

/** @param {string} text */
function say(text) {
  console.log(text);
}

function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new SetupError(
    `stacklore needs Node 20.19 or newer, this is ${process.version}. Install a newer one and try again.`,
  );
}

const UNWRITABLE = /^E(ACCES|PERM|ROFS|NOSPC|DQUOT|NOTDIR|ISDIR)$/;

/**
 * Errors of ours say what to do, and those of a folder that cannot be written which path it is; of any other the stack is needed.
 *
 * @param {unknown} error
 */
function describe(error) {
  if (!(error instanceof Error)) return error;
  if (error instanceof SetupError || ['StackloreError', 'RecordError'].includes(error.name)) {
    return `\n${error.message}`;
  }
  if (!('code' in error && UNWRITABLE.test(String(error.code)))) return error;
  return `\n${error.message}\nCorrect its permissions or disk, then run the same command again.`;
}

const [name = 'setup', ...args] = process.argv.slice(2);
try {
  requireNode();
  const task = Object.hasOwn(TASKS, name) ? TASKS[name] : undefined;
  if (!task) throw new SetupError(`There is no task "${name}". Tasks: ${Object.keys(TASKS).join(', ')}.`);
  process.exitCode = await task(args);
} catch (error) {
  console.error(describe(error));
  process.exitCode = 1;
  if (['test', 'check', 'browser'].includes(name)) console.log('0 passed, 1 failed');
}
