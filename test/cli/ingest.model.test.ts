import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startLoopbackServer } from '../support/loopback-server.ts';
import { modelConfig } from '../support/provisioned.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { jsonOf, runCli, startCli } from '../support/run-cli.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const redis = usePrivateRedis();

const environment = () => ({
  STACKLORE_HOME: `${redis.dir}/home`,
  STACKLORE_MODEL_DIR: modelConfig().dir,
  REDIS_URL: redis.url,
  // Where ONNX Runtime looks for a home of its own.
  HOME: redis.dir,
});
const run = (args: readonly string[], input = '') => runCli(args, { env: environment(), input });
const write = (folder: string, name: string, text: string | Buffer): string => {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

describe('ingest', () => {
  it('stores what can be read, names what cannot, and ends with exit code 1', async () => {
    const folder = temporaryFolder();
    write(folder, 'lamp.md', '# Lamp\n\nThe lamp of the lighthouse burns whale oil.\n');
    write(folder, 'broken.pdf', '%PDF-1.7\nnothing of a PDF follows');
    write(folder, 'picture.png', Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'));
    const args = ['ingest', folder, join(folder, 'missing.md'), '--collection', 'mixed'];
    const { exitCode, stdout } = await run(args);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^failed: .*missing\.md \(.*does not exist/m);
    expect(stdout).toMatch(/^failed: .*broken\.pdf \(/m);
    expect(stdout).toMatch(/^skipped: .*picture\.png \(.*image\/png/m);
    expect(stdout).toMatch(/^mixed: 1 created, 1 skipped, 2 failed; 1 chunk, 1 embedded/m);

    const again = await run([...args, '--json']);
    expect(again).toMatchObject({ exitCode: 1, stderr: '' });
    expect(jsonOf(again)).toMatchObject({
      ...{ collection: 'mixed', embedded: 0, interrupted: false },
      counts: { created: 0, unchanged: 1, skipped: 1, failed: 2 },
    });
  });

  it('reads standard input under the name it is given', async () => {
    const input = '# Ferry\n\nThe ferry to the island leaves at seven.\n';
    const args = [
      'ingest',
      '-',
      '--name',
      'ferry.md',
      '--collection',
      'stdin',
      '--metadata',
      'lang=en',
      '--json',
    ];
    expect(jsonOf(await run([...args, '--fields', 'lang'], input))).toMatchObject({ counts: { created: 1 } });
    const search = ['search', 'when does the boat go?', '--collection', 'stdin', '--json'];
    const found = await run([...search, '--filter', '{"lang":"en"}']);
    expect(found).toMatchObject({ exitCode: 0, stderr: '' });
    expect(jsonOf(found)).toMatchObject({ hits: [{ source: 'ferry.md', title: 'Ferry' }], warnings: [] });
    expect(jsonOf(await run([...search, '--filter', '{"lang":"de"}']))).toMatchObject({
      hits: [],
      warnings: [],
    });
  });

  it('notes metadata that cannot be filtered by, whether an answer was cached, and that nothing was found', async () => {
    const file = write(temporaryFolder(), 'pier.md', '# Pier\n\nBoats moor here.\n');
    const metadata = ['--metadata', 'foo=bar', '--metadata', 'lang=en'];
    const made = await run(['ingest', file, '--collection', 'noted', '--fields', 'lang', ...metadata]);
    expect(made).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('add-field noted foo:tag') });
    expect(made.stderr).not.toContain('"lang"');
    const search = ['search', 'boats', '--collection', 'noted', '--cache'];
    expect((await run(search)).stderr).toBe('Not in the cache; searched, and kept there.\n');
    expect((await run(search)).stderr).toBe('From the cache.\n');
    const nothing = await run(['context', 'boats', '--collection', 'noted', '--filter', '{"lang":"de"}']);
    expect(nothing).toMatchObject({ exitCode: 0, stdout: 'Nothing found.\n' });
  });

  it('refuses a collection that was made with another model', async () => {
    await run(['collections', 'create', 'given', '--dimensions', '4']);
    const { exitCode, stdout, stderr } = await run(['ingest', temporaryFolder(), '--collection', 'given']);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toContain('Use another collection');
  });
});

it('ingests what is written while and after a watched folder is first ingested, until Ctrl-C', async () => {
  const folder = temporaryFolder();
  write(folder, 'first.md', '# First\n\nThis one is there before.\n');
  const args = ['ingest', folder, '--watch', '--prune', '--collection', 'watched'];
  const cli = startCli(args, { env: environment() });
  await cli.said('Watching for changes');
  write(folder, 'second.md', '# Second\n\nThis one comes later.\n');
  await cli.said('watched: 1 created, 1 unchanged');
  cli.signal('SIGINT');
  const { exitCode } = await cli.result;
  expect(exitCode).toBe(130);
  const tooLong = await run(['search', 'later '.repeat(300), '--collection', 'watched']);
  expect(tooLong).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('reads 256') });
  const search = await run(['search', 'later', '--collection', 'watched', '--json']);
  expect(jsonOf(search)).toMatchObject({ hits: [{ title: 'Second' }, { title: 'First' }] });
});

it('answers questions with hits and with a context, for people and for machines', async () => {
  const folder = temporaryFolder();
  write(folder, 'lamp.md', '# Lamp\n\nThe lamp of the lighthouse burns whale oil.\n');
  write(folder, 'soup.md', '# Soup\n\nBoil the carrots until they are soft.\n');
  await run(['ingest', folder, '--collection', 'answers']);
  const question = ['what', 'fuels', 'the', 'beacon?', '--collection', 'answers'];
  expect((await run(['search', ...question, '--top-k', '1'])).stdout).toMatch(
    /^1\. 0\.\d+ {2}Lamp\n {3}.*lamp\.md\n {3}.*whale oil\.\n/,
  );
  expect((await run(['context', ...question])).stdout).toMatch(/^\[1\] .*whale oil/s);
  expect(jsonOf(await run(['context', ...question, '--messages', '--json']))).toMatchObject({
    citations: [{ title: 'Lamp' }, { title: 'Soup' }],
    messages: [{ role: 'system' }, { role: 'user' }],
  });
  // Words of a question that look like flags come after --.
  expect((await run(['search', '--collection', 'answers', '--', '--lamp', '-x'])).exitCode).toBe(0);
});

it('finishes the document under way at Ctrl-C, reports, and ends with exit code 130', async () => {
  const folder = temporaryFolder();
  const first = write(folder, 'first.md', '# First\n\nThis one is read before the signal.\n');
  const last = write(folder, 'last.md', '# Last\n\nThis one would come after it.\n');
  // The second source is answered only once the signal has arrived.
  let interrupt = async () => {};
  const url = await startLoopbackServer((_request, response) => {
    void interrupt().then(() => response.end('# Second\n\nText.\n'));
  });
  const sources = [first, `${url}/second.md`, last];
  const cli = startCli(['ingest', ...sources, '--allow-private', '--collection', 'stopped'], {
    env: environment(),
  });
  interrupt = () => {
    cli.signal('SIGINT');
    return cli.said('press Ctrl-C again');
  };
  const { exitCode, stdout } = await cli.result;
  expect(stdout).toMatch(/^stopped: 1 created; 1 chunk,/m);
  expect(stdout).toContain('Stopped early');
  expect(exitCode).toBe(130);

  const again = await run(['ingest', first, last, '--collection', 'stopped', '--json']);
  expect(jsonOf(again)).toMatchObject({ counts: { created: 1, unchanged: 1 } });
});
