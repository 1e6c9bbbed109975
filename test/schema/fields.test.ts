import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  boolean,
  float,
  float32,
  integer,
  json,
  jsonObject,
  jsonType,
  snakeCase,
  snakeJson,
  text,
  timestamp,
} from '../../src/schema/fields.ts';

describe('text', () => {
  it('reads a buffer as UTF-8', () => {
    expect(text.decode(Buffer.from('Århus 🐟'))).toBe('Århus 🐟');
  });

  it('refuses to write anything but text', () => {
    expect(() => text.encode(7 as unknown as string)).toThrow('not text');
  });
});

describe('integer', () => {
  it.each([
    ['0', 0],
    ['-17', -17],
    ['+3', 3],
    [' 42 ', 42],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ])('reads %j', (wire, value) => {
    expect(integer.decode(wire)).toBe(value);
  });

  it.each(['', '1.5', '0x10', '1e3', 'NaN', '٣', '9007199254740993'])('refuses %j', (wire) => {
    expect(() => integer.decode(wire)).toThrow('is not a whole number');
  });

  it.each([1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])('refuses to write %d', (value) => {
    expect(() => integer.encode(value)).toThrow('is not a whole number');
  });
});

describe('float', () => {
  it.each([
    ['0.95', 0.95],
    ['1.0', 1],
    ['.5', 0.5],
    ['5.', 5],
    ['-1e-05', -0.00001],
    ['12', 12],
  ])('reads %j', (wire, value) => {
    expect(float.decode(wire)).toBe(value);
  });

  it.each(['', ' ', 'nan', 'inf', 'Infinity', '0x1', '1,5', '1e999', '.'])('refuses %j', (wire) => {
    expect(() => float.decode(wire)).toThrow('is not a number');
  });

  it('writes every finite number so that the same number is read again', () => {
    for (const value of [0.1 + 0.2, 1e21, 5e-324, Number.MAX_VALUE, -29.35]) {
      expect(float.decode(float.encode(value))).toBe(value);
    }
  });
});

describe('boolean', () => {
  it.each([
    ['true', true],
    ['True', true],
    ['1', true],
    ['false', false],
    ['False', false],
    ['0', false],
  ])('reads %j', (wire, value) => {
    expect(boolean.decode(wire)).toBe(value);
  });

  it.each(['', 'yes', 'None', '2'])('refuses %j', (wire) => {
    expect(() => boolean.decode(wire)).toThrow('is not true or false');
  });
});

describe('timestamp', () => {
  it.each([
    ['2025-01-15T10:30:00Z', '2025-01-15T10:30:00.000Z'],
    ['2025-01-15T10:30:00z', '2025-01-15T10:30:00.000Z'],
    ['2025-01-15T10:30:00.123456+00:00', '2025-01-15T10:30:00.123Z'],
    ['2025-01-15T10:30:00.999999', '2025-01-15T10:30:00.999Z'],
    ['2025-01-15T12:30:00+02:00', '2025-01-15T10:30:00.000Z'],
    ['2025-01-15T05:30:00-0500', '2025-01-15T10:30:00.000Z'],
    ['2025-01-15 10:30:00', '2025-01-15T10:30:00.000Z'],
    ['2025-01-15 10:30:00.5 +00:00', '2025-01-15T10:30:00.500Z'],
    ['2025-01-15T10:30', '2025-01-15T10:30:00.000Z'],
    ['2025-01-15', '2025-01-15T00:00:00.000Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
  ])('reads %j', (wire, value) => {
    expect(timestamp.decode(wire).toISOString()).toBe(value);
  });

  it.each([
    '',
    'yesterday',
    '1736937000',
    '15.01.2025',
    '2025-13-01',
    '2025-02-30T10:00:00Z',
    '2025-01-15T25:00:00Z',
  ])('refuses %j', (wire) => {
    expect(() => timestamp.decode(wire)).toThrow('is not an ISO 8601 timestamp');
  });

  it('does not depend on the time zone of this machine', () => {
    const before = process.env.TZ;
    try {
      process.env.TZ = 'America/St_Johns';
      expect(timestamp.decode('2025-01-15T10:30:00').toISOString()).toBe('2025-01-15T10:30:00.000Z');
    } finally {
      if (before === undefined) delete process.env.TZ;
      else process.env.TZ = before;
    }
  });

  it('writes UTC, without a fraction where there is none', () => {
    expect(timestamp.encode(new Date('2025-01-15T12:30:00+02:00'))).toBe('2025-01-15T10:30:00Z');
    expect(timestamp.encode(new Date('2025-01-15T10:30:00.25Z'))).toBe('2025-01-15T10:30:00.250Z');
  });

  it('refuses to write a date that is none', () => {
    expect(() => timestamp.encode(new Date('never'))).toThrow('not a valid date');
  });
});

describe('json', () => {
  const names = json(z.array(z.string()));

  it('reads what Python’s json.dumps writes', () => {
    expect(names.decode('["date", "\\u6f6e"]')).toEqual(['date', '潮']);
  });

  it('refuses text that is no JSON, showing no more than its beginning', () => {
    expect(() => names.decode(`{${'x'.repeat(100)}`)).toThrow(`"{${'x'.repeat(39)}…" is not JSON`);
  });

  it('refuses JSON of another shape, both ways', () => {
    expect(() => names.decode('[1]')).toThrow();
    expect(() => names.encode([1] as unknown as string[])).toThrow();
  });
});

describe('a JSON object', () => {
  it('keeps its own keys as they are', () => {
    expect(jsonObject.encode(jsonObject.decode('{"chunkIndex":1,"chunk_index":2}'))).toBe(
      '{"chunkIndex":1,"chunk_index":2}',
    );
  });

  it.each(['[]', 'null', '"x"', '3'])('refuses %j', (wire) => {
    expect(() => jsonObject.decode(wire)).toThrow('not a JSON object');
  });
});

describe('a JSON object with renamed keys', () => {
  const entry = snakeJson({ taskId: z.string(), payload: z.json(), stackTrace: z.string().optional() });

  it('is snake_case in Redis and camelCase here, and only at its first level', () => {
    const wire = '{"task_id":"t1","payload":{"userId":1,"user_name":"x"}}';

    expect(entry.decode(wire)).toEqual({ taskId: 't1', payload: { userId: 1, user_name: 'x' } });
    expect(entry.encode(entry.decode(wire))).toBe(wire);
  });

  it('reads null as absent where the value is optional, and as null where it is not', () => {
    expect(entry.decode('{"task_id":"t1","payload":null,"stack_trace":null}')).toEqual({
      taskId: 't1',
      payload: null,
    });
  });

  it('refuses what is not an object', () => {
    expect(() => entry.decode('["t1"]')).toThrow('not a JSON object');
  });
});

describe('a float32 vector', () => {
  it('survives byte for byte, also from a slice that is not aligned', () => {
    const vector = new Float32Array([1, -2.5, 0.1, Number.MIN_VALUE, -0]);
    const pool = Buffer.concat([Buffer.from([9]), float32.encode(vector) as Buffer]);

    expect(float32.decode(pool.subarray(1))).toEqual(vector);
  });

  it('is little-endian', () => {
    expect(float32.encode(new Float32Array([1]))).toEqual(Buffer.from([0x00, 0x00, 0x80, 0x3f]));
  });

  it('is written as seen through a view, without its neighbours', () => {
    const whole = new Float32Array([1, 2, 3]);

    expect(float32.decode(float32.encode(whole.subarray(1, 2)))).toEqual(new Float32Array([2]));
  });

  it('keeps no hold of the bytes it was read from', () => {
    const bytes = Buffer.from([0x00, 0x00, 0x80, 0x3f]);
    const vector = float32.decode(bytes);
    bytes.fill(0);

    expect(vector[0]).toBe(1);
  });

  it('refuses text and half numbers', () => {
    expect(() => float32.decode('....')).toThrow('read as text');
    expect(() => float32.decode(Buffer.alloc(7))).toThrow('7 bytes are not a whole number of float32 values');
  });
});

describe('an optional field', () => {
  it('encodes like the field it is made of', () => {
    expect(integer.optional().encode(3)).toBe('3');
    expect(integer.optional().isOptional).toBe(true);
  });
});

describe('snakeCase', () => {
  it.each([
    ['chunkCount', 'chunk_count'],
    ['kbQueries', 'kb_queries'],
    ['tokensIn', 'tokens_in'],
    ['text', 'text'],
  ])('turns %s into %s', (name, wireName) => {
    expect(snakeCase(name)).toBe(wireName);
  });
});

describe('a member of any JSON value', () => {
  const task = snakeJson({ payload: jsonType });
  const values: unknown[] = [null, '', 0, false, [], {}, [1, { a: [null, { b: 'c' }] }], Object.create(null)];

  it.each(values.map((value) => [JSON.stringify(value), value]))(
    'takes %s and gives it back',
    (json, value) => {
      const wire = task.encode({ payload: value } as never);
      expect(wire).toBe(`{"payload":${json}}`);
      expect(task.decode(wire)).toEqual({ payload: value });
    },
  );

  it.each([
    [undefined],
    [Number.NaN],
    [Number.POSITIVE_INFINITY],
    [1n],
    [() => 1],
    [new Date(0)],
    [new Map()],
    [{ a: undefined }],
    [[{ a: [Number.NaN] }]],
  ])('refuses %o, as JSON cannot hold it', (value) => {
    expect(() => task.encode({ payload: value } as never)).toThrow(/not a JSON value/);
  });

  it('may not be absent', () => {
    expect(task.keys).toEqual(['payload']);
    expect(() => task.decode('{}')).toThrow(/payload/);
  });
});
