import { existsSync, writeFileSync } from 'node:fs';
import { loadConfig } from '../src/config.ts';
import type { Embedder } from '../src/embed/embedder.ts';
import { openLocalEmbedder } from '../src/embed/local-embedder.ts';
import { openStacklore } from '../src/stacklore.ts';
import { sample } from './measure.ts';

const [corpus = '', idsPath = '', redisUrl = ''] = process.argv.slice(2);
const config = loadConfig({ settings: { redisUrl } });
const embedder = await openLocalEmbedder(config, { warm: true });
const inputs: string[] = [];
const isFirst = !existsSync(idsPath);
const lore = openStacklore({ ...config }, { env: {}, embedder: isFirst ? recording(embedder) : embedder });
await embedder.embedTexts(['warm', 'warm']);
// Connecting and loading modules happens once however much is ingested; the floors leave their own start out as well.
await lore.ingestTexts([{ text: '# Warm', source: 'warm' }], { collection: 'warm' });
inputs.length = 0;
let chunks = 0;
const { wallMs, cpuMs } = await sample(async () => {
  chunks = (await lore.ingest({ sources: [corpus], collection: 'bench' })).embedded;
});
if (isFirst) writeFileSync(idsPath, JSON.stringify(inputs.map((input) => embedder.tokenizer.encode(input))));
await lore.close();
console.log(JSON.stringify({ chunks, wallMs, cpuMs, peakMb: process.resourceUsage().maxRSS / 1_000 }));

/** Notes every input, for the floor to embed exactly the same tokens. */
function recording(inner: Embedder): Embedder {
  const { model, dimensions, tokenizer } = inner;
  return {
    ...{ model, dimensions, tokenizer },
    countTokens: (text) => inner.countTokens(text),
    embedQuery: (text) => inner.embedQuery(text),
    embedTexts: (texts, options) => {
      inputs.push(...texts);
      return inner.embedTexts(texts, options);
    },
    close: () => inner.close(),
  };
}
