import { expect, test } from 'vitest';
import { type ControlConnection, openControl, parseClients } from '../../src/redis/control-connection.mjs';
import { attachEmbeddedRedis } from '../../src/redis/embedded.ts';
import { CONTROL_NAME } from '../../src/redis/shared-server.ts';
import { openStacklore } from '../../src/stacklore.ts';
import { configOf, settingsOf, useDataHomes } from '../support/data-homes.ts';

const { newHome } = useDataHomes();

/** How many connections only look after the server; those of this test have no name. */
async function holdsOf(connection: ControlConnection): Promise<number> {
  const clients = parseClients(await connection.send(['CLIENT', 'LIST']));
  return clients.filter((client) => client.get('name') === CONTROL_NAME).length;
}

test('a program holds the server once while it works with all databases, and no more when it has closed', async () => {
  const home = newHome();
  const { socketPath, close } = await attachEmbeddedRedis(configOf(home), { report: () => undefined });
  await close();
  const connection = await openControl(socketPath);
  try {
    for (let opened = 0; opened < 2; opened += 1) {
      const lore = openStacklore(settingsOf(home), { env: {} });
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
