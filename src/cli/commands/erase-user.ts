import { z } from 'zod';
import { StackloreError } from '../../errors.ts';
import { defineCommand } from '../command.ts';
import { counted, table } from '../format.ts';

export const command = defineCommand({
  summary: 'Delete everything that is held about one user id: sessions, conversations, prompts and usage.',
  arguments: '<userId>',
  flags: [
    { flags: '--dry-run', description: 'only say what would go' },
    { flags: '--yes', description: 'really delete' },
  ],
  schema: z.strictObject({ dryRun: z.boolean().default(false), yes: z.boolean().default(false) }),
  async run({ lore }, [userId = ''], { dryRun, yes }) {
    const report = await lore().maintenance.eraseUser(userId, { dryRun: dryRun || !yes });
    if (!dryRun && !yes) {
      throw new StackloreError('invalid_input', {
        message: `Nothing was deleted. Erasing user "${userId}" deletes ${counted(report.total, 'key')} for good: see them with --dry-run, or repeat with --yes.`,
      });
    }
    const rows = Object.entries(report.families).map(([family, count]) => [family, String(count)]);
    return {
      data: report,
      lines: [
        ...table(['record', dryRun ? 'would go' : 'deleted'], rows),
        `${dryRun ? 'Would delete' : 'Deleted'} ${counted(report.total, 'key')} of user ${userId}.`,
      ],
    };
  },
});
