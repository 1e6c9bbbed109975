import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { z } from 'zod';
import { errorMessage, StackloreError } from './errors.ts';

/** Also as text, which is all that flags and environment have; `Number` alone would take blank text for 0. */
function wholeNumber(min: number, max?: number) {
  const error = `must be a whole number ${max === undefined ? `of at least ${min}` : `from ${min} to ${max}`}`;
  const text = z.string().regex(/^\s*\d+\s*$/);
  return z
    .union([z.number(), text.transform(Number)], { error })
    .refine((value) => Number.isSafeInteger(value) && value >= min && value <= (max ?? value), { error });
}

const fromZeroToOne = z
  .union(
    [
      z.number(),
      z
        .string()
        .regex(/^\s*\d*\.?\d+\s*$/)
        .transform(Number),
    ],
    {
      error: 'must be a number from 0 to 1',
    },
  )
  .refine((value) => value >= 0 && value <= 1, { error: 'must be a number from 0 to 1' });

const port = wholeNumber(0, 65_535);
const milliseconds = wholeNumber(1, 3_600_000);
const flag = z.union(
  [z.boolean(), z.enum(['true', 'false', '1', '0']).transform((value) => value === 'true' || value === '1')],
  { error: 'must be true or false' },
);

const redisUrl = z
  .string()
  .regex(/^(redis|rediss|redis\+sentinel|rediss\+sentinel|redis\+cluster|rediss\+cluster|unix):/, {
    message:
      'must start with redis://, rediss://, redis+sentinel://, rediss+sentinel://, redis+cluster://, rediss+cluster:// or unix:',
  });

const database = z.strictObject({
  url: redisUrl.optional(),
  number: wholeNumber(0, 65_535).optional(),
  username: z.string().optional(),
  password: z.string().optional(),
});

/** How a model turns text into a vector. Limits are in the model's own tokens, special tokens included. */
const model = z.strictObject({
  /** Name on the Hugging Face hub, e.g. `Xenova/all-MiniLM-L6-v2`. */
  name: z.string().min(1).default('Xenova/all-MiniLM-L6-v2'),
  /** A folder with `tokenizer.json` and `onnx/model_quantized.onnx`; then nothing is fetched. */
  dir: z.string().optional(),
  /** File below the model's folder that holds the weights. */
  weights: z.string().default('onnx/model_quantized.onnx'),
  dimensions: wholeNumber(1, 32_768).default(384),
  maxTokens: wholeNumber(8, 32_768).default(256),
  pooling: z.enum(['mean', 'cls', 'last']).default('mean'),
  queryPrefix: z.string().default(''),
  documentPrefix: z.string().default(''),
  /** What runs the model: ONNX Runtime itself where it can (`auto`), or transformers.js. */
  runtime: z.enum(['auto', 'onnxruntime', 'transformers']).default('auto'),
});

/** A cross-encoder, which scores texts by reading each together with the query. There is none unless its folder is given. */
const reranker = z.strictObject({
  /** A folder with `config.json`, `tokenizer.json`, `tokenizer_config.json` and ONNX weights. */
  dir: z.string().min(1).optional(),
  /** File below that folder; by default the first there is of the usual ones. */
  weights: z.string().min(1).optional(),
  /** Tokens of a query and a text together; longer texts are read in part. */
  maxTokens: wholeNumber(8, 32_768).default(512),
});

/** A year. */
const LONGEST_SECONDS = 366 * 24 * 3_600;

/** How many requests a client may make in a window. */
const rate = {
  limit: wholeNumber(0, 1_000_000_000),
  windowSeconds: wholeNumber(1, LONGEST_SECONDS),
};

/** The one description of every setting; flags, environment and file all end here. */
export const configSchema = z.strictObject({
  /** Data home: provisioned files, and the embedded server's socket and data. */
  home: z.string().min(1, 'must name a folder'),
  /** Where provisioned files are kept; by default `provision` below the data home. */
  provisionDir: z.string().min(1).optional(),
  /** A server for all four databases. Without any URL the embedded server of the data home is used. */
  redisUrl: redisUrl.optional(),
  databases: z
    .strictObject({ main: database, knowledge: database, prompts: database, analytics: database })
    .partial()
    .prefault({}),
  tls: z
    .strictObject({
      caFile: z.string().optional(),
      certFile: z.string().optional(),
      keyFile: z.string().optional(),
      rejectUnauthorized: flag.default(true),
    })
    .prefault({}),
  connectTimeoutMs: milliseconds.default(5_000),
  /** Deadline of one command, also when it was already sent. */
  commandTimeoutMs: milliseconds.default(30_000),
  /** TIMEOUT of one FT query, and with a margin its deadline. */
  searchTimeoutMs: milliseconds.default(10_000),
  embedded: z
    .strictObject({
      /** A `redis-server` binary to start instead of looking on PATH and provisioning one. */
      serverPath: z.string().optional(),
      /** Loopback TCP port beside the unix socket; none unless given. */
      port: port.optional(),
      /** Stop the embedded server after this many seconds without a client; 0 keeps it running. */
      idleStopSeconds: wholeNumber(0).default(0),
    })
    .prefault({}),
  model: model.prefault({}),
  reranker: reranker.prefault({}),
  /** Models are fetched from here first. */
  hubUrl: z
    .url({ protocol: /^https?$/, error: 'must be a URL that starts with http:// or https://' })
    .default('https://huggingface.co'),
  /** Embedding threads; by default one per core, two at most. */
  embeddingWorkers: wholeNumber(1, 64).optional(),
  /** Write metrics, usage and errors of the real flow into the analytics database. */
  recording: flag.default(true),
  analytics: z
    .strictObject({
      /** How many days of metrics and usage are kept by a cleanup; 0 keeps them. */
      retentionDays: wholeNumber(0, 36_500).default(0),
    })
    .prefault({}),
  facts: z
    .strictObject({
      /** From which cosine on another fact is reported as one that says the same. */
      duplicateThreshold: fromZeroToOne.default(0.95),
    })
    .prefault({}),
  responseCache: z
    .strictObject({
      /** How long bodies are kept where a call does not say. */
      ttlSeconds: wholeNumber(1, LONGEST_SECONDS).default(300),
      /** Longer bodies are not kept. */
      maxBodyBytes: wholeNumber(1).default(4 * 1024 * 1024),
      /** Without the main database: compute each answer, or throw what is wrong with it. */
      whenAway: z.enum(['compute', 'throw'], { error: 'must be compute or throw' }).default('compute'),
    })
    .prefault({}),
  rateLimits: z
    .strictObject({
      limit: rate.limit.default(60),
      windowSeconds: rate.windowSeconds.default(60),
      /** Without the main database: allow every request, or refuse it. */
      whenAway: z.enum(['allow', 'refuse'], { error: 'must be allow or refuse' }).default('allow'),
      /** Endpoints with a limit or a window of their own. */
      endpoints: z.record(z.string(), z.strictObject(rate).partial()).default({}),
    })
    .prefault({}),
  mcp: z
    .strictObject({
      /** What clients of the MCP server must bear over HTTP; none: anyone who reaches it, which then is this machine alone. */
      token: z
        .string()
        .regex(/^\S{16,}$/, 'must have at least 16 characters and no spaces')
        .optional(),
    })
    .prefault({}),
});

/** Every setting, complete and checked. */
export type Config = z.output<typeof configSchema>;
export type ModelConfig = Config['model'];
export type ConfigInput = Partial<z.input<typeof configSchema>>;

/** The environment variables that are read, each with the setting it gives; a blank one counts as not set. */
export const ENVIRONMENT: Readonly<Record<string, string>> = {
  STACKLORE_HOME: 'home',
  STACKLORE_PROVISION_DIR: 'provisionDir',
  REDIS_URL: 'redisUrl',
  STACKLORE_MAIN_URL: 'databases.main.url',
  STACKLORE_KNOWLEDGE_URL: 'databases.knowledge.url',
  STACKLORE_PROMPTS_URL: 'databases.prompts.url',
  STACKLORE_ANALYTICS_URL: 'databases.analytics.url',
  STACKLORE_MAIN_NUMBER: 'databases.main.number',
  STACKLORE_KNOWLEDGE_NUMBER: 'databases.knowledge.number',
  STACKLORE_PROMPTS_NUMBER: 'databases.prompts.number',
  STACKLORE_ANALYTICS_NUMBER: 'databases.analytics.number',
  STACKLORE_MAIN_USERNAME: 'databases.main.username',
  STACKLORE_KNOWLEDGE_USERNAME: 'databases.knowledge.username',
  STACKLORE_PROMPTS_USERNAME: 'databases.prompts.username',
  STACKLORE_ANALYTICS_USERNAME: 'databases.analytics.username',
  STACKLORE_MAIN_PASSWORD: 'databases.main.password',
  STACKLORE_KNOWLEDGE_PASSWORD: 'databases.knowledge.password',
  STACKLORE_PROMPTS_PASSWORD: 'databases.prompts.password',
  STACKLORE_ANALYTICS_PASSWORD: 'databases.analytics.password',
  STACKLORE_TLS_CA_FILE: 'tls.caFile',
  STACKLORE_TLS_CERT_FILE: 'tls.certFile',
  STACKLORE_TLS_KEY_FILE: 'tls.keyFile',
  STACKLORE_TLS_REJECT_UNAUTHORIZED: 'tls.rejectUnauthorized',
  STACKLORE_CONNECT_TIMEOUT_MS: 'connectTimeoutMs',
  STACKLORE_COMMAND_TIMEOUT_MS: 'commandTimeoutMs',
  STACKLORE_SEARCH_TIMEOUT_MS: 'searchTimeoutMs',
  STACKLORE_SERVER: 'embedded.serverPath',
  STACKLORE_PORT: 'embedded.port',
  STACKLORE_IDLE_STOP: 'embedded.idleStopSeconds',
  STACKLORE_MODEL: 'model.name',
  STACKLORE_MODEL_DIR: 'model.dir',
  STACKLORE_MODEL_WEIGHTS: 'model.weights',
  STACKLORE_MODEL_DIMENSIONS: 'model.dimensions',
  STACKLORE_MODEL_MAX_TOKENS: 'model.maxTokens',
  STACKLORE_MODEL_POOLING: 'model.pooling',
  STACKLORE_MODEL_QUERY_PREFIX: 'model.queryPrefix',
  STACKLORE_MODEL_DOCUMENT_PREFIX: 'model.documentPrefix',
  STACKLORE_MODEL_RUNTIME: 'model.runtime',
  STACKLORE_RERANKER_DIR: 'reranker.dir',
  STACKLORE_RERANKER_WEIGHTS: 'reranker.weights',
  STACKLORE_RERANKER_MAX_TOKENS: 'reranker.maxTokens',
  STACKLORE_HUB_URL: 'hubUrl',
  STACKLORE_EMBEDDING_WORKERS: 'embeddingWorkers',
  STACKLORE_RECORDING: 'recording',
  STACKLORE_ANALYTICS_RETENTION_DAYS: 'analytics.retentionDays',
  STACKLORE_FACTS_DUPLICATE_THRESHOLD: 'facts.duplicateThreshold',
  STACKLORE_CACHE_TTL: 'responseCache.ttlSeconds',
  STACKLORE_CACHE_MAX_BODY_BYTES: 'responseCache.maxBodyBytes',
  STACKLORE_CACHE_WHEN_AWAY: 'responseCache.whenAway',
  STACKLORE_RATE_LIMIT: 'rateLimits.limit',
  STACKLORE_RATE_WINDOW: 'rateLimits.windowSeconds',
  STACKLORE_RATE_WHEN_AWAY: 'rateLimits.whenAway',
  STACKLORE_MCP_TOKEN: 'mcp.token',
};

/** What `loadConfig` reads; tests and embedding programs pass their own. */
export interface ConfigSources {
  /** Settings given by the caller or as flags; they win. */
  readonly settings?: ConfigInput;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** A JSON file; must exist when given. Without it `stacklore.json` of the working folder is read if present. */
  readonly configFile?: string;
  readonly cwd?: string;
}

/** Settings from caller, environment, file and defaults, in this order. Throws `invalid_config` naming each bad one. */
export function loadConfig(sources: ConfigSources = {}): Config {
  const { env = process.env, cwd = process.cwd() } = sources;
  const merged = merge(
    merge(readFile(sources.configFile ?? given(env.STACKLORE_CONFIG), cwd), fromEnvironment(env)),
    sources.settings ?? {},
  );
  const withModel = merge(KNOWN_MODELS[modelName(merged)] ?? {}, merged);
  const checked = configSchema.safeParse({ ...withModel, home: withModel.home ?? defaultHome(env) });
  if (!checked.success) {
    throw new StackloreError('invalid_config', {
      message: `The configuration is not usable. ${checked.error.issues.map(describeIssue).join(' ')}`,
    });
  }
  return { ...checked.data, home: resolve(cwd, checked.data.home) };
}

/** The folder of provisioned files. */
export function provisionDir(config: Pick<Config, 'home' | 'provisionDir'>): string {
  return config.provisionDir ?? join(config.home, 'provision');
}

/** Settings of models whose name alone is enough; anything given explicitly wins. */
const KNOWN_MODELS: Readonly<Record<string, Record<string, unknown>>> = {
  'Xenova/bge-small-en-v1.5': {
    model: {
      dimensions: 384,
      maxTokens: 512,
      pooling: 'cls',
      queryPrefix: 'Represent this sentence for searching relevant passages: ',
    },
  },
  'Xenova/bge-base-en-v1.5': {
    model: {
      dimensions: 768,
      maxTokens: 512,
      pooling: 'cls',
      queryPrefix: 'Represent this sentence for searching relevant passages: ',
    },
  },
  'Xenova/all-mpnet-base-v2': { model: { dimensions: 768, maxTokens: 384 } },
  'Xenova/multilingual-e5-small': {
    model: { dimensions: 384, maxTokens: 512, queryPrefix: 'query: ', documentPrefix: 'passage: ' },
  },
  'Xenova/multilingual-e5-base': {
    model: { dimensions: 768, maxTokens: 512, queryPrefix: 'query: ', documentPrefix: 'passage: ' },
  },
  'Xenova/paraphrase-multilingual-MiniLM-L12-v2': { model: { dimensions: 384, maxTokens: 128 } },
};

function modelName(settings: Record<string, unknown>): string {
  const { model: given } = settings;
  return isObject(given) && typeof given.name === 'string' ? given.name : '';
}

function defaultHome(env: Readonly<Record<string, string | undefined>>): string {
  const dataHome = env.XDG_DATA_HOME;
  // The XDG specification says to ignore a relative one.
  if (dataHome !== undefined && isAbsolute(dataHome)) return join(dataHome, 'stacklore');
  return join(userHome(), '.local', 'share', 'stacklore');
}

function userHome(): string {
  try {
    const home = homedir();
    if (isAbsolute(home)) return home;
    throw new Error(`HOME is "${home}"`);
  } catch (cause) {
    throw new StackloreError('invalid_config', {
      message: `There is no home folder to keep data in (${errorMessage(cause)}). Set STACKLORE_HOME to a folder you can write.`,
      cause,
    });
  }
}

function given(value: string | undefined): string | undefined {
  return value === undefined || value.trim() === '' ? undefined : value;
}

function readFile(configFile: string | undefined, cwd: string): Record<string, unknown> {
  const path = resolve(cwd, configFile ?? 'stacklore.json');
  if (configFile === undefined && !existsSync(path)) return {};
  try {
    const content: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (isObject(content)) return content;
    throw new Error('it holds no JSON object');
  } catch (cause) {
    throw new StackloreError('invalid_config', {
      message: `The configuration file ${path} cannot be read (${errorMessage(cause)}). Correct it, or name another with --config.`,
      cause,
    });
  }
}

function fromEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, unknown> {
  let settings: Record<string, unknown> = {};
  for (const [variable, path] of Object.entries(ENVIRONMENT)) {
    const value = given(env[variable]);
    if (value === undefined) continue;
    const nested = path.split('.').reduceRight<unknown>((inner, name) => ({ [name]: inner }), value);
    // reduceRight over at least one name always ends in an object.
    settings = merge(settings, nested as Record<string, unknown>);
  }
  return settings;
}

function merge(base: Record<string, unknown>, over: Record<string, unknown>): Record<string, unknown> {
  const merged = { ...base };
  for (const [name, value] of Object.entries(over)) {
    if (value === undefined) continue;
    const inner = merged[name];
    merged[name] = isObject(inner) && isObject(value) ? merge(inner, value) : value;
  }
  return merged;
}

function describeIssue(issue: z.core.$ZodIssue): string {
  const path = issue.path.join('.');
  const variable = Object.entries(ENVIRONMENT).find(([, setting]) => setting === path)?.[0];
  return `${path || 'settings'}${variable ? ` (${variable})` : ''}: ${issue.message}.`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
