import { beforeAll, expect, test } from 'vitest';
import type { Stacklore } from '../../src/stacklore.ts';
import { useStage } from '../support/browser.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
beforeAll(async () => {
  lore = openTestLore(redis);
  const texts = Array.from({ length: 60 }, (_, at) => ({
    source: `note-${String(at).padStart(2, '0')}.md`,
    text: `# Note ${at}\n\nWhat is written in note number ${at}.`,
  }));
  await lore.ingestTexts(texts, { collection: 'notes' });
});
const stage = useStage(() => lore);

test('files that are dropped are ingested, with their progress, and found', async () => {
  const page = await stage.open('#/documents?in=notes');
  await page.getByText('of 60 documents').waitFor();
  await page.getByLabel('Into collection').fill('inbox');
  const files = await page.evaluateHandle(() => {
    const transfer = new DataTransfer();
    transfer.items.add(new File(['# Lighthouse\n\nThe lighthouse blinks twice.'], 'lighthouse.md'));
    transfer.items.add(new File([new Uint8Array([0, 1, 2, 3, 255, 0])], 'noise.bin'));
    return transfer;
  });
  await page.dispatchEvent('.drop-zone', 'drop', { dataTransfer: files });
  const job = page.getByRole('list', { name: 'Ingests' }).getByRole('listitem').first();
  await job.getByText('1 created').waitFor();
  expect(await job.textContent()).toContain('noise.bin');
  await page.getByRole('combobox', { name: 'Collection', exact: true }).selectOption('inbox');
  await page.getByRole('link', { name: 'Lighthouse' }).waitFor();
  await page.goto(`${stage.url}/#/search?in=inbox&q=lighthouse`);
  await page.locator('a[data-hit="0"]', { hasText: 'Lighthouse' }).waitFor();
});

test('files can be chosen, too', async () => {
  const page = await stage.open('#/documents?in=notes');
  await page.getByText('of 60 documents').waitFor();
  await page.getByLabel('Into collection').fill('chosen');
  const buffer = Buffer.from('# Harbour\n\nThe harbour is deep.');
  await page.locator('#files').setInputFiles({ name: 'harbour.md', mimeType: 'text/markdown', buffer });
  await page.getByRole('list', { name: 'Ingests' }).getByText('1 created').waitFor();
});

test('a document is deleted when one agrees, and stays when not', async () => {
  const page = await stage.open('#/documents?in=notes');
  await page.getByLabel('Title').fill('Note 7');
  await page.getByRole('button', { name: 'Delete Note 7', exact: true }).click();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Delete Note 7', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('button', { name: 'Delete Note 7', exact: true }).waitFor({ state: 'detached' });
  await page.getByLabel('Title').fill('');
  await page.getByText('of 59 documents').waitFor();
});

test('documents come page by page', async () => {
  const page = await stage.open('#/documents?in=notes');
  await page.getByText('1 to 50 of').waitFor();
  expect(await page.locator('tbody tr').count()).toBe(50);
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByText('51 to').waitFor();
  await page.reload();
  await page.getByText('51 to').waitFor();
});
