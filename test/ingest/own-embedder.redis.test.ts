import { expect, it } from 'vitest';
import { FakeEmbedder } from '../support/fake-embedder.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';

const redis = usePrivateRedis();

it('finds documents unchanged in whatever order an embedder gives the fields of its model', async () => {
  const { model } = new FakeEmbedder();
  const turned = Object.fromEntries(Object.entries(model).toReversed()) as typeof model;
  const embedder = Object.assign(new FakeEmbedder(), { model: turned });
  const lore = openTestLore(redis, {}, { embedder });
  const texts = [{ source: 'a.md', text: 'The harbour closes at nine.' }];
  await lore.ingestTexts(texts, { collection: 'turned' });
  const { counts } = await lore.ingestTexts(texts, { collection: 'turned' });
  expect(counts).toMatchObject({ unchanged: 1, updated: 0 });
});
