/** Works on ingest jobs with the deterministic embedder, slowly: `ingest-worker.ts REDIS_URL HOME LEASE_MS`. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startIngestWorker } from '../../../src/jobs/start-ingest-worker.ts';
import { openStacklore } from '../../../src/stacklore.ts';
import { FakeEmbedder } from '../../support/fake-embedder.ts';

const [redisUrl = '', home = '', leaseMs = '1000'] = process.argv.slice(2);
const embedder = new FakeEmbedder({ onText: () => sleep(5) });
const lore = openStacklore({ redisUrl, home }, { env: {}, embedder });
startIngestWorker(lore, { paths: true, concurrency: 2, leaseMs: Number(leaseMs) });
console.log('working');
