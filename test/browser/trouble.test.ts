import { beforeAll, describe, expect, test } from 'vitest';
import type { Stacklore } from '../../src/stacklore.ts';
import { useStage } from '../support/browser.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
let token = '';
beforeAll(async () => {
  lore = openTestLore(redis);
  await lore.ingestTexts([{ source: 'tides.md', text: '# Tides\n\nThe tide turns twice a day.' }], {
    collection: 'sea',
  });
  ({ token } = await lore.apiKeys.create({ name: 'reader', collections: ['sea'] }));
});
const stage = useStage(() => lore, { requireKey: true });

describe('an API key', () => {
  test('is asked for, a wrong one is said, and a right one opens the page for this tab alone', async () => {
    const page = await stage.open('#/search?in=sea&q=tide');
    const dialog = page.getByRole('dialog', { name: 'API key' });
    await dialog
      .getByText('An API key is needed here. The command stacklore api-keys create makes one.')
      .waitFor();
    await dialog.getByRole('textbox', { name: 'Key' }).fill('sl_wrong');
    await page.keyboard.press('Enter');
    await dialog.getByText('This key is not accepted.').waitFor();
    await dialog.getByRole('textbox', { name: 'Key' }).fill(token);
    await dialog.getByRole('button', { name: 'Use this key' }).click();
    await page.locator('a[data-hit="0"]', { hasText: 'Tides' }).waitFor();
    await page.reload();
    await page.locator('a[data-hit="0"]', { hasText: 'Tides' }).waitFor();
    expect(await page.evaluate(() => JSON.stringify([localStorage, document.cookie]))).not.toContain(token);
    await page.getByRole('button', { name: 'Forget API key' }).click();
    expect(await page.evaluate(() => JSON.stringify(sessionStorage))).not.toContain(token);
  });

  test('can be refused, which says why nothing is shown', async () => {
    const page = await stage.open('#/search?in=sea&q=tide');
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('status').filter({ hasText: 'An API key is needed here.' }).waitFor();
    await page.getByRole('button', { name: 'Enter API key' }).click();
    await page.getByRole('dialog', { name: 'API key' }).waitFor();
  });
});

describe('a server that goes', () => {
  test('is said, and the page goes on by itself when it is back', async () => {
    const page = await stage.open('');
    await page.getByRole('textbox', { name: 'Key' }).fill(token);
    await page.keyboard.press('Enter');
    await page.getByRole('checkbox', { name: 'sea' }).waitFor();
    await stage.stopServer();
    await page.getByRole('searchbox').fill('tide');
    const banner = page.getByRole('alert').filter({ hasText: 'The server does not answer.' });
    await banner.waitFor();
    await stage.startServer();
    await page.locator('a[data-hit="0"]', { hasText: 'Tides' }).waitFor();
    expect(await banner.count()).toBe(0);
    expect(await page.getByRole('searchbox').inputValue()).toBe('tide');
  });
});
