import { mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { ENVIRONMENT } from '../src/config/sources.ts';
import { type Config, type ConfigInput, type ConfigSources, loadConfig } from '../src/config.ts';
import { temporaryFolder } from './support/temporary-folder.ts';

// A user without a home cannot be had for a test.
vi.mock('node:os', async (importOriginal) => {
  const original = await importOriginal<typeof import('node:os')>();
  return { ...original, homedir: vi.fn(() => '/home/somebody') };
});

let cwd: string;
beforeEach(() => {
  cwd = temporaryFolder();
});

function load({ file, ...sources }: ConfigSources & { file?: unknown } = {}): Config {
  if (file !== undefined) writeFileSync(join(cwd, 'stacklore.json'), JSON.stringify(file));
  return loadConfig({ env: {}, cwd, ...sources });
}

/** The message of the `invalid_config` that loading ends with. */
function refusal(sources: ConfigSources): string {
  let message = '';
  expect(() => {
    try {
      load(sources);
    } catch (error) {
      message = String((error as Error).message);
      throw error;
    }
  }).toThrow(expect.objectContaining({ code: 'invalid_config' }));
  return message;
}

describe('a setting', () => {
  const file = { connectTimeoutMs: 3 };
  const env = { STACKLORE_CONNECT_TIMEOUT_MS: '2' };
  const settings = { connectTimeoutMs: 1 };
  test.each<[string, ConfigSources & { file?: unknown }, number]>([
    ['comes from the flags first', { settings, env, file }, 1],
    ['comes from the environment before the file', { env, file }, 2],
    ['comes from the file before the defaults', { file }, 3],
    ['has a default', {}, 5_000],
    ['may be undefined among the flags', { settings: { connectTimeoutMs: undefined }, env }, 2],
    ['may be empty in the environment', { env: { STACKLORE_CONNECT_TIMEOUT_MS: '' }, file }, 3],
    ['may be blank in the environment', { env: { STACKLORE_CONNECT_TIMEOUT_MS: ' ' }, file }, 3],
  ])('%s', (_name, sources, expected) => {
    expect(load(sources as ConfigSources).connectTimeoutMs).toBe(expected);
  });

  test('does not hide others of its group', () => {
    const config = load({
      settings: { embedded: { port: 1 } },
      env: { STACKLORE_IDLE_STOP: '60', STACKLORE_PORT: '2' },
      file: { embedded: { serverPath: '/server', port: 3 } },
    });
    expect(config.embedded).toEqual({ port: 1, idleStopSeconds: 60, serverPath: '/server' });
  });

  test('exists for each variable', () => {
    // A value that no setting takes, so that each variable must be read for its setting to be complained about.
    const known = (variable: string) => refusal({ env: {}, settings: nested(ENVIRONMENT[variable] ?? '') });
    for (const variable of Object.keys(ENVIRONMENT)) expect(known(variable)).toContain(`(${variable}): `);
  });

  function nested(path: string): ConfigInput {
    return path.split('.').reduceRight<unknown>((inner, name) => ({ [name]: inner }), ['x']) as ConfigInput;
  }
});

describe('a bad value', () => {
  test.each<[string, string, string]>([
    ['STACKLORE_PORT', 'http', 'embedded.port (STACKLORE_PORT): must be a whole number from 0 to 65535.'],
    ['STACKLORE_PORT', '65536', 'must be a whole number from 0 to 65535.'],
    ['STACKLORE_PORT', '1.5', 'must be a whole number from 0 to 65535.'],
    ['STACKLORE_COMMAND_TIMEOUT_MS', '0', 'must be a whole number from 1 to 3600000.'],
    ['STACKLORE_IDLE_STOP', '-1', 'must be a whole number of at least 0.'],
    ['STACKLORE_TLS_REJECT_UNAUTHORIZED', 'maybe', 'must be true or false.'],
    ['STACKLORE_MODEL_POOLING', 'max', '"mean"|"cls"|"last"'],
    ['STACKLORE_HUB_URL', 'ftp://x', 'must be a URL that starts with http:// or https://.'],
    ['STACKLORE_HUB_URL', 'hub', 'must be a URL that starts with http:// or https://.'],
    ['REDIS_URL', 'localhost:6379', 'must start with redis://, rediss://'],
  ])('of %s (%j) is refused by name', (variable, value, expected) => {
    const message = refusal({ env: { [variable]: value } });
    expect(message).toContain(`(${variable}): `);
    expect(message).toContain(expected);
  });

  test('is told together with the others', () => {
    const message = refusal({ env: { STACKLORE_PORT: 'x', STACKLORE_EMBEDDING_WORKERS: '0' } });
    expect(message).toContain('STACKLORE_PORT');
    expect(message).toContain('STACKLORE_EMBEDDING_WORKERS');
  });

  test.each(['', null, true, []])('such as %j is no number in the file either', (port) => {
    writeFileSync(join(cwd, 'stacklore.json'), JSON.stringify({ embedded: { port } }));
    expect(refusal({})).toContain('must be a whole number from 0 to 65535');
  });

  test('is also a setting that does not exist', () => {
    writeFileSync(join(cwd, 'stacklore.json'), '{"redisURL":"redis://x"}');
    expect(refusal({})).toContain('redisURL');
  });

  test('is not quoted where it may hold a password', () => {
    const env = { REDIS_URL: 'user:secret@host', STACKLORE_HUB_URL: 'ftp://user:secret@host' };
    expect(refusal({ env })).not.toContain('secret');
  });
});

describe('the configuration file', () => {
  test('need not exist in the working folder, and is read there when it does', () => {
    expect(load().redisUrl).toBeUndefined();
    expect(load({ file: { redisUrl: 'redis://file' } }).redisUrl).toBe('redis://file');
  });

  test('is the one that is named, relative to the working folder', () => {
    writeFileSync(join(cwd, 'stacklore.json'), '{"redisUrl":"redis://usual"}');
    writeFileSync(join(cwd, 'mine.json'), '{"redisUrl":"redis://mine"}');
    expect(load({ configFile: 'mine.json' }).redisUrl).toBe('redis://mine');
    expect(load({ env: { STACKLORE_CONFIG: 'mine.json' } }).redisUrl).toBe('redis://mine');
    expect(load({ env: { STACKLORE_CONFIG: ' ' } }).redisUrl).toBe('redis://usual');
  });

  test('must exist when it is named', () => {
    const message = refusal({ configFile: 'absent.json' });
    expect(message).toContain(join(cwd, 'absent.json'));
    expect(message).toContain('--config');
  });

  test.each(['{', '[]', '"x"', 'null', ''])('must hold a JSON object, not %j', (content) => {
    writeFileSync(join(cwd, 'stacklore.json'), content);
    expect(refusal({})).toContain(`The configuration file ${join(cwd, 'stacklore.json')} cannot be read`);
  });

  test('must not be a folder', () => {
    mkdirSync(join(cwd, 'stacklore.json'));
    expect(refusal({})).toContain('cannot be read');
  });
});

describe('the model', () => {
  test('has the limits and prefixes that are known for its name', () => {
    expect(load({ env: { STACKLORE_MODEL: 'Xenova/bge-small-en-v1.5' } }).model).toMatchObject({
      dimensions: 384,
      maxTokens: 512,
      pooling: 'cls',
      queryPrefix: 'Represent this sentence for searching relevant passages: ',
      documentPrefix: '',
    });
    expect(load({ file: { model: { name: 'Xenova/all-mpnet-base-v2' } } }).model).toMatchObject({
      dimensions: 768,
      maxTokens: 384,
      pooling: 'mean',
    });
  });

  test('has what is given instead of what is known', () => {
    const env = { STACKLORE_MODEL: 'Xenova/multilingual-e5-small', STACKLORE_MODEL_MAX_TOKENS: '100' };
    expect(load({ env }).model).toMatchObject({ maxTokens: 100, queryPrefix: 'query: ' });
  });

  test('has the defaults where nothing is known', () => {
    expect(load({ env: { STACKLORE_MODEL: 'me/mine' } }).model).toMatchObject({
      dimensions: 384,
      maxTokens: 256,
    });
  });
});

describe('the data home', () => {
  test.each<[string, Record<string, string>, string]>([
    ['is below the home folder', {}, '/home/somebody/.local/share/stacklore'],
    ['is below an XDG data home', { XDG_DATA_HOME: '/data' }, '/data/stacklore'],
    ['is not below a relative one', { XDG_DATA_HOME: 'data' }, '/home/somebody/.local/share/stacklore'],
    ['is the one given', { STACKLORE_HOME: '/mine', XDG_DATA_HOME: '/data' }, '/mine'],
  ])('%s', (_name, env, home) => {
    expect(load({ env }).home).toBe(home);
  });

  test('is resolved from the working folder', () => {
    expect(load({ env: { STACKLORE_HOME: 'mine' } }).home).toBe(join(cwd, 'mine'));
  });

  test('must be given to a user who has no home folder', () => {
    vi.mocked(homedir).mockImplementationOnce(() => {
      throw new Error('A system error occurred: uv_os_homedir returned ENOENT');
    });
    expect(refusal({})).toMatch(/no home folder .*ENOENT.*STACKLORE_HOME/);
    vi.mocked(homedir).mockClear();
    expect(load({ env: { STACKLORE_HOME: '/mine' } }).home).toBe('/mine');
    expect(homedir).not.toHaveBeenCalled();
  });
});

test('gives each database a user and password of its own', () => {
  const env = { STACKLORE_PROMPTS_USERNAME: 'reader', STACKLORE_PROMPTS_PASSWORD: 'secret' };
  expect(load({ env }).databases).toEqual({ prompts: { username: 'reader', password: 'secret' } });
});

test('refuses a password beside a file with one, and such a file without the server it is for', () => {
  const both = { STACKLORE_MAIN_PASSWORD: 'secret', STACKLORE_MAIN_PASSWORD_FILE: '/run/secrets/main' };
  expect(() => load({ env: both })).toThrow(/databases\.main\.passwordFile \(STACKLORE_MAIN_PASSWORD_FILE\)/);
  expect(() => load({ env: { REDIS_PASSWORD_FILE: '/run/secrets/redis' } })).toThrow(
    /REDIS_URL, which is not/,
  );
  const env = { REDIS_URL: 'redis://app@host', REDIS_PASSWORD_FILE: '/run/secrets/redis' };
  expect(load({ env }).redisPasswordFile).toBe('/run/secrets/redis');
});
