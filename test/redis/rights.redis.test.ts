import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { rightsOf } from '../../src/redis/rights.ts';
import type { DatabaseName } from '../../src/schema/record.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';

const redis = usePrivateRedis();
const SRC = join(import.meta.dirname, '../../src');
const DATABASES: readonly DatabaseName[] = ['main', 'knowledge', 'prompts', 'analytics'];

/** Files that speak to servers which this program starts itself, as their default user. */
const OWN_SERVERS = /^redis\/(embedded|end-server|guarded|idle|index-counts|loopback|private|server-|shared)/;
/** Words in quotes that name a command and are none there. */
const NOT_SENT: Readonly<Record<string, readonly string[]>> = {
  'redis/command.ts': ['MEMORY', 'OBJECT', 'XINFO', 'FT.CURSOR', 'EVAL', 'EVALSHA', 'EVAL_RO', 'EVALSHA_RO'],
};

let lore: Stacklore;
/** All commands that the server knows, in capitals. */
let known: ReadonlySet<string>;

beforeAll(async () => {
  lore = openTestLore(redis);
  const list = await lore.databases.main.send<string[]>(['COMMAND', 'LIST']);
  known = new Set(list.map((command) => command.toUpperCase()));
});

/** The commands that a folder of the source names in quotes, whoever sends them: a client or a script. */
function commandsIn(folder: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const entry of readdirSync(join(SRC, folder), { withFileTypes: true, recursive: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.ts')) continue;
    const path = join(entry.parentPath, entry.name);
    const file = relative(SRC, path);
    if (OWN_SERVERS.test(file)) continue;
    for (const [, word = ''] of readFileSync(path, 'utf8').matchAll(/'([A-Z][A-Z._]+)'/g)) {
      if (known.has(word) && !NOT_SENT[file]?.includes(word)) found.set(word, file);
    }
  }
  return found;
}

/** Those of them that no role may send in these databases. */
function missingIn(folder: string, databases: readonly DatabaseName[]): string[] {
  const allowed = new Set(
    databases.flatMap((name) =>
      rightsOf({ [name]: 'maintenance' }).commands.map((one) => one.replace(/\|.*/, '')),
    ),
  );
  const missing = [...commandsIn(folder)].filter(([command]) => !allowed.has(command.toLowerCase()));
  return missing.map(([command, file]) => `${command} of ${file}`);
}

describe('the table of rights', () => {
  it.each(DATABASES)('has every command that the stores of %s send', (name) => {
    expect(commandsIn(`stores/${name}`).size).toBeGreaterThan(5);
    expect(missingIn(`stores/${name}`, [name])).toEqual([]);
  });

  it.each(['maintenance', 'redis', 'jobs', 'search', 'ingest'])(
    'has every command that %s sends',
    (folder) => {
      expect(missingIn(folder, DATABASES)).toEqual([]);
    },
  );

  it('has nothing that is never sent', () => {
    const sent = new Set(
      ['stores', 'maintenance', 'redis', 'http'].flatMap((folder) => [...commandsIn(folder).keys()]),
    );
    // The client library's own, and what is made of a name and a word.
    const others = ['asking', 'cluster', 'select'];
    const table = rightsOf(Object.fromEntries(DATABASES.map((name) => [name, 'maintenance']))).commands;
    const names = table.map((command) => command.replace(/\|.*/, ''));
    expect(names.filter((name) => !sent.has(name.toUpperCase()) && !others.includes(name))).toEqual([]);
  });

  it('has only commands that the server knows', async () => {
    const { commands } = rightsOf({ main: 'maintenance', knowledge: 'maintenance' });
    for (const command of commands) {
      await lore.databases.main.send(['ACL', 'SETUSER', 'nobody', `+${command}`]);
    }
  });

  it('has the names of all indexes and aliases', async () => {
    await lore.ingestTexts([{ text: 'The tide.', source: 'tide.md' }], { collection: 'docs' });
    await lore.addFact({ content: 'The tide turns.' });
    await lore.cachedSearch({ query: 'tide', collection: 'docs' }, { semantic: true });
    const globs = rightsOf({ knowledge: 'reader' }).writable.map((glob) => glob.slice(0, -1));
    const names = await lore.databases.knowledge.send<string[]>(['FT._LIST']);
    expect(names.length).toBeGreaterThan(2);
    expect(names.filter((name) => !globs.some((glob) => name.startsWith(glob)))).toEqual([]);
  });
});

describe('rights', () => {
  it('grow from role to role', () => {
    for (const name of DATABASES) {
      const [reader, writer, maintenance] = (['reader', 'writer', 'maintenance'] as const).map((role) =>
        rightsOf({ [name]: role }),
      );
      expect(writer?.commands).toEqual(expect.arrayContaining([...(reader?.commands ?? [])]));
      expect(maintenance?.commands).toEqual(expect.arrayContaining([...(writer?.commands ?? [])]));
      expect(writer?.readable).toEqual([]);
    }
  });

  it('of several databases are all of them, each once', () => {
    const { commands, readable, writable } = rightsOf({ main: 'writer', knowledge: 'reader' });
    expect(commands).toEqual(expect.arrayContaining(['blmove', 'ft.search']));
    expect(commands).not.toContain('ft.dropindex');
    expect(new Set(commands).size).toBe(commands.length);
    expect(writable).toEqual(expect.arrayContaining(['session:*', 'stacklore:cursor:*']));
    expect(readable).toContain('doc:*:metadata');
    expect(readable).not.toContain('stacklore:cursor:*');
  });

  it('never hold what opens the whole server', () => {
    const { commands, writable, readable } = rightsOf({ main: 'maintenance', knowledge: 'maintenance' });
    const dangerous =
      /^(acl\|(?!whoami)|config$|config\|set|debug|flush|keys$|module|monitor|shutdown|slaveof|replicaof|script)/;
    expect(commands.filter((command) => dangerous.test(command))).toEqual([]);
    expect([...writable, ...readable]).not.toContain('*');
  });
});
