import { copyFileSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { findServer } from '../../src/provision/redis-pair.ts';
import { silentReport } from '../../src/provision/report.ts';
import { writeFakeProgram } from '../support/fake-program.ts';
import { serverFiles } from '../support/provisioned.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Lays a server out as an installation does: `bin/redis-server` and, where it is a file, `lib/redisearch.so`. */
function install(folder: string, server: string, modulePath: string | undefined): string {
  for (const name of ['bin', 'lib']) mkdirSync(join(folder, name), { recursive: true });
  copyFileSync(server, join(folder, 'bin/redis-server'));
  if (modulePath !== undefined) symlinkSync(modulePath, join(folder, 'lib/redisearch.so'));
  return join(folder, 'bin');
}

function config(home: string) {
  return loadConfig({ env: {}, cwd: home, settings: { home } });
}

test('uses a server on PATH that can search, proven once by starting it', async () => {
  const home = temporaryFolder();
  const { serverPath, modulePath } = serverFiles();
  const bin = install(join(home, 'opt'), serverPath, modulePath);
  const searchPath = `relative:${join(home, 'nowhere')}:${bin}`;
  const found = await findServer(config(home), silentReport, { searchPath });
  expect(found).toMatchObject({ serverPath: join(bin, 'redis-server'), origin: 'path' });
  if (modulePath !== undefined) expect(found?.modulePath).toBe(join(bin, '../lib/redisearch.so'));
  const proofs = readFileSync(join(home, 'provision/proven-servers.json'), 'utf8');
  expect(await findServer(config(home), silentReport, { searchPath })).toEqual(found);
  expect(readFileSync(join(home, 'provision/proven-servers.json'), 'utf8')).toBe(proofs);
});

test('passes over a server that cannot search for a later one that can', async () => {
  const home = temporaryFolder();
  const { serverPath, modulePath } = serverFiles();
  writeFakeProgram(join(home, 'old'), 'redis-server', 'process.exit(1)');
  const bin = install(join(home, 'new'), serverPath, modulePath);
  const found = await findServer(config(home), silentReport, { searchPath: `${join(home, 'old')}:${bin}` });
  expect(found?.serverPath).toBe(join(bin, 'redis-server'));
});

test('starts a given server from a folder where nothing can be written', async () => {
  const home = temporaryFolder();
  const { serverPath, modulePath } = serverFiles();
  const bin = install(join(home, 'opt'), serverPath, modulePath);
  const given = loadConfig({
    env: {},
    cwd: home,
    // A file where the folder of remembered proofs would be.
    settings: {
      home,
      provisionDir: join(bin, 'redis-server'),
      embedded: { serverPath: join(bin, 'redis-server') },
    },
  });
  expect(await findServer(given, silentReport)).toMatchObject({ origin: 'given' });
});

test('leaves no folder of its trial start', async () => {
  const home = temporaryFolder();
  const { serverPath, modulePath } = serverFiles();
  const bin = install(join(home, 'opt'), serverPath, modulePath);
  await findServer(config(home), silentReport, { searchPath: bin });
  expect(readdirSync(home).sort()).toEqual(['opt', 'provision']);
  expect(readdirSync(join(home, 'provision'))).toEqual(['proven-servers.json']);
});
