import { beforeAll, test } from 'vitest';
import type { Stacklore } from '../../src/stacklore.ts';
import { useStage } from '../support/browser.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
beforeAll(async () => {
  lore = openTestLore(redis);
  const words = ['anchor', 'rope', 'sail', 'mast', 'keel', 'deck'];
  const texts = words.map((word) => ({
    source: `${word}.md`,
    text: `# The ${word}\n\n${`${word} `.repeat(20)}\n\n## More\n\nMore of the ${word}.`,
  }));
  await lore.ingestTexts(texts, { collection: 'ship' });
});
const stage = useStage(() => lore);

test('the map shows points, the question and its hits, and a point opens its text', async () => {
  const page = await stage.open('#/map?in=ship&q=anchor');
  await page.getByText(/passages of 6 documents/).waitFor();
  await page.getByRole('heading', { name: 'Nearest passages' }).waitFor();
  await page.locator('.map-hits button').first().click();
  const chosen = page.getByRole('region', { name: 'Chosen point' });
  await chosen.getByText('anchor anchor').waitFor();
  await chosen.getByRole('link', { name: 'Open the document here' }).click();
  await page.getByRole('region', { name: 'The passage that was found' }).waitFor();
});

test('points are reached without a pointer, on the map and in a list', async () => {
  const page = await stage.open('#/map?in=ship');
  await page.getByText(/passages of 6 documents/).waitFor();
  await page.getByRole('application', { name: 'Map of the collection' }).focus();
  await page.keyboard.press('ArrowRight');
  const chosen = page.getByRole('region', { name: 'Chosen point' });
  await chosen.getByRole('heading').waitFor();
  await page.getByRole('button', { name: /The keel/ }).press('Enter');
  await page.getByRole('button', { name: 'Passage 1 of The keel' }).press('Enter');
  await chosen.getByText('keel keel').waitFor();
});
