import { describe, expect, it } from 'vitest';
import { type KeyTemplate, keyTemplate, slotText } from '../../src/schema/key.ts';
import type { AnyRecord } from '../../src/schema/record.ts';
import { RECORDS } from '../../src/schema/records.ts';

const session = keyTemplate('session:{sessionId}');
const userPrompt = keyTemplate('prompt:user:{userId}:{promptName}');
const documentKey = keyTemplate('doc:{docId}:metadata');
const chunk = keyTemplate('llama_index/vector_store/{collection}/{chunkId}');

describe('a key template', () => {
  it('puts ids into their places', () => {
    expect(userPrompt.build({ userId: 'user_001', promptName: 'standup' })).toBe(
      'prompt:user:user_001:standup',
    );
  });

  it('gives the pattern that SCAN takes', () => {
    expect(session.pattern).toBe('session:*');
    expect(documentKey.pattern).toBe('doc:*:metadata');
    expect(chunk.pattern).toBe('llama_index/vector_store/*/*');
  });

  it('takes glob characters of its own text literally in the pattern', () => {
    expect(keyTemplate('a[1]*:{id}').pattern).toBe('a\\[1\\]\\*:*');
  });

  it('gives the patterns of keys with some ids, escaped and raw', () => {
    expect(userPrompt.patternsOf({ userId: 'user_001' })).toEqual(['prompt:user:user_001:*']);
    expect(userPrompt.patternsOf({ userId: 'a*:[b]' })).toEqual([
      'prompt:user:a%2A%3A%5Bb%5D:*',
      'prompt:user:a\\*:\\[b\\]:*',
    ]);
    expect(userPrompt.patternsOf({ promptName: 'x' })).toEqual(['prompt:user:*:x']);
    expect(() => userPrompt.patternsOf({ userId: '' })).toThrow('The userId is empty');
  });

  it('has a key and a pattern without any id', () => {
    const index = keyTemplate('index:documents');

    expect(index.build({})).toBe('index:documents');
    expect(index.pattern).toBe('index:documents');
    expect(index.parse('index:documents')).toEqual({});
  });

  it('reads no ids out of another template’s key', () => {
    expect(session.parse('sessions:abc')).toBeUndefined();
    expect(session.parse('xsession:abc')).toBeUndefined();
    expect(session.parse('session:')).toBeUndefined();
    expect(documentKey.parse('doc:abc:metadata:more')).toBeUndefined();
  });
});

describe('keys to look at', () => {
  it('are one where escaping changes nothing, else the raw one first', () => {
    expect(documentKey.candidates({ docId: 'readme' })).toEqual(['doc:readme:metadata']);
    expect(documentKey.candidates({ docId: 'file:readme' })).toEqual([
      'doc:file:readme:metadata',
      'doc:file%3Areadme:metadata',
    ]);
  });

  it('leave out a raw key that another id has for its own', () => {
    expect(documentKey.candidates({ docId: 'a%3Ab' })).toEqual(['doc:a%253Ab:metadata']);
  });
});

describe('escaping', () => {
  it('escapes ":" only where something follows the id', () => {
    expect(session.build({ sessionId: 'web:42' })).toBe('session:web:42');
    expect(documentKey.build({ docId: 'web:42' })).toBe('doc:web%3A42:metadata');
    expect(userPrompt.build({ userId: 'a:b', promptName: 'c:d' })).toBe('prompt:user:a%3Ab:c:d');
  });

  it('escapes "/" in a collection, so that no collection is the prefix of another', () => {
    expect(chunk.build({ collection: 'a/b', chunkId: 'x/y_chunk_0' })).toBe(
      'llama_index/vector_store/a%2Fb/x/y_chunk_0',
    );
  });

  it('escapes what a pattern would read as a glob, and its own sign', () => {
    expect(session.build({ sessionId: 'a*b?c[d]e\\f%g' })).toBe('session:a%2Ab%3Fc%5Bd%5De%5Cf%25g');
  });

  it('leaves letters of every script, spaces and emoji alone', () => {
    expect(session.build({ sessionId: 'Zoë 潮 🐟' })).toBe('session:Zoë 潮 🐟');
  });

  it('is undone by parse', () => {
    const ids = { userId: 'a:b%3A*', promptName: 'c:d[1]' };

    expect(userPrompt.parse(userPrompt.build(ids))).toEqual(ids);
  });

  it('does not double an id that looks escaped already', () => {
    expect(session.parse(session.build({ sessionId: '%3A' }))).toEqual({ sessionId: '%3A' });
  });
});

describe('keys of writers that do not escape', () => {
  it('are built raw', () => {
    expect(documentKey.buildRaw({ docId: 'https://example.org/a' })).toBe(
      'doc:https://example.org/a:metadata',
    );
  });

  it('are read where a single id cannot be mistaken', () => {
    expect(documentKey.parse('doc:https://example.org/a:metadata')).toEqual({
      docId: 'https://example.org/a',
    });
  });

  it('with several ids end the first one at the separator', () => {
    expect(userPrompt.parse('prompt:user:tenant:7:standup')).toEqual({
      userId: 'tenant',
      promptName: '7:standup',
    });
  });
});

describe('an id', () => {
  it.each([
    ['is empty', ''],
    ['holds a control character', 'a\nb'],
    ['holds a control character', 'a\u0000b'],
    ['holds a control character', 'a\u009fb'],
    ['holds half of a surrogate pair', 'a\ud83d'],
    ['is longer than 512 bytes', 'x'.repeat(513)],
    ['is longer than 512 bytes', 'é'.repeat(257)],
  ])('is refused when it %s', (problem, sessionId) => {
    const message = `The sessionId ${problem}. Give another one.`;

    expect(() => session.build({ sessionId })).toThrow(
      expect.objectContaining({ code: 'invalid_input', message }),
    );
    expect(() => session.buildRaw({ sessionId })).toThrow(message);
  });

  it('is refused when it is missing, although the type forbids it', () => {
    const untyped: Record<string, string> = {};

    expect(() => session.build(untyped as { sessionId: string })).toThrow('The sessionId is empty');
  });

  it.each([null, 5, {}, ['a']])('is refused when it is %j, although the type forbids it', (sessionId) => {
    const untyped = { sessionId } as unknown as { sessionId: string };

    expect(() => session.build(untyped)).toThrow(
      expect.objectContaining({
        code: 'invalid_input',
        message: 'The sessionId is not text. Give another one.',
      }),
    );
    expect(() => session.candidates(untyped)).toThrow('The sessionId is not text');
  });

  it('may be as long as 512 bytes', () => {
    expect(session.build({ sessionId: 'x'.repeat(512) })).toHaveLength('session:'.length + 512);
  });
});

describe('whatever the ids are', () => {
  const templates: readonly KeyTemplate[] = Object.values(RECORDS).map((record) => {
    return keyTemplate<string>(record.key.template);
  });

  it('parse gives back what build was given, and two different lists of ids never share a key', () => {
    const random = seededRandom(20_250_115);
    for (const template of templates) {
      const names = [...template.template.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '');
      const idsOfKey = new Map<string, string>();
      const wrong: string[] = [];
      for (let round = 0; round < 2_000; round += 1) {
        const ids = Object.fromEntries(names.map((name) => [name, hostileId(random)]));
        const key = template.build(ids);
        const written = JSON.stringify(ids);
        if (JSON.stringify(template.parse(key)) !== written) wrong.push(`${key} is not read as ${written}`);
        const earlier = idsOfKey.get(key) ?? written;
        if (earlier !== written) wrong.push(`${key} is the key of ${earlier} and of ${written}`);
        idsOfKey.set(key, written);
      }
      expect(wrong).toEqual([]);
    }
  });

  it('a key belongs to no template but its own', () => {
    const random = seededRandom(7);
    for (const template of templates) {
      const names = [...template.template.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '');
      for (let round = 0; round < 200; round += 1) {
        const key = template.build(Object.fromEntries(names.map((name) => [name, hostileId(random)])));
        const owners = templates.filter((other) => other.parse(key) !== undefined);
        expect(owners.map((owner) => owner.template)).toEqual([template.template]);
      }
    }
  });

  it('an id never adds a glob to a key, so SCAN with a built key finds that key alone', () => {
    const random = seededRandom(99);
    for (let round = 0; round < 2_000; round += 1) {
      expect(session.build({ sessionId: hostileId(random) })).not.toMatch(/[*?[\]\\]/);
    }
  });
});

describe('a helper key on a cluster', () => {
  const leases = keyTemplate(
    'stacklore:queue:{queueName}:leases',
    'stacklore:queue:{queue:{queueName}}:leases',
  );
  const onCluster = { isCluster: true };

  it('holds the key of the record it helps, and its own name elsewhere', () => {
    expect(leases.buildOn(onCluster, { queueName: 'work' })).toBe('stacklore:queue:{queue:work}:leases');
    expect(leases.buildOn({ isCluster: false }, { queueName: 'work' })).toBe('stacklore:queue:work:leases');
    expect(leases.build({ queueName: 'work' })).toBe('stacklore:queue:work:leases');
  });

  it('is read like the other one', () => {
    for (const queueName of ['work', 'a:b', 'a*b', '50%']) {
      expect(leases.parse(leases.buildOn(onCluster, { queueName }))).toEqual({ queueName });
      expect(leases.parse(leases.build({ queueName }))).toEqual({ queueName });
    }
  });

  it.each(['work', 'a:b', 'a*b', 'a{b', 'of {user}', '{x}', '50%', '潮'])(
    'lies in the slot of the record for the id %j',
    (queueName) => {
      const key = leases.buildOn(onCluster, { queueName });
      expect(slotText(key)).toBe(slotText(keyTemplate('queue:{queueName}').build({ queueName })));
    },
  );

  it.each(['a}b', '{}'])('is not made where braces prevent it: %j', (queueName) => {
    const build = () => leases.buildOn(onCluster, { queueName });
    expect(build).toThrow(/Give a name without them/);
  });

  it('is not made where it would be the helper of another record', () => {
    const history = RECORDS['prompt history'].key;
    const promptName = '{prompt:system:chat}';
    for (const isCluster of [true, false]) {
      expect(() => history.buildOn({ isCluster }, { promptName })).toThrow(/Give a name without them/);
    }
    expect(history.buildOn({ isCluster: false }, { promptName: 'of {chat}' })).toBe(
      'stacklore:prompt-history:of {chat}',
    );
  });

  it('of two ids holds both', () => {
    const lock = keyTemplate(
      'stacklore:cache-lock:{endpointHash}:{paramsHash}',
      'stacklore:cache-lock:{cache:api:{endpointHash}:{paramsHash}}',
    );
    const ids = { endpointHash: 'GET /v1/*', paramsHash: 'page:2' };
    const key = lock.buildOn(onCluster, ids);
    expect(key).toBe('stacklore:cache-lock:{cache:api:GET /v1/%2A:page:2}');
    expect(lock.parse(key)).toEqual(ids);
    expect(lock.patternsOf({ endpointHash: 'e' }, onCluster)).toEqual([
      'stacklore:cache-lock:{cache:api:e:*}',
      'stacklore:cache-lock:e:*',
    ]);
    expect(lock.patternsOf({ endpointHash: 'e' })).toEqual(['stacklore:cache-lock:e:*']);
  });

  it.each(
    Object.entries(RECORDS).flatMap(([name, record]) => (record.clusterKey ? [[name, record] as const] : [])),
  )('of %s matches the pattern that SCAN takes, and names the same ids', (_, record: AnyRecord) => {
    const names = [...record.key.template.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '');
    const inCluster = [...(record.clusterKey ?? '').matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '');
    expect(inCluster).toEqual(names);
    const key = record.key.buildOn(onCluster, Object.fromEntries(names.map((name) => [name, 'x'])));
    const glob = record.key.pattern.split('*').map((text) => text.replace(/[{}]/g, '\\$&'));
    expect(key).toMatch(new RegExp(`^${glob.join('.*')}$`));
  });
});

/** Short ids from few characters, so that collisions would be met soon if they were possible. */
function hostileId(random: () => number): string {
  const alphabet = [
    'a',
    ':',
    '/',
    '%',
    '%3A',
    '%25',
    '*',
    '?',
    '[',
    ']',
    '\\',
    '_chunk_1',
    'metadata',
    '潮',
    '🐟',
  ];
  const length = 1 + Math.floor(random() * 4);
  return Array.from({ length }, () => alphabet[Math.floor(random() * alphabet.length)] ?? 'a').join('');
}

/** A small linear congruential generator: the same numbers in every run. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
