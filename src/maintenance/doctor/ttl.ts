import type { Databases } from '../../redis/databases.ts';
import { type Family, familiesOf, redisTypeOf, ttlSecondsOf } from '../../schema/families.ts';
import { pacedKeys } from '../paced-keys.ts';
import { Sample } from '../sample.ts';
import type { Check, Problem } from './check.ts';

const NO_TTL = -1;

export const ttlCheck: Check = {
  name: 'time to live',
  needs: 'nothing',
  async find({ databases, reachable }) {
    const problems: Problem[] = [];
    for (const family of familiesOf(reachable)) {
      const missing = new Sample();
      await visit(databases, family, false, (key) => missing.add(key));
      if (missing.count === 0) continue;
      problems.push({
        severity: 'warning',
        what: `${missing.count} keys of ${family.name} have no time to live: ${missing}.`,
        why: 'They stay for ever and fill the memory.',
        fix: 'Give them the one that their record declares.',
        repair: async () => {
          await visit(databases, family, true, () => {});
          return true;
        },
      });
    }
    return problems;
  },
};

async function visit(
  databases: Databases,
  { record }: Family,
  isFixing: boolean,
  onMissing: (key: string) => void,
): Promise<void> {
  const isKept = record.ttlSeconds === undefined && !record.key.template.startsWith('counter:');
  if (isKept) return;
  const database = databases[record.database];
  for await (const keys of pacedKeys(database, record.key.pattern, { type: redisTypeOf(record) })) {
    const wanted = keys.flatMap((key) => {
      const seconds = record.key.parse(key) && ttlSecondsOf(record, key);
      return seconds === undefined ? [] : [{ key, seconds }];
    });
    const ttls = await database.pipeline<number>(wanted.map(({ key }) => ['TTL', key]));
    const missing = wanted.filter((_, at) => ttls[at] === NO_TTL);
    for (const { key } of missing) onMissing(key);
    if (isFixing) {
      // NX: one that its writer has given meanwhile stays.
      await database.pipeline(missing.map(({ key, seconds }) => ['EXPIRE', key, String(seconds), 'NX']));
    }
  }
}
