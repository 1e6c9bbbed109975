import { Sample } from '../sample.ts';
import { finishPublications } from '../unfinished-publications.ts';
import type { Check } from './check.ts';

/** Documents whose publish in steps was interrupted. */
export const publicationCheck: Check = {
  name: 'publications',
  needs: 'knowledge',
  async find({ databases: { knowledge }, pace }) {
    const unfinished = new Sample();
    await finishPublications(knowledge, { ...pace, dryRun: true }, unfinished);
    if (unfinished.count === 0) return [];
    return [
      {
        severity: 'warning',
        what: `${unfinished.count} documents were being published or deleted when the process was ended: ${unfinished}.`,
        why: 'Searches show the old or the new version whole; chunks of the other one take memory.',
        fix: 'Finish it: stacklore cleanup --orphans. The next ingest or deletion of the document does it too.',
        repair: async () => {
          await finishPublications(knowledge, { ...pace, dryRun: false }, new Sample());
          return true;
        },
      },
    ];
  },
};
