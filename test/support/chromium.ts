import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

/** Debian's Chromium, or the one that `CHROMIUM_PATH` names. */
export async function launchChromium(): Promise<Browser> {
  const executablePath = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';
  if (!existsSync(executablePath)) {
    throw new Error(
      `There is no Chromium at ${executablePath}. Install Debian's (apt-get install chromium), or name one in CHROMIUM_PATH.`,
    );
  }
  // The sandbox refuses to work for root, as whom containers run.
  return chromium.launch({ executablePath, chromiumSandbox: process.getuid?.() !== 0 });
}
