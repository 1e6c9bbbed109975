// Pictures of the search page for the README, taken in a real Chromium over the handbook of fixtures/documents.
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { glob } from 'tinyglobby';
import { serve } from '../src/http/serve.ts';
import { startPrivateRedis } from '../src/redis/private-redis.ts';
import { openStacklore, type Stacklore } from '../src/stacklore.ts';
import { launchChromium } from '../test/support/chromium.ts';

const TARGET = 'docs/images';
const SIZE = { width: 1200, height: 800 };
const MAX_BYTES = 200_000;
const DAY_MS = 86_400_000;

interface Shot {
  readonly name: string;
  readonly address: string;
  readonly colorScheme?: 'light' | 'dark';
  readonly height?: number;
  isReady(page: Page): Promise<unknown>;
}

const SHOTS: readonly Shot[] = [
  {
    name: 'search',
    address: '#/search?q=how+do+I+renew+a+loan%3F&in=handbook',
    isReady: (page) => page.locator('a[data-hit="2"]').waitFor(),
  },
  {
    name: 'search-dark',
    address: '#/search?q=fire+alarm&in=handbook',
    colorScheme: 'dark',
    isReady: (page) => page.locator('a[data-hit="2"]').waitFor(),
  },
  {
    name: 'document',
    address: '#/search?q=how+do+I+renew+a+loan%3F&in=handbook',
    async isReady(page) {
      await page.locator('a[data-hit="0"]').click();
      await page.locator('.is-passage').waitFor();
    },
  },
  {
    name: 'map',
    address: '#/map?in=handbook&q=how+do+I+renew+a+loan%3F',
    async isReady(page) {
      await page.locator('.map-hits button').first().click();
      await page.locator('.map-chosen .passage').waitFor();
    },
  },
  {
    name: 'insights',
    address: '#/insights',
    height: 1100,
    async isReady(page) {
      await page.getByText('keys take').waitFor();
      await page.locator('.chart canvas').nth(2).waitFor();
    },
  },
];

/** The pages of the handbook by the names they have in it, so that no path of this machine is in a picture. */
async function ingestHandbook(lore: Stacklore): Promise<void> {
  const folder = 'fixtures/documents';
  const sources = await glob('**/*.{md,html,txt}', { cwd: folder });
  const texts = sources
    .sort()
    .map((source) => ({ source, text: readFileSync(join(folder, source), 'utf8') }));
  await lore.createCollection('handbook', {
    fields: [
      { name: 'lang', type: 'tag' },
      { name: 'year', type: 'number' },
      { name: 'department', type: 'tag' },
    ],
  });
  await lore.ingestTexts(texts, { collection: 'handbook' });
}

/** A fortnight of use, the same each time. */
async function recordFortnight(lore: Stacklore): Promise<void> {
  for (let ago = 13; ago >= 0; ago -= 1) {
    const at = new Date(Date.now() - ago * DAY_MS);
    const wave = 1 + Math.sin(ago * 0.9) / 3;
    const kbQueries = Math.round(160 * wave + ago * 3);
    const date = at.toISOString().slice(0, 10);
    await lore.usage.add({ userId: 'reading-room', date, requests: kbQueries * 2, kbQueries });
    const errors = Math.round(Math.max(0, 4 * Math.cos(ago * 1.3)));
    await lore.errorLog.record(
      Array.from({ length: errors }, () => ({ errorType: 'fetch_failed', message: 'No answer.', at })),
    );
  }
  for (let ago = 23; ago >= 0; ago -= 1) {
    const at = new Date(Date.now() - ago * 3_600_000);
    const values = Array.from({ length: 12 }, (_, step) => 9 + Math.sin(ago / 3) * 3 + step * 0.8);
    await lore.metrics.record(
      values.map((value) => ({ service: 'search', metricName: 'latency_ms', value, at })),
    );
  }
}

async function take(browser: Browser, url: string, shot: Shot): Promise<void> {
  const { name, address, colorScheme = 'light', height = SIZE.height, isReady } = shot;
  const viewport = { ...SIZE, height };
  const page = await browser.newPage({ viewport, colorScheme, reducedMotion: 'reduce' });
  await page.goto(`${url}/${address}`);
  await isReady(page);
  await page.waitForLoadState('networkidle');
  const path = join(TARGET, `${name}.png`);
  await page.screenshot({ path });
  const { size } = statSync(path);
  console.log(`${path}: ${Math.round(size / 1_000)} kB${size > MAX_BYTES ? ', too large' : ''}`);
  if (size > MAX_BYTES) process.exitCode = 1;
  await page.close();
}

/** Those that are named on the command line, or all. */
function isWanted({ name }: Shot): boolean {
  const names = process.argv.slice(2);
  return names.length === 0 || names.includes(name);
}

const redis = await startPrivateRedis();
const lore = openStacklore(redis.config());
const browser = await launchChromium();
try {
  mkdirSync(TARGET, { recursive: true });
  await ingestHandbook(lore);
  await recordFortnight(lore);
  const server = await serve(lore, { port: 0, logLevel: 'silent' });
  for (const shot of SHOTS) if (isWanted(shot)) await take(browser, server.url, shot);
  await server.close();
} finally {
  await browser.close();
  await lore.close();
  await redis.stop();
}
