import { Settings } from '@llamaindex/core/global';
import { Document, MetadataMode } from '@llamaindex/core/schema';
import { VectorStoreIndex } from 'llamaindex';
import { IngestionPipeline } from 'llamaindex/ingestion';
import { expect, test } from 'vitest';
import { LocalEmbedding, RedisVectorStore } from '../../src/llamaindex/index.ts';
import { openStacklore } from '../../src/stacklore.ts';
import { modelConfig } from '../support/provisioned.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { jsonOf, runCli } from '../support/run-cli.ts';

const redis = usePrivateRedis();

test('answers a LlamaIndex retriever by meaning, without any network', async () => {
  const lore = openStacklore(redis.config({ model: modelConfig() }), { env: {} });
  try {
    Settings.embedModel = new LocalEmbedding(lore);
    const index = await VectorStoreIndex.fromVectorStore(
      new RedisVectorStore({ lore, collection: 'meaning' }),
    );
    await index.insert(
      new Document({ text: 'The reading room is heated by two gas boilers in the cellar.' }),
    );
    await index.insert(new Document({ text: 'A reader may keep a borrowed novel for three weeks.' }));

    const [best] = await index.asRetriever({ similarityTopK: 1 }).retrieve('How long can I have a book?');

    expect(best?.node.getContent(MetadataMode.NONE)).toContain('three weeks');
  } finally {
    await lore.close();
  }
});

test('shows the command line what a pipeline wrote, and lets it delete that', async () => {
  const lore = openStacklore(redis.config({ model: modelConfig() }), { env: {} });
  const env = { REDIS_URL: redis.url, STACKLORE_MODEL_DIR: modelConfig().dir, STACKLORE_HOME: '/nowhere' };
  const stacklore = async (...args: string[]) =>
    jsonOf(await runCli([...args, '--collection', 'written', '--json'], { env }));
  try {
    const vectorStore = new RedisVectorStore({ lore, collection: 'written' });
    const pipeline = new IngestionPipeline({ transformations: [new LocalEmbedding(lore)], vectorStore });
    const text = 'The reading room is heated by two gas boilers in the cellar.';
    const metadata = { file_path: '/docs/heating.md', title: 'Heating' };
    await pipeline.run({ documents: [new Document({ id_: 'heating', text, metadata })] });

    expect(await stacklore('search', 'what keeps the room warm?')).toMatchObject({
      hits: [{ docId: 'heating', title: 'Heating', source: '/docs/heating.md', text }],
    });
    expect(await stacklore('search', 'boilers', '--mode', 'text')).toMatchObject({
      hits: [{ docId: 'heating' }],
    });
    expect(await stacklore('docs', 'list')).toMatchObject({ items: [{ docId: 'heating', chunkCount: 1 }] });
    const deleted = await runCli(['docs', 'delete', 'heating', '--json'], { env });
    expect(deleted.exitCode).toBe(0);
    expect(await stacklore('search', 'boilers')).toMatchObject({ hits: [] });
  } finally {
    await lore.close();
  }
});
