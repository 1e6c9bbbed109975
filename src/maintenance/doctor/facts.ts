import { factRecord, factsManifestRecord } from '../../schema/knowledge.ts';
import { pacedKeys } from '../paced-keys.ts';
import { Sample } from '../sample.ts';
import type { Check, Problem } from './check.ts';

/** The vectors of facts against the model that they are said to be made with, and that against the configured one. */
export const factCheck: Check = {
  name: 'facts',
  needs: 'knowledge',
  async find({ databases: { knowledge }, model, pace }) {
    const text = await knowledge.send<string | null>(['GET', factsManifestRecord.key.build({})]);
    if (text === null) return [];
    const manifest = factsManifestRecord.value.decode(text);
    const problems: Problem[] = [];
    if (manifest.model.name !== model.name) {
      problems.push({
        severity: 'warning',
        what: `Facts are embedded with model ${manifest.model.name}, configured is ${model.name}.`,
        why: 'With this configuration no fact can be added or searched for.',
        fix: `Configure ${manifest.model.name}, or embed all facts again: stacklore facts embed --switch-model.`,
      });
    }
    const wrong = new Sample();
    for await (const keys of pacedKeys(knowledge, factRecord.key.pattern, { ...pace, type: 'hash' })) {
      const lengths = await knowledge.pipeline<number>(keys.map((key) => ['HSTRLEN', key, 'embedding']));
      for (const [at, key] of keys.entries()) {
        const bytes = lengths[at] ?? 0;
        if (bytes > 0 && bytes !== manifest.dimensions * 4) wrong.add(`${key} (${bytes / 4})`);
      }
    }
    if (wrong.count > 0) {
      problems.push({
        severity: 'error',
        what: `${wrong.count} facts have a vector of other than ${manifest.dimensions} dimensions: ${wrong}.`,
        why: 'The index refuses them, so they are neither found nor listed.',
        fix: 'Embed them again: stacklore facts embed.',
      });
    }
    return problems;
  },
};
