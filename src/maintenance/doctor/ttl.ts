import type { Database } from '../../redis/databases.ts';
import { type Family, familiesOf, familyFinder, redisTypeOf, ttlSecondsOf } from '../../schema/families.ts';
import { findKeyspaces } from '../keyspace.ts';
import { pacedKeys } from '../paced-keys.ts';
import { Sample } from '../sample.ts';
import type { Check, Examination, Problem } from './check.ts';

const NO_TTL = -1;

interface Tally {
  readonly missing: Sample;
  readonly wrongType: Sample;
}

/** Every key once: its type and its TTL against what its record declares. */
export const ttlCheck: Check = {
  name: 'time to live',
  needs: 'nothing',
  async find(examination) {
    const tallies = new Map<Family, Tally>();
    const { databases, reachable, pace } = examination;
    for (const { database, names } of await findKeyspaces(databases, reachable)) {
      const findFamily = familyFinder(familiesOf(names));
      for await (const page of pacedKeys(database, '*', pace)) {
        const keys = page.flatMap((key) => {
          const family = findFamily(key);
          return family ? [{ key, family }] : [];
        });
        // Users may differ by named database: each looks at its own keys.
        for (const name of names) {
          const own = keys.filter(({ family }) => family.record.database === name);
          await tallyKeys(databases[name], own, tallies);
        }
      }
    }
    return [...tallies].flatMap(([family, tally]) => problemsOf(examination, family, tally));
  },
};

async function tallyKeys(
  database: Database,
  keys: readonly { readonly key: string; readonly family: Family }[],
  tallies: Map<Family, Tally>,
): Promise<void> {
  const commands = keys.flatMap(({ key }) => [
    ['TYPE', key],
    ['TTL', key],
  ]);
  const replies = await database.pipeline<string | number>(commands);
  for (const [at, { key, family }] of keys.entries()) {
    const [type, ttl] = replies.slice(at * 2, at * 2 + 2);
    if (type === 'none') continue;
    const tally = tallies.get(family) ?? { missing: new Sample(), wrongType: new Sample() };
    tallies.set(family, tally);
    if (type !== redisTypeOf(family.record)) tally.wrongType.add(`${key} (${type})`);
    else if (ttl === NO_TTL && ttlSecondsOf(family.record, key) !== undefined) tally.missing.add(key);
  }
}

function problemsOf(examination: Examination, family: Family, { missing, wrongType }: Tally): Problem[] {
  const problems: Problem[] = [];
  if (missing.count > 0) {
    problems.push({
      severity: 'warning',
      what: `${missing.count} keys of ${family.name} have no time to live: ${missing}.`,
      why: 'They stay for ever and fill the memory.',
      fix: 'Give them the one that their record declares.',
      repair: async () => {
        await giveTtl(examination, family);
        return true;
      },
    });
  }
  if (wrongType.count > 0) {
    problems.push({
      severity: 'warning',
      what: `${wrongType.count} keys of ${family.name} hold another type than ${redisTypeOf(family.record)}: ${wrongType}.`,
      why: 'Reading or writing under these ids fails.',
      fix: 'Find out which program writes them, then rename or delete them.',
    });
  }
  return problems;
}

async function giveTtl({ databases, pace }: Examination, { record }: Family): Promise<void> {
  const database = databases[record.database];
  const options = { ...pace, type: redisTypeOf(record) };
  for await (const keys of pacedKeys(database, record.key.pattern, options)) {
    // NX: one that its writer has given meanwhile stays.
    const commands = keys.flatMap((key) => {
      const seconds = record.key.parse(key) && ttlSecondsOf(record, key);
      return seconds === undefined ? [] : [['EXPIRE', key, String(seconds), 'NX']];
    });
    await database.pipeline(commands);
  }
}
