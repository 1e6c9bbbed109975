import { familiesOf } from '../../schema/families.ts';
import type { KeyPlace } from '../../schema/key.ts';
import { taskLeasesRecord } from '../../schema/main.ts';
import type { RecordPart } from './archive-format.ts';

const RECORDS = new Map(familiesOf().map(({ name, record }) => [name, record]));

/**
 * A part of an archive under the key it has where it is restored: some helpers are named otherwise on a cluster. `undefined`
 * for leases that would name keys of the other form; `recover` gives the tasks they were of to new workers.
 */
export function placedPart(place: KeyPlace, part: RecordPart): RecordPart | undefined {
  const record = RECORDS.get(part.family);
  if (record?.clusterKey === undefined) return part;
  const ids = record.key.parse(part.key.toString());
  if (!ids) return part;
  const key = Buffer.from(record.key.buildOn(place, ids));
  if (key.equals(part.key)) return part;
  return record.key.template === taskLeasesRecord.key.template ? undefined : { ...part, key };
}
