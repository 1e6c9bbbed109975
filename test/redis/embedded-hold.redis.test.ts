import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { type ControlConnection, openControl, parseClients } from '../../src/redis/control-connection.mjs';
import { attachEmbeddedRedis, stopEmbeddedRedis } from '../../src/redis/embedded.ts';
import { CONTROL_NAME } from '../../src/redis/shared-server.ts';
import { openStacklore } from '../../src/stacklore.ts';
import { serverFiles } from '../support/provisioned.ts';

const homes: string[] = [];
const configOf = (home: string) =>
  loadConfig({ settings: { home, embedded: { serverPath: serverFiles().serverPath } }, env: {} });

afterEach(async () => {
  for (const home of homes.splice(0)) {
    await stopEmbeddedRedis(configOf(home));
    rmSync(home, { recursive: true, force: true });
  }
});

/** Connections that only look after the server, the first of which is this test's own. */
async function holdsOf(connection: ControlConnection): Promise<number> {
  const clients = parseClients(await connection.send(['CLIENT', 'LIST']));
  return clients.filter((client) => client.get('name') === CONTROL_NAME).length;
}

test('a program holds the server once while it works with all databases, and no more when it has closed', async () => {
  const home = mkdtempSync(join(tmpdir(), 'stacklore-test-'));
  mkdirSync(join(home, 'provision'));
  homes.push(home);
  const { socketPath, close } = await attachEmbeddedRedis(configOf(home), { report: () => undefined });
  await close();
  const connection = await openControl(socketPath);
  try {
    for (let opened = 0; opened < 2; opened += 1) {
      const lore = openStacklore({ home, embedded: { serverPath: serverFiles().serverPath } }, { env: {} });
      const { main, knowledge, prompts, analytics } = lore.databases;
      for (const database of [main, knowledge, prompts, analytics]) await database.send(['PING']);
      expect(await holdsOf(connection)).toBe(1);
      await lore.close();
      expect(await holdsOf(connection)).toBe(0);
    }
  } finally {
    connection.close();
  }
});
