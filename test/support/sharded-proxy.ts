import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll } from 'vitest';
import { firstKey } from '../../src/redis/command.ts';
import type { PrivateRedis } from '../../src/redis/private-redis.ts';
import { slotText } from '../../src/schema/key.ts';
import { usePrivateRedis } from './redis.ts';

/** One address in front of several shards, as managed services have it: here of one server, which only knows database 0. */
export interface ShardedProxy {
  readonly port: number;
  close(): Promise<void>;
}

const REFUSAL = "-CROSSSLOT Keys in request don't hash to the same slot";

/**
 * Starts a proxy to a server that refuses what such services refuse: transactions, scripts and moves over keys of several slots, and
 * all that is about nodes. Reads and deletions of several keys are taken, as those services ask all shards.
 */
export async function startShardedProxy(socketPath: () => string): Promise<ShardedProxy> {
  const clients = new Set<Socket>();
  const proxy = createServer((client) => {
    clients.add(client);
    const server = createConnection(socketPath());
    client.on('error', () => server.destroy()).on('close', () => server.destroy());
    server.on('error', () => client.destroy()).on('close', () => client.destroy());
    server.pipe(client);
    const read = commandReader();
    let queued: Buffer[][] | undefined;
    client.on('data', (bytes: Buffer) => {
      for (const command of read(bytes)) {
        const name = nameOf(command);
        if (name === 'MULTI') queued = [command];
        else if (queued) queued.push(command);
        else server.write(encode(isRefused(command) ? refusal() : command));
        if (!queued || (name !== 'EXEC' && name !== 'DISCARD')) continue;
        for (const one of transaction(queued)) server.write(encode(one));
        queued = undefined;
      }
    });
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return {
    port: (proxy.address() as AddressInfo).port, // a TCP server's address is no path
    close: () => {
      for (const client of clients) client.destroy();
      return new Promise((resolve) => proxy.close(() => resolve()));
    },
  };
}

/** A private server of the calling test file, reached through such a proxy. */
export function useShardedRedis(): PrivateRedis {
  const redis = usePrivateRedis();
  let proxy: ShardedProxy | undefined;
  beforeAll(async () => {
    proxy = await startShardedProxy(() => redis.socketPath);
  });
  afterAll(() => proxy?.close());
  const url = () => `redis+sharded://127.0.0.1:${proxy?.port}`;
  return Object.create(redis, {
    url: { get: url },
    port: { get: () => proxy?.port },
    config: { value: (overrides = {}) => redis.config({ redisUrl: url(), ...overrides }) },
  });
}

/** What the server is sent in place of a transaction over several slots: commands that answer as it would be answered. */
function transaction(commands: readonly Buffer[][]): readonly (readonly (string | Buffer)[])[] {
  const slots = new Set(commands.flatMap(keysOf).map(slotText));
  if (slots.size < 2 || nameOf(commands.at(-1) ?? []) === 'DISCARD') return commands;
  const answers = commands.slice(1, -1).map(() => answer("{ok='QUEUED'}"));
  return [answer("{ok='OK'}"), ...answers, refusal()];
}

const SCATTERED = new Set(['DEL', 'EXISTS', 'MGET', 'TOUCH', 'UNLINK']);
const OF_TWO_KEYS = new Set(['BLMOVE', 'COPY', 'LMOVE', 'RENAME']);
const ABOUT_NODES = new Set(['ASKING', 'CLUSTER', 'WAIT']);

function isRefused(command: readonly Buffer[]): boolean {
  const name = nameOf(command);
  if (ABOUT_NODES.has(name) || (name === 'SELECT' && String(command[1]) !== '0')) return true;
  return !SCATTERED.has(name) && new Set(keysOf(command).map(slotText)).size > 1;
}

function keysOf(command: readonly Buffer[]): string[] {
  const name = nameOf(command);
  if (name === 'EVAL' || name === 'EVALSHA') return command.slice(3, 3 + Number(command[2])).map(String);
  if (SCATTERED.has(name)) return command.slice(1).map(String);
  if (OF_TWO_KEYS.has(name)) return command.slice(1, 3).map(String);
  const isKeyless = name.startsWith('FT.') || ['MULTI', 'EXEC', 'DISCARD'].includes(name);
  const key = isKeyless ? undefined : firstKey(command);
  return key === undefined ? [] : [String(key)];
}

function nameOf(command: readonly Buffer[]): string {
  return String(command[0]).toUpperCase();
}

function refusal(): string[] {
  return answer(`redis.error_reply("${REFUSAL}")`);
}

function answer(lua: string): string[] {
  return ['EVAL', `return ${lua}`, '0'];
}

function encode(command: readonly (string | Buffer)[]): Buffer {
  const parts = command.flatMap((word) => {
    const bytes = Buffer.from(word as string); // bytes as they are
    return [Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n')];
  });
  return Buffer.concat([Buffer.from(`*${command.length}\r\n`), ...parts]);
}

/** Gives the commands that are whole with the bytes that came, and keeps the rest for the next. */
function commandReader(): (bytes: Buffer) => Buffer[][] {
  let rest = Buffer.alloc(0);
  return (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    const commands: Buffer[][] = [];
    let at = 0;
    const line = (from: number): [text: string, end: number] | undefined => {
      const end = rest.indexOf('\r\n', from);
      return end < 0 ? undefined : [rest.toString('latin1', from + 1, end), end + 2];
    };
    for (;;) {
      const head = line(at);
      if (!head) break;
      let next = head[1];
      const command: Buffer[] = [];
      while (command.length < Number(head[0])) {
        const length = line(next);
        const end = length && length[1] + Number(length[0]) + 2;
        if (!length || end === undefined || end > rest.length) break;
        command.push(rest.subarray(length[1], end - 2));
        next = end;
      }
      if (command.length < Number(head[0])) break;
      commands.push(command);
      at = next;
    }
    rest = rest.subarray(at);
    return commands;
  };
}
