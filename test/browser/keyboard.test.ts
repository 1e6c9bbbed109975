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

test('what is typed right after the slash belongs to the question, in whatever view', async () => {
  const page = await stage.open('#/search?in=texts&mode=text');
  await page.getByRole('checkbox', { name: 'texts' }).waitFor();
  const question = page.getByRole('searchbox', { name: 'Search' });
  await page.keyboard.type('/topic');
  expect(await question.inputValue()).toBe('topic');
  await page.getByRole('link', { name: 'Documents', exact: true }).click();
  await page.getByRole('heading', { level: 1, name: 'Documents' }).waitFor();
  await page.keyboard.type('/17');
  expect(await question.inputValue()).toBe('topic17');
  expect(await page.getByRole('combobox', { name: 'Mode' }).inputValue()).toBe('text');
});

test('a question that was left before it was asked is there when the person comes back', async () => {
  const page = await stage.open('#/search?in=texts&q=topic1');
  await page.locator('a[data-hit="0"]').waitFor();
  const left = await page.getByRole('searchbox', { name: 'Search' }).evaluate((input: HTMLInputElement) => {
    input.value = 'topic17';
    input.dispatchEvent(new Event('input'));
    document.querySelector<HTMLElement>('a[data-hit="0"]')?.click();
    return location.hash;
  });
  expect(left).toContain('#/document');
  await page.locator('.chunk').first().waitFor();
  await page.goBack();
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
