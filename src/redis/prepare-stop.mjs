import { setTimeout as sleep } from 'node:timers/promises';
import { parseInfo } from './control-connection.mjs';
import { SAVE_MANIFEST } from './save-manifest.mjs';

/**
 * @typedef {object} AutoIndexKeys What `auto` collections are found by.
 * @property {string} collections The sorted set of their names.
 * @property {string} collectionPrefix Before the name: a collection's record, with the fields `created_at`, `manifest` and `index`.
 * @property {string} reindexPrefix Before the name: there while a reindex is not finished.
 */

/** Below this many chunks an index is loaded in a moment, and needs no attention at the next start. */
const MANY_CHUNKS = 2_000;
/** Replaying this much of the log takes no time that anyone notices. */
const SHORT_LOG_BYTES = 4 * 1024 * 1024;
const POLL_MS = 50;

/**
 * Makes the next start of a server short: the large indexes of `auto` collections are dropped, as a snapshot would have them built while it is
 * loaded, and what is logged becomes a snapshot. Their records then name an index that the start makes. Killed at any point, it leaves a
 * collection that a search makes an index for.
 *
 * @param {import('./control-connection.mjs').ControlConnection} connection
 * @param {AutoIndexKeys} keys
 * @param {{ timeoutMs?: number }} [options] the longest silence
 * @returns {Promise<Record<string, number>>} how many chunks each index that the start makes will hold
 */
export async function prepareStop(connection, keys, options = {}) {
  /** @param {string[]} command */
  const send = (...command) => connection.send(command, options);
  const names = await send('ZRANGE', keys.collections, '0', '-1');
  const indexes = await send('FT._LIST');
  /** @type {Record<string, number>} */
  const dropped = {};
  for (const name of listOf(names)) {
    const key = `${keys.collectionPrefix}${name}`;
    const read = listOf(await send('HMGET', key, 'created_at', 'manifest', 'index'));
    const [, manifest = '', index = ''] = read;
    const next = withFlatIndex(manifest);
    if (next === undefined || (await send('EXISTS', `${keys.reindexPrefix}${name}`)) === 1) continue;
    const chunks = await countChunks(send, index);
    if (chunks <= MANY_CHUNKS) continue;
    const family = index.slice(0, index.lastIndexOf(':') + 1);
    const own = listOf(indexes).filter((one) => one.startsWith(family));
    const last = Math.max(...own.map((one) => Number(one.slice(family.length)) || 0));
    const nextIndex = `${family}${last + 1}`;
    if ((await send('EVAL', SAVE_MANIFEST, '1', key, ...read, next, nextIndex)) !== 1) continue;
    for (const one of own) await send('FT.DROPINDEX', one);
    dropped[nextIndex] = chunks;
  }
  await shortenLog(send, Object.keys(dropped).length > 0);
  return dropped;
}

/**
 * The manifest of an `auto` collection with exact search; nothing for others.
 *
 * @param {string} manifest
 */
function withFlatIndex(manifest) {
  try {
    const parsed = JSON.parse(manifest);
    if (parsed.index?.auto !== true) return undefined;
    return JSON.stringify({ ...parsed, index: { ...parsed.index, kind: 'flat' } });
  } catch {
    return undefined;
  }
}

/**
 * @param {Send} send
 * @param {string} index
 */
async function countChunks(send, index) {
  // A lost one is made by the next search.
  const info = await send('FT.INFO', index).catch(() => null);
  const flat = Array.isArray(info) ? info : [];
  return Number(flat[flat.indexOf('num_docs') + 1] ?? 0) || 0;
}

/**
 * A log that still holds the making of a dropped index would have it made again.
 *
 * @param {Send} send
 * @param {boolean} isDropped
 */
async function shortenLog(send, isDropped) {
  const state = async () => parseInfo(await send('INFO', 'persistence'));
  const before = await state();
  const isRunning = (/** @type {Map<string, string>} */ info) =>
    info.get('aof_rewrite_in_progress') === '1' || info.get('aof_rewrite_scheduled') === '1';
  const tail = Number(before.get('aof_current_size') ?? 0) - Number(before.get('aof_base_size') ?? 0);
  if (before.get('aof_enabled') !== '1' || (!isDropped && tail < SHORT_LOG_BYTES)) return;
  // One under way may have begun before the indexes were dropped.
  while (isRunning(await state())) await sleep(POLL_MS);
  await send('BGREWRITEAOF');
  while (isRunning(await state())) await sleep(POLL_MS);
}

/** @typedef {(...command: string[]) => Promise<import('./control-connection.mjs').ControlReply>} Send */

/**
 * @param {import('./control-connection.mjs').ControlReply} reply
 * @returns {string[]}
 */
function listOf(reply) {
  return Array.isArray(reply) ? reply.map((item) => String(item ?? '')) : [];
}
