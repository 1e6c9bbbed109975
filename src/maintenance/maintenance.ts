import { join } from 'node:path';
import type { Config } from '../config.ts';
import { StackloreError } from '../errors.ts';
import type { Databases } from '../redis/databases.ts';
import type { Collections } from '../stores/knowledge/collections.ts';
import type { Reindexes } from '../stores/knowledge/reindexes.ts';
import type { VectorIndex } from '../stores/knowledge/vector-index.ts';
import type { Conversations } from '../stores/main/conversations.ts';
import type { DeadLetters } from '../stores/main/dead-letters.ts';
import { checkRights, type RightsCheck, type RightsRequest } from './acl/check-rights.ts';
import { type UserRequest, type UserRules, userRules } from './acl/user-rules.ts';
import { type AnalyticsDeletion, deleteAnalyticsBefore, retentionLimit } from './analytics-retention.ts';
import type { IndexTender } from './auto-index/index-tender.ts';
import { type BackupReport, type BackupRequest, backup } from './backup/backup.ts';
import { type RestoreReport, type RestoreRequest, restore } from './backup/restore.ts';
import { type CleanupReport, type CleanupRequest, cleanUp } from './cleanup.ts';
import type { DoctorParts } from './doctor/check.ts';
import { type Diagnosis, type DiagnosisRequest, diagnose } from './doctor/doctor.ts';
import { type ErasureReport, eraseUser } from './erase-user.ts';
import { analyseKeys, type KeysReport, type KeysRequest } from './keys.ts';
import { type ExportReport, type ExportRequest, exportCollection } from './migrate/export-collection.ts';
import type { ImportReport } from './migrate/import-rows.ts';
import { type MigrationParts, type MigrationRequest, migrate } from './migrate/migrate.ts';
import type { MoveReport } from './migrate/move-knowledge.ts';
import {
  exportPrompts,
  importPrompts,
  type PromptFilesOptions,
  type PromptFilesReport,
} from './prompt-files.ts';
import type { PromptParts } from './prompt-kinds.ts';

export interface MaintenanceParts
  extends PromptParts,
    Pick<MigrationParts, 'documents' | 'factIndex' | 'embedder'> {
  readonly config: Config;
  readonly databases: Databases;
  readonly collections: Collections;
  readonly conversations: Conversations;
  readonly deadLetters: DeadLetters;
  readonly vectorIndex: VectorIndex;
  readonly reindexes: Reindexes;
  readonly tender: IndexTender;
  /** What query texts are embedded with. */
  readonly model: DoctorParts['model'];
}

/** Looks after all that the four named databases hold: saved, moved, measured, cleaned and put right. */
export class Maintenance {
  readonly #parts: MaintenanceParts;

  /** @internal `lore.maintenance` is the one of a `Stacklore`. */
  constructor(parts: MaintenanceParts) {
    this.#parts = parts;
  }

  /**
   * Writes an archive of each named database into a folder, and where asked lets the server write its snapshot.
   *
   * @example
   * const { archives } = await lore.maintenance.backup({ databases: ['knowledge'], folder: 'backups', keep: 7 });
   */
  async backup(request: BackupRequest = {}): Promise<BackupReport> {
    const { databases, config } = this.#parts;
    return backup({ databases, folder: join(config.home, 'backups') }, request);
  }

  /** Restores an archive into its named database, checked as a whole before anything is written. */
  async restore(request: RestoreRequest): Promise<RestoreReport> {
    return restore(this.#parts, request);
  }

  /** Counts and measures every key by record family: memory, types, sizes and TTLs; reads no value. */
  async analyseKeys(request: KeysRequest = {}): Promise<KeysReport> {
    return analyseKeys(this.#parts.databases, request);
  }

  /**
   * Copies our own knowledge records from another database, with `move` removing them there, or takes over the chunks and
   * vectors that other tools keep in hashes, or the lines of an export.
   *
   * @example
   * await lore.maintenance.migrate({ fromNumber: 1, dryRun: true });
   * await lore.maintenance.migrate({ layout: 'langchain', prefix: 'doc:articles:', collection: 'articles' });
   */
  async migrate(request: MigrationRequest): Promise<MoveReport | ImportReport> {
    return migrate(this.#parts, request);
  }

  /**
   * Writes the chunks of a collection to a file of JSON Lines, or to hashes as another tool keeps them.
   *
   * @example
   * await lore.maintenance.exportCollection({ collection: 'docs', file: 'docs.jsonl', embeddings: 'base64' });
   */
  async exportCollection(request: ExportRequest): Promise<ExportReport> {
    return exportCollection(this.#parts, request);
  }

  /**
   * Removes what nobody needs any more, of the kinds asked for, or with `dryRun` only counts it.
   *
   * @example
   * const { orphans } = await lore.maintenance.cleanup({ orphans: true, dryRun: true });
   */
  async cleanup(request: CleanupRequest): Promise<CleanupReport> {
    return cleanUp(this.#parts, request);
  }

  /** Looks for what is wrong with servers, indexes and records, and with `fix` puts right what loses nothing. */
  async diagnose(request: DiagnosisRequest = {}): Promise<Diagnosis> {
    return diagnose(this.#parts, request);
  }

  /**
   * The rules of a Redis user with the least rights that its roles need; no server is asked or changed.
   *
   * @example
   * const { command } = lore.maintenance.userRules({ user: 'search', grants: { knowledge: 'reader', main: 'writer' } });
   */
  userRules(request: UserRequest): UserRules {
    return userRules(request);
  }

  /**
   * Which rules the configured users lack for their roles, by default to write in all four databases.
   *
   * @example
   * const checks = await lore.maintenance.checkRights({ grants: 'maintenance' });
   */
  async checkRights(request: RightsRequest = {}): Promise<RightsCheck[]> {
    return checkRights(this.#parts.databases, request);
  }

  /**
   * Deletes everything held about one user id, or with `dryRun` only tells what that is.
   *
   * @example
   * const { families, total } = await lore.maintenance.eraseUser('user_001', { dryRun: true });
   */
  async eraseUser(userId: string, options: { dryRun?: boolean } = {}): Promise<ErasureReport> {
    return eraseUser(this.#parts, userId, options);
  }

  /**
   * Writes every prompt into a folder as files with front matter; files of prompts that are gone stay.
   *
   * @example
   * await lore.maintenance.exportPrompts('prompts', { kinds: ['system', 'template'] });
   */
  async exportPrompts(folder: string, options: PromptFilesOptions = {}): Promise<PromptFilesReport> {
    return exportPrompts(this.#parts, folder, options);
  }

  /** Saves every prompt of such a folder, or with `dryRun` tells what would be saved; one bad file never stops the rest. */
  async importPrompts(folder: string, options: PromptFilesOptions = {}): Promise<PromptFilesReport> {
    return importPrompts(this.#parts, folder, options);
  }

  /**
   * Deletes metrics, usage and errors from before a date, by default the first day of `analytics.retentionDays`, or with
   * `dryRun` only counts them.
   *
   * @example
   * const { families } = await lore.maintenance.pruneAnalytics({ before: '2025-01-01', dryRun: true });
   */
  async pruneAnalytics(
    { before, ...options }: { before?: Date | string; dryRun?: boolean; signal?: AbortSignal } = {},
    now = Date.now,
  ): Promise<AnalyticsDeletion> {
    const { databases, config } = this.#parts;
    const { retentionDays } = config.analytics;
    if (before === undefined && retentionDays === 0) {
      throw new StackloreError('invalid_input', {
        message: 'Say before which date to delete, or set analytics.retentionDays. Nothing was deleted.',
      });
    }
    return deleteAnalyticsBefore(
      databases.analytics,
      before ?? retentionLimit(retentionDays, now()),
      options,
    );
  }
}
