import { z } from 'zod';
import { defineCommand } from '../command.ts';

export const command = defineCommand({
  summary: 'Look for what is wrong with servers, indexes and records, and put it right with --fix.',
  flags: [{ flags: '--fix', description: 'put right what can be without losing anything' }],
  schema: z.strictObject({ fix: z.boolean().default(false) }),
  async run({ lore, terminal }, _args, { fix }) {
    const diagnosis = await lore().maintenance.diagnose({ fix, signal: terminal.signal });
    const { findings, errors } = diagnosis;
    const lines = findings.flatMap((one) => [
      `${one.isFixed ? 'fixed' : one.severity}: ${one.what}`,
      `  why: ${one.why}`,
      `  fix: ${one.fix}${one.isFixable && one.isFixed === undefined ? ' (stacklore doctor --fix does it)' : ''}`,
      ...(one.failure === undefined ? [] : [`  tried: ${one.failure}`]),
    ]);
    return {
      data: diagnosis,
      lines: findings.length === 0 ? ['Nothing is wrong.'] : lines,
      exitCode: errors > 0 ? 1 : 0,
    };
  },
});
