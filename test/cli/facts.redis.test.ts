import { beforeAll, describe, expect, it } from 'vitest';
import type { Stacklore } from '../../src/stacklore.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { cliOn } from '../support/run-cli.ts';

// What needs the model is tested through the library: a command line opens the real one.
const redis = usePrivateRedis();
let lore: Stacklore;

const { run, json } = cliOn(redis, 'facts');

beforeAll(async () => {
  lore = openTestLore(redis);
  await lore.facts.add({ factId: 'lamp', content: 'The lamp is lit.', category: 'light', confidence: 0.9 });
  await lore.facts.add({ factId: 'a:b*', content: 'Odd ids are read.', category: 'ids' });
});

describe('facts', () => {
  it('are shown, listed by filter, changed and verified', async () => {
    expect(await json('get', 'a:b*')).toMatchObject({ factId: 'a:b*', content: 'Odd ids are read.' });
    expect(await json('update', 'lamp', '--confidence', '0.6', '--source', 'tower.md')).toMatchObject({
      ...{ factId: 'lamp', confidence: 0.6, source: 'tower.md' },
    });
    expect(await json('verify', 'lamp')).toMatchObject({ facts: [{ factId: 'lamp', verified: true }] });
    expect(await json('list', '--verified')).toMatchObject({ total: 1, items: [{ factId: 'lamp' }] });
    expect(await json('verify', 'lamp', '--undo')).toMatchObject({ facts: [{ verified: false }] });
    expect(await json('list', '--category', 'light', '--category', 'ids', '--limit', '1')).toMatchObject({
      total: 2,
      items: [{}],
    });
    expect((await run('list', '--min-confidence', '0.6')).stdout).toMatch(
      /lamp .*tower\.md[\s\S]*1 of 1 fact\n/,
    );
  });

  it('are deleted although they cannot be read', async () => {
    await lore.databases.knowledge.send(['HSET', 'fact:torn', 'content', 'half a fact']);

    expect((await run('get', 'torn')).stderr).toContain('"fact:torn" cannot be used');
    expect(await json('delete', 'torn')).toEqual({ deleted: ['torn'] });
  });

  it('are deleted all or none', async () => {
    expect((await run('delete', 'a:b*', 'nowhere')).exitCode).toBe(1);
    expect(await json('delete', 'a:b*')).toEqual({ deleted: ['a:b*'] });
    expect(await lore.facts.find('a:b*')).toBeUndefined();
  });

  it.each([
    [['get', 'nowhere'], 1, 'There is no fact "nowhere". See stacklore facts list'],
    [['update', 'lamp'], 2, 'Nothing to change was given'],
    [['update', 'lamp', '--confidence', '2'], 2, 'confidence: must be at most 1'],
    [['update', 'lamp', '--verified', '--unverified'], 2, 'exclude each other'],
    [['list', '--min-confidence', '80'], 2, 'minConfidence: must be at most 1'],
    [['list', '--limit', '0'], 2, '--limit: must be a whole number'],
    [['add', ' '], 2, 'content: must say something'],
  ])('are refused as %j', async (args, exitCode, says) => {
    const result = await run(...args);
    expect(result).toMatchObject({ exitCode, stdout: '' });
    expect(result.stderr).toContain(says);
  });
});
