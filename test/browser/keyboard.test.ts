import { beforeAll, expect, test } from 'vitest';
import type { Stacklore } from '../../src/stacklore.ts';
import { useStage } from '../support/browser.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
beforeAll(async () => {
  lore = openTestLore(redis);
  const sections = Array.from(
    { length: 30 },
    (_, at) => `## Part ${at}\n\n${'filler word '.repeat(60)} topic${at}.`,
  );
  await lore.ingestTexts(
    [
      { source: 'long.md', text: `# Long\n\n${sections.join('\n\n')}` },
      { source: 'short.md', text: '# Short\n\nHere is topic17, too.' },
    ],
    { collection: 'texts' },
  );
});
const stage = useStage(() => lore);

test('a person without a pointer searches, walks through the hits, opens one and comes back', async () => {
  const page = await stage.open('#/search?in=texts');
  const { keyboard } = page;
  const focused = () => page.evaluate(() => document.activeElement?.textContent ?? '');
  await page.getByRole('checkbox', { name: 'texts' }).waitFor();
  await keyboard.press('/');
  await expect.poll(() => page.evaluate(() => document.activeElement?.id)).toBe('question');
  await keyboard.type('topic17');
  await page.locator('a[data-hit="1"]').waitFor();
  await keyboard.press('ArrowDown');
  await keyboard.press('ArrowDown');
  const second = await page.locator('a[data-hit="1"]').textContent();
  expect(await focused()).toBe(second);
  await keyboard.press('ArrowUp');
  expect(await page.evaluate(() => document.activeElement?.matches(':focus-visible'))).toBe(true);
  await keyboard.press('Enter');
  const passage = page.getByRole('region', { name: 'The passage that was found' });
  await passage.waitFor();
  expect(await passage.evaluate((node) => node === document.activeElement)).toBe(true);
  await keyboard.press('Escape');
  await page.getByRole('searchbox', { name: 'Search' }).waitFor();
  expect(await page.getByRole('searchbox', { name: 'Search' }).inputValue()).toBe('topic17');
});

test('tabs are walked through with arrow keys', async () => {
  const page = await stage.open('');
  await page.getByRole('link', { name: 'Search', exact: true }).focus();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'Documents' }).waitFor();
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('ArrowLeft');
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Insights');
});

test('a document opens at its passage, and goes on in both directions', async () => {
  const page = await stage.open('#/search?in=texts&q=topic17');
  await page.getByRole('link', { name: 'Long' }).first().click();
  const passage = page.getByRole('region', { name: 'The passage that was found' });
  await passage.waitFor();
  expect(await passage.textContent()).toContain('topic17');
  expect(await passage.locator('mark').allTextContents()).toContain('topic17');
  const isSeen = await passage.evaluate((node) => {
    const { top, bottom } = node.getBoundingClientRect();
    return top >= 0 && bottom <= innerHeight;
  });
  expect(isSeen).toBe(true);
  await page.getByRole('button', { name: 'Show earlier passages' }).click();
  await page.getByText('topic0.').waitFor();
});
