import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startPrivateRedis } from '../src/redis/private-redis.ts';
import { serverFiles } from './support/provisioned.ts';
import { readSnippets } from './support/readme.ts';
import { makeSnippetPlace } from './support/snippet-place.ts';

const FOLDER = resolve(import.meta.dirname, '../docs/guide');
const PAGES = readdirSync(FOLDER).filter((name) => name.endsWith('.md'));

describe('the guide', () => {
  // Each page has a server and a folder of its own, so that two can go on at once.
  test.concurrent.each(PAGES)(
    'runs as it stands in %s, one snippet after the other on an empty server',
    async (name) => {
      const snippets = readSnippets(readFileSync(join(FOLDER, name), 'utf8')).filter(
        ({ reason, language }) => reason === undefined && ['sh', 'js'].includes(language),
      );
      expect(snippets.length).toBeGreaterThan(0);
      const redis = await startPrivateRedis({ files: serverFiles() });
      const place = makeSnippetPlace(redis.url);
      try {
        for (const { language, code } of snippets) {
          await (language === 'sh' ? place.runShell(code) : place.runProgram(code));
        }
      } finally {
        place.remove();
        await redis.stop();
      }
    },
    180_000,
  );
});
