import { connect } from 'node:net';

/**
 * @typedef {string | number | null | Error | unknown[]} ControlReply
 *   Bulk and simple replies as text; items of arrays are such replies again, errors among them as `Error`.
 */

/**
 * @typedef {object} ControlConnection
 * @property {(command: readonly string[], options?: { timeoutMs?: number }) => Promise<ControlReply>} send
 *   One command; rejects with the server's own error text, or when the connection ends or the deadline passes (`code`
 *   `SILENT`).
 * @property {Promise<void>} closed Resolves once the connection has ended, whoever ended it.
 * @property {() => void} unref Lets the process end while the connection is open.
 * @property {() => void} close
 */

/**
 * A connection for looking after a server: no reconnects, no dependencies, so that the watcher processes, which run
 * as plain files, share it. Rejects with the system's error (`ENOENT`, `ECONNREFUSED`) when nobody listens.
 *
 * @param {string} socketPath
 * @returns {Promise<ControlConnection>}
 */
export async function openControl(socketPath) {
  const socket = connect({ path: socketPath });
  await new Promise((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });

  /** @type {{ resolve: (reply: ControlReply) => void, reject: (error: Error) => void }[]} */
  const waiting = [];
  let received = Buffer.alloc(0);
  let problem = new Error('the server closed the connection');

  socket.on('data', (bytes) => {
    received = received.length === 0 ? bytes : Buffer.concat([received, bytes]);
    let offset = 0;
    for (let parsed = parseReply(received, offset); parsed; parsed = parseReply(received, offset)) {
      offset = parsed.end;
      const command = waiting.shift();
      if (parsed.reply instanceof Error) command?.reject(parsed.reply);
      else command?.resolve(parsed.reply);
    }
    received = received.subarray(offset);
  });
  socket.on('error', (error) => {
    problem = error;
  });
  /** @type {Promise<void>} */
  const closed = new Promise((resolve) => {
    socket.once('close', () => {
      for (const command of waiting.splice(0)) command.reject(problem);
      resolve();
    });
  });

  return {
    closed,
    send: (command, { timeoutMs } = {}) =>
      new Promise((resolve, reject) => {
        if (socket.destroyed || socket.writableEnded) {
          reject(problem);
          return;
        }
        const timer =
          timeoutMs === undefined
            ? undefined
            : setTimeout(() => {
                // Replies come in order: after a missed one the connection is of no more use.
                problem = Object.assign(
                  new Error(`the server did not answer ${command[0]} within ${timeoutMs} ms`),
                  { code: 'SILENT' },
                );
                socket.destroy();
              }, timeoutMs);
        waiting.push({
          resolve: (reply) => {
            clearTimeout(timer);
            resolve(reply);
          },
          reject: (error) => {
            clearTimeout(timer);
            reject(error);
          },
        });
        socket.write(encodeCommand(command));
      }),
    unref: () => {
      socket.unref();
    },
    close: () => {
      socket.destroy();
    },
  };
}

/**
 * The fields of an INFO reply.
 *
 * @param {unknown} reply
 * @returns {Map<string, string>}
 */
export function parseInfo(reply) {
  const fields = new Map();
  for (const line of String(reply).split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0 && !line.startsWith('#')) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return fields;
}

/**
 * The clients of a CLIENT LIST reply, each with its fields.
 *
 * @param {unknown} reply
 * @returns {Map<string, string>[]}
 */
export function parseClients(reply) {
  const lines = String(reply).split('\n');
  return lines
    .filter((line) => line.startsWith('id='))
    .map((line) => new Map(line.split(' ').map((field) => splitOnce(field, '='))));
}

/**
 * @param {string} text
 * @param {string} separator
 * @returns {[string, string]}
 */
function splitOnce(text, separator) {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

/** @param {readonly string[]} command */
function encodeCommand(command) {
  const parts = command.map((part) => `$${Buffer.byteLength(part)}\r\n${part}\r\n`);
  return `*${command.length}\r\n${parts.join('')}`;
}

/**
 * One RESP 2 reply from `offset`, or nothing while it is incomplete.
 *
 * @param {Buffer} bytes
 * @param {number} offset
 * @returns {{ reply: ControlReply, end: number } | undefined}
 */
function parseReply(bytes, offset) {
  const lineEnd = bytes.indexOf('\r\n', offset);
  if (lineEnd < 0) return undefined;
  const line = bytes.toString('utf8', offset + 1, lineEnd);
  const next = lineEnd + 2;
  switch (String.fromCharCode(bytes[offset] ?? 0)) {
    case ':':
      return { reply: Number(line), end: next };
    case '-':
      return { reply: new Error(line), end: next };
    case '$':
      return parseBulk(bytes, next, Number(line));
    case '*':
      return parseArray(bytes, next, Number(line));
    default:
      return { reply: line, end: next };
  }
}

/**
 * @param {Buffer} bytes
 * @param {number} start
 * @param {number} length
 * @returns {{ reply: ControlReply, end: number } | undefined}
 */
function parseBulk(bytes, start, length) {
  if (length < 0) return { reply: null, end: start };
  const end = start + length;
  return bytes.length < end + 2 ? undefined : { reply: bytes.toString('utf8', start, end), end: end + 2 };
}

/**
 * @param {Buffer} bytes
 * @param {number} start
 * @param {number} length
 * @returns {{ reply: ControlReply, end: number } | undefined}
 */
function parseArray(bytes, start, length) {
  if (length < 0) return { reply: null, end: start };
  /** @type {ControlReply[]} */
  const items = [];
  let end = start;
  while (items.length < length) {
    const item = parseReply(bytes, end);
    if (!item) return undefined;
    items.push(item.reply);
    end = item.end;
  }
  return { reply: items, end };
}
