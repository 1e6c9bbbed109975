import { describe, expect, it } from 'vitest';
import { firstKey } from '../../src/redis/command.ts';

describe('firstKey', () => {
  it.each([
    [['HSET', 'key', 'field', 'value'], 'key'],
    [['hget', 'key', 'field'], 'key'],
    [['EVAL', 'return 1', '2', 'first', 'second'], 'first'],
    [['EVALSHA', 'sha', '1', 'key', 'arg'], 'key'],
    [['EVALSHA_RO', 'sha', '1', 'key', 'arg'], 'key'],
    [['EVAL', 'return 1', '0', 'arg'], undefined],
    [['FT.SEARCH', 'index', '*'], 'index'],
    [['FT.CURSOR', 'READ', 'index', '1'], 'index'],
    [['MEMORY', 'USAGE', 'key'], 'key'],
    [['FT._LIST'], undefined],
    [['SCAN', '0'], undefined],
    [['PING'], undefined],
  ])('routes %j by %s', (command, key) => {
    expect(firstKey(command)).toBe(key);
  });

  it('routes by a key of bytes', () => {
    const key = Buffer.from([0xff]);
    expect(firstKey(['GET', key])).toBe(key);
  });
});
