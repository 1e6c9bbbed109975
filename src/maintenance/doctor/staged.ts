import { Sample } from '../sample.ts';
import { removeStagedLeftovers } from '../staged-leftovers.ts';
import type { Check } from './check.ts';

export const stagedCheck: Check = {
  name: 'staged chunks',
  needs: 'knowledge',
  async find({ databases: { knowledge }, pace }) {
    const left = new Sample();
    await removeStagedLeftovers(knowledge, { ...pace, dryRun: true }, left);
    if (left.count === 0) return [];
    return [
      {
        severity: 'warning',
        what: `${left.count} keys were staged for a reindex that is no more: ${left}.`,
        why: 'They take memory, and nothing reads them.',
        fix: 'Delete them: stacklore cleanup --orphans.',
        repair: async () => {
          await removeStagedLeftovers(knowledge, { ...pace, dryRun: false }, new Sample());
          return true;
        },
      },
    ];
  },
};
