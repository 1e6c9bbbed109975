import { Settings } from '@llamaindex/core/global';
import { Document, MetadataMode } from '@llamaindex/core/schema';
import { VectorStoreIndex } from 'llamaindex';
import { expect, test } from 'vitest';
import { LocalEmbedding, RedisVectorStore } from '../../src/llamaindex/index.ts';
import { openStacklore } from '../../src/stacklore.ts';
import { modelConfig } from '../support/provisioned.ts';
import { usePrivateRedis } from '../support/redis.ts';

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
