import { beforeAll, describe, expect, test } from 'vitest';
import type { Stacklore } from '../../src/stacklore.ts';
import { useStage } from '../support/browser.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';

const HOSTILE = [
  '# <img src=x onerror=alert(1)> Hostile',
  '<script>alert("script")</script> <b onclick="alert(2)">bold</b> {{7*7}}',
  '<iframe src="javascript:alert(3)"></iframe> [link](javascript:alert(4)) zebra crossing',
  '<svg/onload=alert(5)> <style>body{display:none}</style> </p></li></ol><h1 id="escaped">out</h1>',
].join('\n\n');

const redis = usePrivateRedis();
let lore: Stacklore;
beforeAll(async () => {
  lore = openTestLore(redis);
  await lore.createCollection('library', {
    fields: [
      { name: 'lang', type: 'tag' },
      { name: 'year', type: 'number' },
    ],
  });
  await lore.ingestTexts(
    [
      {
        source: 'loans.md',
        text: '# Loans\n\n## Renewing\n\nA loan lasts twenty one days. Renew a loan at the desk.',
        metadata: { lang: 'en', year: 2024 },
      },
      {
        source: 'fees.md',
        text: '# Fees\n\nA late book costs ten cents a day. A loan of films costs more.',
        metadata: { lang: 'en', year: 2020 },
      },
      {
        source: 'leihe.md',
        text: '# Leihe\n\nEine Leihe dauert drei Wochen, ein loan auch.',
        metadata: { lang: 'de', year: 2024 },
      },
      { source: 'hostile.md', text: HOSTILE, metadata: { lang: '<i>x</i>', year: 1999 } },
    ],
    { collection: 'library' },
  );
  await lore.ingestTexts([{ source: 'boats.md', text: '# Boats\n\nA boat has a keel and a loan.' }], {
    collection: 'harbour',
  });
});
const stage = useStage(() => lore);
const LIBRARY = 'in=library';

describe('the search', () => {
  test('finds while one types, marks words and tells score, source, headings and terms', async () => {
    const page = await stage.open(`#/search?${LIBRARY}`);
    await page.getByRole('searchbox', { name: 'Search' }).pressSequentially('renew a loan');
    const first = page.getByRole('listitem').filter({ hasText: 'loans.md' }).first();
    await first.waitFor();
    expect(await first.locator('mark').allTextContents()).toContain('loan');
    expect(await first.locator('.path').textContent()).toBe('Renewing');
    expect(await first.locator('dt').allTextContents()).toEqual(['score', 'meaning', 'words', 'terms']);
    expect(page.url()).toContain('q=renew+a+loan');
  });

  test('gives up an earlier question for the one that is typed now', async () => {
    const page = await stage.open(`#/search?${LIBRARY}`);
    const input = page.getByRole('searchbox', { name: 'Search' });
    const answers: string[] = [];
    await page.route('**/v1/search', async (route) => {
      const { query } = route.request().postDataJSON() as { query: string };
      if (query === 'fees') await new Promise((resolve) => setTimeout(resolve, 600));
      answers.push(query);
      await route.continue().catch(() => undefined);
    });
    await input.fill('fees');
    await page.waitForRequest('**/v1/search');
    await input.fill('leihe');
    await page.getByRole('link', { name: 'Leihe' }).waitFor();
    await expect.poll(() => answers).toEqual(['leihe', 'fees']);
    expect(await page.locator('a[data-hit="0"]').textContent()).toBe('Leihe');
  });

  test('narrows by declared fields and by what every document has', async () => {
    const page = await stage.open(`#/search?q=loan&${LIBRARY}`);
    await page.getByText('Filters', { exact: true }).click();
    const titles = page.locator('a[data-hit]');
    await expect.poll(() => titles.count()).toBeGreaterThan(2);
    await page.getByLabel('lang').fill('de');
    await expect.poll(() => titles.allTextContents()).toEqual(['Leihe']);
    await page.getByLabel('lang').fill('en, de');
    await page.getByLabel('year from').fill('2024');
    await expect.poll(async () => (await titles.allTextContents()).sort()).toEqual(['Leihe', 'Loans']);
    await page.getByLabel('Source').fill('loans.md');
    await expect.poll(() => titles.allTextContents()).toEqual(['Loans']);
    await page.reload();
    await expect.poll(() => titles.allTextContents()).toEqual(['Loans']);
  });

  test('looks through several collections and says which a hit is from', async () => {
    const page = await stage.open(`#/search?q=loan&${LIBRARY}`);
    await page.getByRole('checkbox', { name: 'harbour' }).check();
    const boats = page.getByRole('listitem').filter({ hasText: 'boats.md' });
    await boats.waitFor();
    expect(await boats.locator('.chip').textContent()).toBe('harbour');
  });

  test('uses the mode that is chosen', async () => {
    const page = await stage.open(`#/search?q=loan&${LIBRARY}`);
    await page.getByLabel('Mode').selectOption('text');
    await page.getByText('by words').waitFor();
    expect(page.url()).toContain('mode=text');
  });

  test('shows an answer of an earlier question as such, when the semantic cache is on', async () => {
    const page = await stage.open(`#/search?${LIBRARY}`);
    await page.getByRole('checkbox', { name: 'Semantic cache' }).check();
    const input = page.getByRole('searchbox', { name: 'Search' });
    await input.fill('how long may a loan last');
    await page.locator('a[data-hit="0"]').waitFor();
    await input.fill('How long may a loan LAST');
    await page.getByText('Answer of an earlier question').waitFor();
    expect(await page.locator('.is-semantic q').textContent()).toBe('how long may a loan last');
  });

  test('says what is wrong with a question that the server refuses', async () => {
    const page = await stage.open(
      `#/search?q=loan&${LIBRARY}&filter=${encodeURIComponent('{"source":{"$near":1}}')}`,
    );
    await page.getByRole('searchbox').waitFor();
    await page.route('**/v1/search', (route) =>
      route.fulfill({
        status: 400,
        contentType: 'application/problem+json',
        body: JSON.stringify({ status: 400, code: 'invalid_filter', detail: 'The filter cannot be used.' }),
      }),
    );
    await page.getByRole('searchbox').fill('loans');
    await page.getByText('The filter cannot be used.').waitFor();
  });
});

describe('a hostile document', () => {
  test('is text, in the hits and when it is opened', async () => {
    const page = await stage.open(`#/search?q=zebra+crossing&${LIBRARY}`);
    await page.getByText('<script>').first().waitFor();
    await page.getByRole('link', { name: 'Hostile' }).first().click();
    await page.getByText('<iframe').first().waitFor();
    const counts = await page.evaluate(() =>
      ['main script', 'main img', 'main iframe', 'main svg', 'main style', '#escaped', 'main b'].map(
        (selector) => document.querySelectorAll(selector).length,
      ),
    );
    expect(counts).toEqual([0, 0, 0, 0, 0, 0, 0]);
    expect(stage.misdeeds).toEqual({ errors: [], strangers: [] });
  });
});

describe('the page', () => {
  test('asks no other place for anything, in any view', async () => {
    const page = await stage.open(`#/search?q=loan&${LIBRARY}`);
    await page.locator('a[data-hit="0"]').waitFor();
    for (const view of ['Documents', 'Map', 'Context', 'Insights']) {
      await page.getByRole('link', { name: view }).click();
      await page.getByRole('heading', { level: 1, name: view }).waitFor();
      await page.waitForLoadState('networkidle');
    }
    expect(stage.misdeeds).toEqual({ errors: [], strangers: [] });
  });

  test('is dark where the system is, and light or dark by choice', async () => {
    const page = await stage.open('', { colorScheme: 'dark' });
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    expect(await ground()).toBe('rgb(22, 25, 28)');
    await page.getByLabel('Colours').selectOption('light');
    expect(await ground()).toBe('rgb(250, 249, 247)');
    await page.reload();
    expect(await ground()).toBe('rgb(250, 249, 247)');
  });

  test('fits a phone', async () => {
    const page = await stage.open(`#/search?q=loan&${LIBRARY}`, { viewport: { width: 360, height: 740 } });
    await page.getByText('Filters', { exact: true }).click();
    for (const view of ['Documents', 'Map', 'Context', 'Insights', 'Search']) {
      await page.getByRole('link', { name: view, exact: true }).click();
      await page.waitForLoadState('networkidle');
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      expect([view, width]).toEqual([view, 360]);
    }
  });
});
