import { beforeAll, describe, expect, test } from 'vitest';
import type { Stacklore } from '../../src/stacklore.ts';
import { openTestLore } from '../support/lore.ts';
import { usePrivateRedis } from '../support/redis.ts';
import { useApi } from '../support/serve.ts';

const redis = usePrivateRedis();
let lore: Stacklore;
beforeAll(() => {
  lore = openTestLore(redis);
});
const { ask } = useApi(() => lore, { requireKey: true });

/** The addresses that the page names. */
async function assetsOf(): Promise<string[]> {
  const { text } = await ask('GET', '/');
  return [...text.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)].map(([, address]) => address ?? '');
}

describe('the page', () => {
  test('is served without a key, under a policy that lets nothing foreign or inline in', async () => {
    const { status, headers, text } = await ask('GET', '/');
    expect([status, headers['content-type'], headers['cache-control']]).toEqual([
      200,
      'text/html; charset=utf-8',
      'no-cache',
    ]);
    const policy = headers['content-security-policy'] ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).not.toContain('unsafe');
    expect(text).not.toMatch(/<style|style=|<script>|onclick|https?:/);
  });

  test('names files that are there, and never change under their names', async () => {
    const addresses = await assetsOf();
    expect(addresses.length).toBeGreaterThan(5);
    for (const address of addresses) {
      const { status, headers } = await ask('GET', address);
      expect([address, status]).toEqual([address, 200]);
      expect(headers['cache-control']).toContain('immutable');
      expect(headers['content-type']).toMatch(/^(text\/(css|javascript)|image\/svg\+xml)/);
    }
  });

  test('has every module that its modules import', async () => {
    const [app = ''] = (await assetsOf()).filter((address) => address.endsWith('/app.js'));
    const folder = app.replace(/[^/]+$/, '');
    const waiting = ['app.js'];
    const seen = new Set<string>();
    for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
      if (seen.has(name)) continue;
      seen.add(name);
      const { status, text } = await ask('GET', folder + name);
      expect([name, status]).toEqual([name, 200]);
      for (const [, next = ''] of text.matchAll(/^import .*?from '\.\/([^']+)';$/gm)) waiting.push(next);
    }
    expect(seen.has('uplot.js')).toBe(true);
  });

  test('is not served what it has not got, and nothing outside its folder', async () => {
    const [address = ''] = await assetsOf();
    const folder = address.replace(/[^/]+$/, '');
    for (const name of [
      'nothing.js',
      'types.d.ts',
      '..%2fserver.ts',
      '%2e%2e%2fpackage.json',
      'index.html',
    ]) {
      expect([name, (await ask('GET', folder + name)).status]).toEqual([name, 404]);
    }
  });

  test('gets its files under an older version, too, but is not to keep them', async () => {
    const { status, headers } = await ask('GET', '/assets/older/app.js');
    expect([status, headers['cache-control']]).toEqual([200, 'no-store']);
  });

  test('is no part of the API', async () => {
    const { body } = await ask<{ paths: Record<string, unknown> }>('GET', '/openapi.json');
    expect(Object.keys(body.paths)).not.toContain('/');
    expect(Object.keys(body.paths).filter((path) => path.startsWith('/assets'))).toEqual([]);
  });
});
