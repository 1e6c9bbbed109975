import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Stacklore } from '../../src/stacklore.ts';
import { useStage } from '../support/browser.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
let docId = '';
beforeAll(async () => {
  lore = openTestLore(redis);
  const texts = Array.from({ length: 12 }, (_, at) => ({
    source: `page-${at}.md`,
    text: `# Page ${at}\n\nThe text of page ${at} is about anchors, ropes and sails.`,
  }));
  await lore.ingestTexts(texts, { collection: 'ship' });
  const { hits } = await lore.search({ query: 'anchors', collection: 'ship' });
  docId = hits[0]?.docId ?? '';
});
const stage = useStage(() => lore);

/** What axe finds against WCAG 2.2 AA and its best practices: rule and element. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const found = await page.evaluate(async () => {
    const { axe: runner } = globalThis as unknown as { axe: typeof axe };
    return (await runner.run(document)).violations;
  });
  return found.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`));
}

const VIEWS: readonly (readonly [string, () => string, (page: Page) => Promise<unknown>])[] = [
  ['search', () => '#/search?in=ship&q=anchors', (page) => page.locator('a[data-hit="0"]').waitFor()],
  ['document', () => `#/document?id=${docId}`, (page) => page.locator('.chunk').first().waitFor()],
  ['documents', () => '#/documents?in=ship', (page) => page.locator('tbody tr').first().waitFor()],
  ['map', () => '#/map?in=ship&q=anchors', (page) => page.locator('.legend li').first().waitFor()],
  ['context', () => '#/context?in=ship&q=anchors', (page) => page.locator('.prompt').waitFor()],
  ['insights', () => '#/insights', (page) => page.getByText('keys take').waitFor()],
];

describe.each(['light', 'dark'] as const)('in %s colours', (colorScheme) => {
  test.each(VIEWS)('the %s view breaks no rule of accessibility', async (_name, address, isShown) => {
    const page = await stage.open(address(), { colorScheme, reducedMotion: 'reduce' });
    await isShown(page);
    for (const summary of await page.locator('summary:visible').all()) await summary.click();
    expect(await violations(page)).toEqual([]);
  });
});

test('the dialogs break no rule of accessibility', async () => {
  const page = await stage.open('#/documents?in=ship');
  await page
    .getByRole('button', { name: /^Delete/ })
    .first()
    .click();
  expect(await violations(page)).toEqual([]);
});
