/** Ingests a folder with the deterministic embedder, slowly: `ingest-folder.ts REDIS_URL HOME COLLECTION FOLDER`. */
import { openStacklore } from '../../../src/stacklore.ts';
import { FakeEmbedder } from '../../support/fake-embedder.ts';

const [redisUrl = '', home = '', collection = '', folder = ''] = process.argv.slice(2);
const embedder = new FakeEmbedder({ onText: () => new Promise((resolve) => setTimeout(resolve, 1)) });
const lore = openStacklore({ redisUrl, home }, { env: {}, embedder });
await lore.ingest({ sources: [folder], collection });
await lore.close();
