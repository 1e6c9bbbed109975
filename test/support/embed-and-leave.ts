/** Embeds with the model of the first argument and leaves the process in the way the second one says. */
import { loadConfig } from '../../src/config.ts';
import { openLocalEmbedder } from '../../src/embed/local-embedder.ts';

const [, , dir, how] = process.argv;
const settings = { home: '/nowhere', model: { dir }, embeddingWorkers: 2 };
const embedder = await openLocalEmbedder(loadConfig({ settings, env: {} }));
const texts = Array.from({ length: 500 }, (_, n) => `Text ${n} ${'and more '.repeat(100)}`);

if (how === 'idle') {
  await embedder.embedTexts(texts.slice(0, 6));
} else {
  embedder.embedTexts(texts).catch(() => undefined);
  if (how !== 'exit-early') await embedder.embedQuery('ready');
  setTimeout(() => {
    if (how === 'throw') throw new Error('thrown on purpose');
    process.exit(3);
  }, 30);
}
