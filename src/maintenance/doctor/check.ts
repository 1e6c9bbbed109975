import type { Config } from '../../config.ts';
import type { Databases } from '../../redis/databases.ts';
import type { DatabaseName } from '../../schema/record.ts';
import type { Collection, Collections } from '../../stores/knowledge/collections.ts';
import type { VectorIndex } from '../../stores/knowledge/vector-index.ts';
import type { Pace } from '../paced-keys.ts';

/** What is wrong, why it matters and what to do about it. */
export interface Problem {
  /** `error`: something does not work or is in danger now; `warning`: it works, but not as it should. */
  readonly severity: 'error' | 'warning';
  readonly what: string;
  readonly why: string;
  readonly fix: string;
  /** Puts it right without losing anything; absent where a person has to. Gives whether it did. */
  readonly repair?: () => Promise<boolean>;
}

export interface DoctorParts {
  readonly config: Config;
  readonly databases: Databases;
  readonly collections: Collections;
  readonly vectorIndex: VectorIndex;
  /** What query texts are embedded with. */
  readonly model: { readonly name?: string | undefined; readonly dimensions?: number | undefined };
}

/** What checks look at: the parts, and what is known to be readable. */
export interface Examination extends DoctorParts {
  /** Databases that answer. */
  readonly reachable: readonly DatabaseName[];
  /** Collections whose record can be read. */
  readonly known: readonly Collection[];
  /** Names of those whose record cannot be read, which is a finding already. */
  readonly unreadable: readonly string[];
  readonly pace: Pace;
}

/** One thing the doctor looks at. Holds counts and a few examples, never all that it finds. */
export interface Check {
  readonly name: string;
  /** What must work for the check to mean anything; that it does not is a finding of its own. */
  readonly needs: 'nothing' | 'knowledge' | 'search';
  find(examination: Examination): Promise<Problem[]>;
}
