import { describe, expect, it } from 'vitest';
import { connectFailed, connectionLost, replyError } from '../../src/redis/reply-error.ts';

const context = {
  name: 'knowledge',
  place: 'redis://host:6379/0',
  setting: 'STACKLORE_KNOWLEDGE_URL',
} as const;

describe('replyError', () => {
  it.each([
    ["OOM command not allowed when used memory > 'maxmemory'.", 'database_full', /maxmemory/],
    ["READONLY You can't write against a read only replica.", 'database_readonly', /STACKLORE_KNOWLEDGE_URL/],
    ['MISCONF Errors writing to the AOF file: No space left on device', 'database_readonly', /disk space/],
    ['NOREPLICAS Not enough good replicas to write.', 'database_readonly', /replicas/],
    ['NOAUTH Authentication required.', 'database_auth', /databases\.knowledge\.password/],
    [
      'WRONGPASS invalid username-password pair or user is disabled.',
      'database_auth',
      /STACKLORE_KNOWLEDGE_URL/,
    ],
    ["NOPERM User ann has no permissions to run the 'hset' command", 'database_auth', /ACL SETUSER/],
    [
      'NOPERM No permissions to access a key',
      'database_auth',
      /ACL SETUSER <user> ~<its keys>.*stacklore acl rules/,
    ],
    [
      "ERR ACL failure in script: User ann has no permissions to run the 'del' command script: 0a1b, on @user_script:1.",
      'database_auth',
      /'del' command\)\. Grant it with ACL SETUSER ann \+del,/,
    ],
    ['DENIED Redis is running in protected mode because', 'database_auth', /its own machine only/],
    [
      'ERR AUTH <password> called without any password configured for the default user.',
      'database_auth',
      /Remove it/,
    ],
    ['Timeout limit was reached', 'query_timeout', /STACKLORE_SEARCH_TIMEOUT_MS/],
    ['BUSY Redis is busy running a script.', 'busy', /SCRIPT KILL/],
    ['LOADING Redis is loading the dataset in memory', 'busy', /loading/],
    ['CLUSTERDOWN The cluster is down', 'database_unreachable', /The cluster is down/],
    ["CROSSSLOT Keys in request don't hash to the same slot", 'database_error', /hash tag/],
    ['ERR DB index is out of range', 'invalid_config', /databases\.knowledge\.number/],
    ['ERR wrong number of arguments', 'database_error', /refused HSET: ERR wrong number of arguments\./],
  ])('gives %s a code and a way out', (reply, code, advice) => {
    const cause = new Error(reply);
    const error = replyError(cause, 'HSET', context);
    expect(error).toMatchObject({ code, cause });
    expect(error.message).toMatch(advice);
    expect(error.message).toContain('knowledge database (redis://host:6379/0)');
  });

  it('names the patterns of the keys that were denied, never a key', () => {
    const denied = new Error('NOPERM No permissions to access a key');
    const message = (...sent: string[][]) => replyError(denied, 'X', { ...context, sent }).message;
    expect(message(['HSET', 'doc:ann:metadata', 'title', 'x'])).toContain('SETUSER <user> ~doc:*:metadata,');
    expect(
      message(['EVAL', 'return 1', '2', 'fact:ann', 'stacklore:index:docs:1', 'stacklore:collections']),
    ).toContain('~fact:* ~stacklore:index:*,');
    expect(message(['EVALSHA_RO', 'sha', '2', 'fact:ann', 'stacklore:collections'])).toContain(
      '~fact:* ~stacklore:collections,',
    );
    expect(message(['HSET', 'fact:a', 'x', 'y'], ['UNLINK', 'fact:b'])).toContain('SETUSER <user> ~fact:*,');
    expect(message(['GET', 'other:ann'])).toContain('~<its keys>');
    expect(message(['GET', 'other:ann'])).not.toContain('ann');
  });

  it('names the file that a refused password was read from', () => {
    const refused = new Error('WRONGPASS invalid username-password pair or user is disabled.');
    const { message } = replyError(refused, 'AUTH', { ...context, passwordFile: '/run/secrets/redis' });
    expect(message).toContain('password (read from /run/secrets/redis).');
  });

  it('does not repeat the arguments of a command the server does not know', () => {
    const reply = "ERR unknown command 'FT.SEARCH', with args beginning with: 'idx' 'private text' ";
    expect(replyError(new Error(reply), 'FT.SEARCH', context).message).not.toContain('private text');
  });

  it('cuts a long reply short', () => {
    expect(replyError(new Error(`ERR ${'x'.repeat(10_000)}`), 'HSET', context).message.length).toBeLessThan(
      600,
    );
  });
});

describe('connectionLost', () => {
  it('says that the command may have been carried out', () => {
    const error = connectionLost(new Error('Socket closed unexpectedly'), 'HSET', context);
    expect(error.code).toBe('database_unreachable');
    expect(error.message).toMatch(/HSET.*may or may not have been carried out/);
  });
});

describe('connectFailed', () => {
  it.each([
    ['connect ECONNREFUSED 127.0.0.1:6379', 'redis', /Start that server, or correct STACKLORE_KNOWLEDGE_URL/],
    ['self-signed certificate', 'rediss', /STACKLORE_TLS_CA_FILE/],
    ['write EPROTO: wrong version number', 'rediss', /redis:\/\/ instead of rediss:\/\//],
    ['connect EACCES /run/redis.sock', 'unix', /right to open the socket/],
    ['Socket closed unexpectedly', 'redis', /rediss:\/\//],
    [
      'All the root nodes are unavailable',
      'redis+cluster',
      /a server that is no cluster is named with redis:/,
    ],
  ])('advises on %s', (reason, scheme, advice) => {
    const error = connectFailed(new Error(reason), 8, { ...context, place: `${scheme}://host:6379/0` });
    expect(error.code).toBe('database_unreachable');
    expect(error.message).toMatch(
      /^The knowledge database \(.*host:6379\/0\) cannot be reached after 8 attempts/,
    );
    expect(error.message).toMatch(advice);
  });

  it('names stacklore up for the embedded server', () => {
    const error = connectFailed(new Error('connect ENOENT'), 1, { ...context, setting: undefined });
    expect(error.message).toMatch(/stacklore up/);
  });
});
