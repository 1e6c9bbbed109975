import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { processStart } from '../../src/provision/file-lock.mjs';
import { proveServer } from '../../src/provision/prove-server.ts';
import { writeFakeProgram } from '../support/fake-program.ts';
import { runTypeScript } from '../support/run-typescript.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** A server that never gets ready; it notes its process and the socket it was told to use. */
function silentServer(folder: string): string {
  const started = JSON.stringify(join(folder, 'started.json'));
  return writeFakeProgram(
    folder,
    'redis-server',
    `const socket = process.argv[process.argv.indexOf('--unixsocket') + 1];
     require('node:fs').writeFileSync(${started}, JSON.stringify({ pid: process.pid, socket }));
     setInterval(() => {}, 1000);`,
  );
}

test.each(['SIGINT', 'SIGTERM'] as const)(
  'takes the trial server along when %s ends the program',
  async (signal) => {
    const folder = temporaryFolder();
    const program = runTypeScript(new URL('./programs/prove.ts', import.meta.url), [silentServer(folder)]);
    const { pid, socket } = await vi.waitFor(
      () => JSON.parse(readFileSync(join(folder, 'started.json'), 'utf8')) as { pid: number; socket: string },
      { timeout: 20_000 },
    );
    program.process.kill(signal);
    expect(await program.ended).toBeUndefined();
    expect(program.process.signalCode).toBe(signal);
    await vi.waitFor(() => expect(processStart(pid)).toBeUndefined());
    expect(existsSync(dirname(socket))).toBe(false);
  },
);

test('leaves no listener behind, and takes a short folder where TMPDIR is long in bytes', async () => {
  const folder = temporaryFolder();
  vi.stubEnv('TMPDIR', join(folder, '\u00e4'.repeat(40)));
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
  const server = writeFakeProgram(
    folder,
    'redis-server',
    `console.log('# told: ' + process.argv.join(' '));`,
  );
  const before = process.listenerCount('SIGTERM');
  const { works, reason } = await proveServer(server);
  expect(works).toBe(false);
  expect(reason).toContain('--unixsocket /tmp/stacklore-proof-');
  expect(process.listenerCount('SIGTERM')).toBe(before);
});
