import { defineConfig } from 'vitest/config';

const project = (name: string, include: string[], extra: Record<string, unknown> = {}) => ({
  test: { name, include, testTimeout: 60_000, hookTimeout: 120_000, ...extra },
});

export default defineConfig({
  test: {
    globalSetup: ['test/support/global-setup.ts'],
    maxConcurrency: 2,
    // By itself vitest leaves one core free, which on two cores is half of the machine.
    maxWorkers: 2,
    projects: [
      project('unit', ['test/**/*.test.ts'], {
        exclude: ['test/**/*.redis.test.ts', 'test/**/*.model.test.ts', 'test/browser/**'],
      }),
      project('redis', ['test/**/*.redis.test.ts']),
      project('model', ['test/**/*.model.test.ts']),
      // No part of `npm test`: it needs a Chromium, see `npm run test:browser`.
      project('browser', ['test/browser/**/*.test.ts']),
    ],
  },
});
