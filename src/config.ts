import { join, resolve } from 'node:path';
import { z } from 'zod';
import { KNOWN_MODELS } from './config/known-models.ts';
import { defaultHome, ENVIRONMENT, isObject, merge, readSettings } from './config/sources.ts';
import { StackloreError } from './errors.ts';

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

const redisUrl = z.string().regex(/^(rediss?(\+sentinel|\+cluster|\+sharded)?|unix):/, {
  message:
    'must start with redis://, rediss://, redis+sentinel://, rediss+sentinel://, redis+cluster://, rediss+cluster://, redis+sharded://, rediss+sharded:// or unix:',
});

const database = z
  .strictObject({
    url: redisUrl.optional(),
    number: wholeNumber(0, 65_535).optional(),
    username: z.string().optional(),
    password: z.string().optional(),
    /** A file that holds the password, read for each connection. */
    passwordFile: z.string().min(1).optional(),
  })
  .refine(({ password, passwordFile }) => password === undefined || passwordFile === undefined, {
    path: ['passwordFile'],
    error: 'must not be given beside a password: remove one of them',
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

const allSettings = z.strictObject({
  /** Data home: provisioned files, and the embedded server's socket and data. */
  home: z.string().min(1, 'must name a folder'),
  /** Where provisioned files are kept; by default `provision` below the data home. */
  provisionDir: z.string().min(1).optional(),
  /** A server for all four databases. Without any URL the embedded server of the data home is used. */
  redisUrl: redisUrl.optional(),
  /** A file that holds the password of that server, read for each connection; it wins over one in the URL. */
  redisPasswordFile: z.string().min(1).optional(),
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
  /** What the names of connections begin with in CLIENT LIST; what they are for and their database follow. */
  clientName: z
    .string()
    .regex(/^[!-~]{1,64}$/, 'must be 1 to 64 visible ASCII characters without spaces')
    .default('stacklore'),
  /** What is acknowledged is safe from a fail-over as far as replicas have it. */
  confirm: z
    .strictObject({
      /** Replicas that must have a document, a task or a record before it counts as stored; by default 1 behind sentinels, else 0. */
      replicas: wholeNumber(0, 100).optional(),
      /** How long they are waited for. */
      timeoutMs: milliseconds.default(5_000),
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

/** The one description of every setting; flags, environment and file all end here. */
export const configSchema = allSettings.refine(
  ({ redisUrl, redisPasswordFile }) => redisPasswordFile === undefined || redisUrl !== undefined,
  { path: ['redisPasswordFile'], error: 'is for the server of REDIS_URL, which is not set: set it' },
);

/** Every setting, complete and checked. */
export type Config = z.output<typeof configSchema>;
export type ModelConfig = Config['model'];
export type ConfigInput = Partial<z.input<typeof configSchema>>;

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
  const merged = merge(readSettings({ env, cwd, configFile: sources.configFile }), sources.settings ?? {});
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

function modelName(settings: Record<string, unknown>): string {
  const { model: given } = settings;
  return isObject(given) && typeof given.name === 'string' ? given.name : '';
}

function describeIssue(issue: z.core.$ZodIssue): string {
  const path = issue.path.join('.');
  const variable = Object.entries(ENVIRONMENT).find(([, setting]) => setting === path)?.[0];
  return `${path || 'settings'}${variable ? ` (${variable})` : ''}: ${issue.message}.`;
}
