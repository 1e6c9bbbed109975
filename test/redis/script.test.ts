import { expect, it } from 'vitest';
import { defineScript } from '../../src/redis/script.ts';

it('knows a script by the sha Redis gives it', () => {
  expect(defineScript('return 1').sha).toBe('e0e1f9fabfc9d4800c877a703b823ac0578ff8db');
});

it('writes a script out as one command for a transaction', () => {
  const script = defineScript('return KEYS[1]');
  expect(script.evalCommand(['key'], ['a', 'b'])).toEqual(['EVAL', 'return KEYS[1]', '1', 'key', 'a', 'b']);
});
