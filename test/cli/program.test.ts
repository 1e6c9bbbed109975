import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { CommandModule } from '../../src/cli/command.ts';
import { jsonOf, runCli } from '../support/run-cli.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Settings under which reaching for any server would fail at once, with another exit code. */
const env = () => ({
  STACKLORE_HOME: temporaryFolder(),
  REDIS_URL: 'redis://127.0.0.1:1',
  STACKLORE_CONNECT_TIMEOUT_MS: '50',
});
const run = (...args: string[]) => runCli(args, { env: env() });

const FOLDER = new URL('../../src/cli/commands/', import.meta.url);
/** Every command by its words: a verb has a file of its own name, with one command in it or several. */
const COMMANDS = (await Promise.all(readdirSync(FOLDER).map(commandsOf))).flat();

async function commandsOf(file: string): Promise<string[][]> {
  const module: CommandModule = await import(new URL(file, FOLDER).href);
  const verb = file.replace(/\.ts$/, '');
  return 'commands' in module ? Object.keys(module.commands).map((name) => [verb, name]) : [[verb]];
}

describe('help', () => {
  it.each(COMMANDS.map((words) => [words.join(' '), words] as const))(
    'of "%s" shows its flags',
    async (name, words) => {
      const { exitCode, stdout, stderr } = await run(...words, '--help');
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      expect(stdout).toContain(`Usage: stacklore ${name}`);
      expect(stdout).toContain('--redis-url <url>');
      expect(stdout).toContain('--json');
    },
  );

  it('without a command lists all of them', async () => {
    const { exitCode, stdout } = await run('--help');
    expect(exitCode).toBe(0);
    for (const [name] of COMMANDS) expect(stdout).toContain(`  ${name} `);
  });

  it('is the same by "help <command>"', async () => {
    expect((await run('help', 'search')).stdout).toBe((await run('search', '--help')).stdout);
  });
});

it('has every flag that a text of the source names', async () => {
  // The last three are of redis-check-aof, vitest and node.
  const flags = new Set(['--help', '--version', '--fix', '--project', '--max-semi-space-size']);
  for (const words of COMMANDS) {
    const { stdout } = await run(...words, '--help');
    for (const [flag] of stdout.matchAll(/--[a-z][a-z-]+/g)) flags.add(flag);
  }
  const source = new URL('../../src/', import.meta.url);
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' });
  const named = files
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) => flagsNamed(new URL(name, source)));
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter(({ flag }) => !flags.has(flag))).toEqual([]);
});

/** Flags within the sentences of a file, not those that are handed to other programs as an argument each. */
function flagsNamed(file: URL) {
  const lines = readFileSync(file, 'utf8').split('\n');
  const texts = lines.filter((line) => !/^\s*(?:\/\/|\/?\*)/.test(line));
  return texts.flatMap((line) =>
    [...line.matchAll(/[\w,}] (--[a-z][a-z-]+)/g)].map(([, flag = '']) => ({ flag, line: line.trim() })),
  );
}

it('prints the version of the package', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  for (const flag of ['--version', '-V'])
    expect(await run(flag)).toEqual({ exitCode: 0, stdout: `${version}\n`, stderr: '' });
});

const WRONG: readonly (readonly [what: string, args: readonly string[], says: string])[] = [
  ['no command', [], 'Usage: stacklore'],
  ['an unknown command', ['serch', 'x'], "unknown command 'serch'"],
  ['a command named like a part of every object', ['constructor'], "unknown command 'constructor'"],
  ['an unknown command below another', ['docs', 'destroy'], "unknown command 'destroy'"],
  ['a name without its command', ['collections'], 'Usage: stacklore collections'],
  ['an unknown flag', ['search', 'x', '--top', '5'], "unknown option '--top'"],
  ['a flag before its command', ['--top-k', '5', 'search', 'x'], "unknown option '--top-k'"],
  ['a flag without its value', ['search', 'x', '--top-k'], 'argument missing'],
  ['nothing to search for', ['search'], 'give a query'],
  ['nothing to ingest', ['ingest'], "missing required argument 'sources'"],
  ['no document', ['docs', 'show'], "missing required argument 'docId'"],
  ['more than there is to say', ['status', 'now'], 'too many arguments'],
  ['top-k of letters', ['search', 'x', '--top-k', 'abc'], '--top-k: must be a whole number from 1 to 1000'],
  ['top-k of nothing', ['search', 'x', '--top-k', ''], '--top-k: must be a whole number from 1 to 1000'],
  ['top-k of 0', ['search', 'x', '--top-k', '0'], '--top-k: must be a whole number from 1 to 1000'],
  ['top-k of 1001', ['search', 'x', '--top-k', '1001'], '--top-k: must be a whole number from 1 to 1000'],
  ['top-k of 1.5', ['search', 'x', '--top-k', '1.5'], '--top-k: must be a whole number'],
  ['top-k in another base', ['search', 'x', '--top-k', '0x10'], '--top-k: must be a whole number'],
  ['a negative offset', ['search', 'x', '--offset=-1'], '--offset: must be a whole number of at least 0'],
  ['a least score of letters', ['search', 'x', '--min-score', 'high'], '--min-score: must be a number'],
  ['a least score out of range', ['search', 'x', '--min-score', '2'], '--min-score: must be at most 1'],
  ['a budget of letters', ['context', 'x', '--max-tokens', 'all'], '--max-tokens: must be a whole number'],
  ['a trim with a value', ['context', 'x', '--trim=both'], 'unknown option'],
  ['a filter that is no JSON', ['search', 'x', '--filter', '{lang:en}'], '--filter takes a JSON object'],
  ['a filter that is a list', ['search', 'x', '--filter', '[]'], '--filter takes a JSON object'],
  ['a query of spaces', ['search', '   '], 'query: must hold something to look for'],
  ['an index of another kind', ['collections', 'create', 'c', '--index', 'ivf'], '--index: '],
  ['a chunk size of letters', ['ingest', 'x', '--chunk-size', 'big'], '--chunk-size: must be a whole number'],
  ['an unknown encoding', ['ingest', 'x', '--encoding', 'utf-16'], '--encoding: '],
  ['a glob to watch', ['ingest', 'docs/**/*.md', '--watch'], 'Name a folder or a file'],
  ['nothing to watch', ['ingest', 'https://example.com', '-', '--watch'], 'Name a folder or a file'],
  ['a number of pages of letters', ['ingest', 'x', '--max-pages', 'all'], '--max-pages: must be a whole'],
  ['metadata without a value', ['ingest', 'x', '--metadata', 'lang'], '--metadata takes key=value'],
  ['a port out of range', ['up', '--port', '70000'], '--port: must be a whole number from 1 to 65535'],
  ['a page of no size', ['docs', 'list', '--limit', '0'], '--limit: must be a whole number from 1 to 10000'],
  ...['Lang:tag', 'lang:text', 'lang:tag:x', '', 'a b', '1st', 'x'.repeat(64)].map(
    (fields) =>
      [
        `a field "${fields}"`,
        ['collections', 'create', 'c', '--fields', fields],
        'declares no field',
      ] as const,
  ),
  ['a field every document has', ['collections', 'create', 'c', '--fields', 'source'], 'use another name'],
  [
    'a field of two types',
    ['collections', 'create', 'c', '--fields', 'a,a:number', '--dimensions', '4'],
    'twice',
  ],
  [
    'a URL of another kind',
    ['status', '--redis-url', 'http://localhost'],
    '--redis-url (REDIS_URL): must start with',
  ],
  [
    'a configuration file that is missing',
    ['status', '--config', '/nowhere.json'],
    '/nowhere.json cannot be read',
  ],
];

describe('refuses with exit code 2 and a hint', () => {
  it.each(WRONG)('%s', async (_, args, says) => {
    const { exitCode, stdout, stderr } = await run(...args);
    expect(stderr).toContain(says);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).not.toMatch(/^ +at /m);
  });

  // A flag that lacks its value would take --json for it.
  const withJson = WRONG.filter(([what, args]) => args.length > 1 && what !== 'a flag without its value');
  it.each(withJson)('%s, as JSON', async (_, args) => {
    const result = await run(...args, '--json');
    expect(jsonOf(result)).toEqual({
      error: { code: expect.stringMatching(/^invalid_/), message: expect.stringMatching(/./) },
    });
    expect({ exitCode: result.exitCode, stderr: result.stderr }).toEqual({ exitCode: 2, stderr: '' });
  });
});

describe('a server that cannot be reached', () => {
  it.each([
    [['status']],
    [['search', 'x']],
    [['context', 'x']],
    [['collections', 'list']],
    [['collections', 'info', 'docs']],
    [['docs', 'list']],
    [['docs', 'show', 'x']],
  ])('ends %j with exit code 3 and says what to do', async (args) => {
    const { exitCode, stdout, stderr } = await run(...args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: '' });
    expect(stderr).toMatch(/^stacklore: The knowledge database \(redis:\/\/127\.0\.0\.1:1.*REDIS_URL\.\n$/);
  });
});
