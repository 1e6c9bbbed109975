import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll } from 'vitest';
import type { ServeInput } from '../../src/http/options.ts';
import { type RunningServer, serve } from '../../src/http/serve.ts';
import type { Stacklore } from '../../src/stacklore.ts';
import { launchChromium } from './chromium.ts';

/** What a page did that it should not have. */
export interface Misdeeds {
  /** Errors that nobody caught, and what broke the Content-Security-Policy. */
  readonly errors: string[];
  /** Requests to another place than the server. */
  readonly strangers: string[];
}

/** A server with the search page, and a Chromium to open it in. */
export interface Stage {
  readonly url: string;
  /** Opens the page at an address such as `#/search?q=loan`, in a window of its own that is closed after the test. */
  open(address?: string, options?: BrowserContextOptions): Promise<Page>;
  /** What every page opened in this test did wrong. */
  readonly misdeeds: Misdeeds;
  stopServer(): Promise<void>;
  /** Starts the server again where it was. */
  startServer(): Promise<void>;
}

/** Serves a Stacklore and starts a Chromium before the file's first test; both end after its last. */
export function useStage(lore: () => Stacklore, options: ServeInput = {}): Stage {
  let browser: Browser | undefined;
  let server: RunningServer | undefined;
  let url = '';
  const misdeeds: Misdeeds = { errors: [], strangers: [] };

  const start = async (port: number) => {
    server = await serve(lore(), { logLevel: 'silent', rateLimit: 0, ...options, port });
    url = server.url;
  };
  beforeAll(async () => {
    browser = await launchChromium();
    await start(0);
  });
  afterEach(async () => {
    await Promise.all((browser?.contexts() ?? []).map((context) => context.close()));
    misdeeds.errors.length = 0;
    misdeeds.strangers.length = 0;
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  return {
    misdeeds,
    get url() {
      return url;
    },
    async open(address = '', contextOptions = {}) {
      if (!browser) throw new Error('The browser is there inside tests and hooks only.');
      const context = await browser.newContext({ viewport: { width: 1200, height: 800 }, ...contextOptions });
      context.setDefaultTimeout(10_000);
      const page = await context.newPage();
      watch(page, { origin: new URL(url).origin, misdeeds });
      await page.goto(`${url}/${address}`);
      return page;
    },
    async stopServer() {
      await server?.close();
      server = undefined;
    },
    startServer: () => start(Number(new URL(url).port)),
  };
}

function watch(page: Page, { origin, misdeeds }: { origin: string; misdeeds: Misdeeds }): void {
  page.on('pageerror', (error) => misdeeds.errors.push(error.message));
  page.on('console', (message) => {
    if (/Content Security Policy/.test(message.text())) misdeeds.errors.push(message.text());
  });
  page.on('dialog', (dialog) => {
    misdeeds.errors.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => {
    const address = new URL(request.url());
    if (address.protocol !== 'data:' && address.origin !== origin) misdeeds.strangers.push(request.url());
  });
}
