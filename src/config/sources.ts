import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { errorMessage, StackloreError } from '../errors.ts';

/** Environment variables by name; an unset one may be undefined. */
type Environment = Readonly<Record<string, string | undefined>>;

/** The environment variables that are read, each with the setting it gives; a blank one counts as not set. */
export const ENVIRONMENT: Readonly<Record<string, string>> = {
  STACKLORE_HOME: 'home',
  STACKLORE_PROVISION_DIR: 'provisionDir',
  REDIS_URL: 'redisUrl',
  REDIS_PASSWORD_FILE: 'redisPasswordFile',
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
  STACKLORE_MAIN_PASSWORD_FILE: 'databases.main.passwordFile',
  STACKLORE_KNOWLEDGE_PASSWORD_FILE: 'databases.knowledge.passwordFile',
  STACKLORE_PROMPTS_PASSWORD_FILE: 'databases.prompts.passwordFile',
  STACKLORE_ANALYTICS_PASSWORD_FILE: 'databases.analytics.passwordFile',
  STACKLORE_TLS_CA_FILE: 'tls.caFile',
  STACKLORE_TLS_CERT_FILE: 'tls.certFile',
  STACKLORE_TLS_KEY_FILE: 'tls.keyFile',
  STACKLORE_TLS_REJECT_UNAUTHORIZED: 'tls.rejectUnauthorized',
  STACKLORE_CLIENT_NAME: 'clientName',
  STACKLORE_CONFIRM_REPLICAS: 'confirm.replicas',
  STACKLORE_CONFIRM_TIMEOUT_MS: 'confirm.timeoutMs',
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

/** What file and environment say, the environment first. Throws `invalid_config` for a file that cannot be read. */
export function readSettings({
  env,
  cwd,
  configFile,
}: {
  env: Environment;
  cwd: string;
  configFile: string | undefined;
}): Record<string, unknown> {
  return merge(readFile(configFile ?? given(env.STACKLORE_CONFIG), cwd), fromEnvironment(env));
}

/** The data home where none is named. Throws `invalid_config` where there is no home folder. */
export function defaultHome(env: Environment): string {
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

function fromEnvironment(env: Environment): Record<string, unknown> {
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

/** Settings over others, name by name; what is undefined changes nothing. */
export function merge(base: Record<string, unknown>, over: Record<string, unknown>): Record<string, unknown> {
  const merged = { ...base };
  for (const [name, value] of Object.entries(over)) {
    if (value === undefined) continue;
    const inner = merged[name];
    merged[name] = isObject(inner) && isObject(value) ? merge(inner, value) : value;
  }
  return merged;
}

/** Whether a value has names with values, as a group of settings has. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
