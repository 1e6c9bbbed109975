/** Serves the API on the Redis of the first argument, with an embedder that takes its time, and prints the address. */
import { serve } from '../../../src/http/serve.ts';
import { openStacklore } from '../../../src/stacklore.ts';
import { FakeEmbedder } from '../../support/fake-embedder.ts';

const [, , redisUrl = ''] = process.argv;
const onText = () => new Promise<void>((resolve) => setTimeout(resolve, 200));
const lore = openStacklore({ redisUrl }, { env: {}, embedder: new FakeEmbedder({ onText }) });
const { url } = await serve(lore, { port: 0, logLevel: 'silent', jobLeaseMs: 600 });
console.log(`Listening on ${url} `);
