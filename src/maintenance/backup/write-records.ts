import { StackloreError } from '../../errors.ts';
import type { Database } from '../../redis/databases.ts';
import { runScript, runScripts, type ScriptCall } from '../../redis/script.ts';
import { printableKey } from '../measure-keys.ts';
import type { RecordPart } from './archive-format.ts';
import { ADD_TO_KEY, PLACE_KEY, WRITE_KEY } from './scripts/write-key.ts';
import { temporaryKey } from './temporary-key.ts';

export interface WriteRecordsOptions {
  readonly mode: 'refuse' | 'skip' | 'replace';
  readonly isDryRun: boolean;
  /** Sets the temporary keys of this restore apart from those of another. */
  readonly restoreId: string;
  readonly now: () => number;
}

/** What became of the keys given so far. */
export interface Tally {
  readonly restored: number;
  readonly skipped: number;
  readonly expired: number;
  readonly families: ReadonlyMap<string, number>;
}

/** A temporary key goes by itself when a restore was interrupted for so long. */
const TEMPORARY_TTL_MS = 3_600_000;
/** Items of one command; the protocol allows a million. */
const ITEMS_PER_COMMAND = 50_000;

/** Which of the keys exist. */
export async function findExisting(database: Database, parts: readonly RecordPart[]): Promise<Buffer[]> {
  const keys = parts.filter((part) => part.isLast && !part.isGone).map(({ key }) => key);
  const found = await database.pipeline<number>(keys.map((key) => ['EXISTS', key]));
  return keys.filter((_, index) => found[index] === 1);
}

/** Writes the records of an archive: small keys each by one script, big ones beside their place until they are whole. */
export class WriteRecords {
  readonly #database: Database;
  readonly #options: WriteRecordsOptions;
  readonly #families = new Map<string, number>();
  /** The write under way while the next page is read; failures are seen by the next call. */
  #underWay: Promise<void> = Promise.resolve();
  #restored = 0;
  #skipped = 0;
  #expired = 0;
  #bigKeys = 0;

  constructor(database: Database, options: WriteRecordsOptions) {
    this.#database = database;
    this.#options = options;
  }

  get tally(): Tally {
    const families = this.#families;
    return { restored: this.#restored, skipped: this.#skipped, expired: this.#expired, families };
  }

  /** Writes a page of parts in order, after the page before it. */
  async write(parts: readonly RecordPart[]): Promise<void> {
    await this.#underWay;
    this.#underWay = this.#writePage(parts);
    // Awaited by the next call.
    this.#underWay.catch(() => undefined);
  }

  /** Resolves when all is written. */
  async finish(): Promise<void> {
    await this.#underWay;
  }

  async #writePage(parts: readonly RecordPart[]): Promise<void> {
    const whole = parts.filter((part) => part.isFirst && part.isLast);
    await this.#writeWhole(whole);
    for (const part of parts) if (!(part.isFirst && part.isLast)) await this.#writePart(part);
  }

  async #writeWhole(parts: readonly RecordPart[]): Promise<void> {
    const alive = parts.filter((part) => !part.isGone && !this.#hasExpired(part));
    const [small, long] = [
      alive.filter(({ items }) => items.length <= ITEMS_PER_COMMAND),
      alive.filter(({ items }) => items.length > ITEMS_PER_COMMAND),
    ];
    if (this.#options.isDryRun) return this.#pretend(alive);
    const calls = small.map((part) => this.#wholeCall(part));
    const replies = await runScripts<number>(this.#database, WRITE_KEY, calls);
    for (const [index, part] of small.entries()) this.#count(part, replies[index]);
    for (const part of long) {
      await this.#writePart({ ...part, isLast: false });
      await this.#writePart({ ...part, isFirst: false, items: [] });
    }
  }

  #wholeCall({ key, type, expiresAt, items }: RecordPart): ScriptCall {
    return { keys: [key], args: [this.#replaces(), type, String(expiresAt), ...items] };
  }

  async #writePart(part: RecordPart): Promise<void> {
    if (this.#options.isDryRun) {
      if (part.isLast && !part.isGone && !this.#hasExpired(part)) await this.#pretend([part]);
      return;
    }
    if (part.isFirst) this.#bigKeys += 1;
    const temporary = temporaryKey(this.#database, part.key, [this.#options.restoreId, this.#bigKeys]);
    for (let at = 0; at < part.items.length; at += ITEMS_PER_COMMAND) {
      await runScript(this.#database, ADD_TO_KEY, {
        keys: [temporary],
        args: [String(TEMPORARY_TTL_MS), part.type, ...part.items.slice(at, at + ITEMS_PER_COMMAND)],
      });
    }
    if (!part.isLast) return;
    if (part.isGone || this.#hasExpired(part)) {
      await this.#database.send(['UNLINK', temporary]);
      return;
    }
    const placed = await runScript<number>(this.#database, PLACE_KEY, {
      keys: [temporary, part.key],
      args: [this.#replaces(), String(part.expiresAt)],
    });
    if (placed < 0) throw lostTemporary(part);
    this.#count(part, placed);
  }

  #replaces(): string {
    return this.#options.mode === 'replace' ? '1' : '0';
  }

  #hasExpired({ expiresAt }: RecordPart): boolean {
    const hasExpired = expiresAt >= 0 && expiresAt <= this.#options.now();
    if (hasExpired) this.#expired += 1;
    return hasExpired;
  }

  async #pretend(parts: readonly RecordPart[]): Promise<void> {
    if (this.#options.mode === 'replace') {
      for (const part of parts) this.#count(part, 1);
      return;
    }
    const existing = new Set(
      (await findExisting(this.#database, parts)).map((key) => key.toString('latin1')),
    );
    for (const part of parts) this.#count(part, existing.has(part.key.toString('latin1')) ? 0 : 1);
  }

  #count({ family }: RecordPart, written: number | undefined): void {
    if (written !== 1) {
      this.#skipped += 1;
      return;
    }
    this.#restored += 1;
    this.#families.set(family, (this.#families.get(family) ?? 0) + 1);
  }
}

function lostTemporary({ key }: RecordPart): StackloreError {
  return new StackloreError('database_error', {
    message: `"${printableKey(key).slice(0, 100)}" could not be put together: its temporary key was removed meanwhile, by eviction or by another program.`,
  });
}
