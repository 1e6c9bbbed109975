import { describe, expect, it } from 'vitest';
import { isLoopback, refuse } from '../../src/mcp/http-guard.ts';

const TOKEN = 'correct-horse-battery';

describe('a server for this machine', () => {
  const host = '127.0.0.1';

  it.each(['localhost', 'localhost:8731', '127.0.0.1:8731', '[::1]:8731', 'LOCALHOST'])(
    'takes requests to %s',
    (name) => {
      expect(refuse({ host: name }, { host })).toBeUndefined();
    },
  );

  it.each(['evil.example', 'localhost.evil.example', '192.168.1.5:8731', '', 'a b', undefined])(
    'refuses requests to %s, which a name of an attacker may have led here',
    (name) => {
      expect(refuse({ ...(name !== undefined && { host: name }) }, { host })?.status).toBe(403);
    },
  );

  it('takes names that are allowed', () => {
    expect(refuse({ host: 'lore.lan:80' }, { host, allowedHosts: ['lore.lan'] })).toBeUndefined();
  });

  it.each(['https://evil.example', 'null', 'http://localhost.evil.example'])(
    'refuses web pages of %s',
    (origin) => {
      expect(refuse({ host: 'localhost', origin }, { host })?.status).toBe(403);
    },
  );

  it('takes web pages of its own', () => {
    expect(refuse({ host: 'localhost', origin: 'http://localhost:8731' }, { host })).toBeUndefined();
  });
});

describe('a server for others', () => {
  const options = { host: '0.0.0.0', token: TOKEN };
  const authorization = `Bearer ${TOKEN}`;

  it('takes addresses, but no names it was not told of', () => {
    expect(refuse({ host: '192.168.1.5:8731', authorization }, options)).toBeUndefined();
    expect(refuse({ host: '[fe80::1]', authorization }, options)).toBeUndefined();
    expect(refuse({ host: 'evil.example', authorization }, options)?.status).toBe(403);
    const named = { ...options, host: 'lore.example' };
    expect(refuse({ host: 'lore.example', authorization }, named)).toBeUndefined();
  });

  it.each([
    undefined,
    '',
    TOKEN,
    'Bearer',
    'Bearer wrong',
    `Basic ${TOKEN}`,
    `Bearer ${TOKEN}x`,
    `Bearer a ${TOKEN}`,
  ])('refuses the authorization "%s"', (given) => {
    const headers = { host: '10.0.0.1', ...(given !== undefined && { authorization: given }) };
    expect(refuse(headers, options)?.status).toBe(401);
  });
});

it('knows which addresses are of this machine alone', () => {
  expect(['127.0.0.1', '127.8.8.8', 'localhost', '::1'].filter((host) => !isLoopback(host))).toEqual([]);
  expect(['0.0.0.0', '::', '192.168.0.1', '127.evil.example', ''].filter(isLoopback)).toEqual([]);
});
