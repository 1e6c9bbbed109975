import type { z } from 'zod';
import type { Config } from '../../config.ts';
import type { CollectionParts } from '../../ingest/collection-settings.ts';
import type { Databases } from '../../redis/databases.ts';
import { parseMaintenanceRequest } from '../../schema/maintenance-request.ts';
import { migrationRequest } from '../../schema/migration-request.ts';
import type { FactIndex } from '../../stores/knowledge/fact-index.ts';
import { type ImportReport, importRows } from './import-rows.ts';
import { type MoveReport, moveKnowledge } from './move-knowledge.ts';
import { openPlace } from './place.ts';
import type { MigrationProgress } from './progress.ts';

/** What to read and where it goes. */
export type MigrationRequest = z.input<typeof migrationRequest> & {
  readonly onProgress?: (progress: MigrationProgress) => void;
  readonly signal?: AbortSignal;
};

export interface MigrationParts extends CollectionParts {
  readonly config: Config;
  readonly databases: Pick<Databases, 'knowledge'>;
  readonly factIndex: FactIndex;
}

/** Copies or moves our own records from another database, or takes over what other tools keep. */
export async function migrate(
  parts: MigrationParts,
  request: MigrationRequest,
): Promise<MoveReport | ImportReport> {
  const { signal, onProgress, ...plain } = request;
  const checked = parseMaintenanceRequest(migrationRequest, plain);
  const { knowledge } = parts.databases;
  const { fromUrl: url, fromNumber: number, layout } = checked;
  const source = openPlace(knowledge, { url, number, setting: 'fromUrl' }, parts.config);
  try {
    return layout === 'stacklore'
      ? await moveKnowledge({ ...parts, knowledge }, source, { ...checked, signal, onProgress })
      : await importRows(parts, source, {
          ...{ ...checked, layout, signal, onProgress },
          collection: checked.collection ?? 'default',
        });
  } finally {
    await source.close();
  }
}
