import { describe, expect, it } from 'vitest';
import { StackloreError } from '../../src/errors.ts';
import { displayLocation, parseRedisUrl } from '../../src/redis/redis-url.ts';

const localhost = { host: 'localhost', port: 6379 };

describe('parseRedisUrl', () => {
  it('reads host, port and number of a server', () => {
    const address = { host: 'redis.example', port: 6380 };
    expect(parseRedisUrl('redis://redis.example:6380/3')).toEqual({
      kind: 'server',
      address,
      tls: false,
      number: 3,
    });
  });

  it('takes localhost and the usual port where the URL names none', () => {
    expect(parseRedisUrl('redis://')).toEqual({ kind: 'server', address: localhost, tls: false });
    expect(parseRedisUrl('redis://localhost/')).toEqual({ kind: 'server', address: localhost, tls: false });
  });

  it('reads TLS from the scheme', () => {
    expect(parseRedisUrl('rediss://localhost')).toMatchObject({ kind: 'server', tls: true });
    expect(parseRedisUrl('rediss+sentinel://localhost/lore')).toMatchObject({ kind: 'sentinel', tls: true });
    expect(parseRedisUrl('rediss+cluster://localhost')).toMatchObject({ kind: 'cluster', tls: true });
  });

  it('reads one address in front of several shards', () => {
    const location = parseRedisUrl('rediss+sharded://:pw@redis.example:12000');
    expect(location).toMatchObject({ kind: 'sharded', tls: true, address: { port: 12_000 } });
    expect(displayLocation(location, 0)).toBe('rediss+sharded://redis.example:12000');
    expect(() => parseRedisUrl('redis+sharded://one,two')).toThrow(/several hosts/);
  });

  it('decodes user name and password', () => {
    const location = parseRedisUrl('redis://al%40ice:p%3Aw%2F1@localhost');
    expect(location).toMatchObject({ username: 'al@ice', password: 'p:w/1', address: localhost });
  });

  it('reads a password without user name, and one with an @ in it', () => {
    expect(parseRedisUrl('redis://:secret@localhost')).toEqual({
      kind: 'server',
      address: localhost,
      tls: false,
      password: 'secret',
    });
    expect(parseRedisUrl('redis://:a@b@localhost')).toMatchObject({ password: 'a@b', address: localhost });
  });

  it('reads an IPv6 host', () => {
    expect(parseRedisUrl('redis://[::1]:7000')).toMatchObject({ address: { host: '::1', port: 7000 } });
  });

  it('reads the number from ?db=', () => {
    expect(parseRedisUrl('redis://localhost?db=4')).toMatchObject({ number: 4 });
  });

  it.each([
    ['unix:/run/redis.sock', { kind: 'socket', path: '/run/redis.sock' }],
    ['unix:///run/redis.sock', { kind: 'socket', path: '/run/redis.sock' }],
    ['unix:///run/my%20redis.sock?db=2', { kind: 'socket', path: '/run/my redis.sock', number: 2 }],
    ['unix://ann:pw@/run/r.sock', { kind: 'socket', path: '/run/r.sock', username: 'ann', password: 'pw' }],
  ])('reads the socket of %s', (url, location) => {
    expect(parseRedisUrl(url)).toEqual(location);
  });

  it('reads sentinels, master and number', () => {
    expect(parseRedisUrl('redis+sentinel://ann:pw@one:5000,two/lore/1')).toEqual({
      kind: 'sentinel',
      sentinels: [
        { host: 'one', port: 5000 },
        { host: 'two', port: 26379 },
      ],
      master: 'lore',
      tls: false,
      username: 'ann',
      password: 'pw',
      number: 1,
    });
  });

  it('reads the nodes of a cluster', () => {
    expect(parseRedisUrl('redis+cluster://one:7000,two:7001')).toEqual({
      kind: 'cluster',
      nodes: [
        { host: 'one', port: 7000 },
        { host: 'two', port: 7001 },
      ],
      tls: false,
    });
  });

  it.each([
    'http://localhost',
    'redis://one,two',
    'redis://localhost/lore',
    'redis://localhost/0/1',
    'redis://localhost:99999',
    'redis://localhost:port',
    'redis://ho st',
    'redis+sentinel://localhost',
    'redis+sentinel://localhost/lore/x',
    'redis+cluster://one,,two',
    'unix:relative.sock',
    'unix:',
    'redis://:%zz@localhost',
  ])('refuses %s, naming the setting and the forms that work', (url) => {
    const read = () => parseRedisUrl(url, 'STACKLORE_MAIN_URL');
    expect(read).toThrow(StackloreError);
    expect(read).toThrow(/^STACKLORE_MAIN_URL .*redis:\/\/\[user:password@\]host/);
  });

  it('never quotes a password in its errors', () => {
    expect(() => parseRedisUrl('redis://ann:secret@host:port')).not.toThrow(/secret/);
    expect(() => parseRedisUrl('redis://ann:secret%zz@host')).not.toThrow(/secret/);
  });
});

describe('displayLocation', () => {
  it.each([
    ['redis://ann:secret@host:1/5', 'redis://host:1/2'],
    ['rediss://[::1]', 'rediss://[::1]:6379/2'],
    ['unix:///run/r.sock', 'unix:/run/r.sock?db=2'],
    ['redis+sentinel://:secret@one,two/lore', 'redis+sentinel://one:26379,two:26379/lore/2'],
    ['redis+cluster://:secret@one,two', 'redis+cluster://one:6379,two:6379'],
  ])('shows %s without credentials', (url, shown) => {
    expect(displayLocation(parseRedisUrl(url), 2)).toBe(shown);
  });
});
