import { setTimeout as sleep } from 'node:timers/promises';
import { errorMessage } from '../errors.ts';
import type { ControlConnection } from './control-connection.mjs';

/** Documents of each index, by its name. */
export type IndexCounts = Readonly<Record<string, number>>;

/**
 * How many documents each index holds, or each of these, once those being built are ready. Empty on a server without search.
 * Rejects when that takes longer than `timeoutMs`.
 */
export async function countIndexedDocuments(
  connection: ControlConnection,
  timeoutMs = Number.POSITIVE_INFINITY,
  among?: IndexCounts,
): Promise<IndexCounts> {
  const deadline = Date.now() + timeoutMs;
  const counts: Record<string, number> = {};
  for (const name of await listIndexes(connection)) {
    if (among && !(name in among)) continue;
    let info = await indexInfo(connection, name);
    while (info.get('indexing') === '1') {
      if (Date.now() > deadline) throw new Error(`index ${name} is still being built`);
      await sleep(100);
      info = await indexInfo(connection, name);
    }
    counts[name] = Number(info.get('num_docs') ?? 0);
  }
  return counts;
}

/** One sentence per index whose number of documents is not what it was; empty when all are equal. */
export function describeCountChanges(before: IndexCounts, after: IndexCounts): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names
    .filter((name) => before[name] !== after[name])
    .map(
      (name) =>
        `Index "${name}" held ${before[name] ?? 'no'} documents before and holds ${after[name] ?? 'none'} now.`,
    );
}

async function listIndexes(connection: ControlConnection): Promise<string[]> {
  try {
    const names = await connection.send(['FT._LIST']);
    return Array.isArray(names) ? names.map(String) : [];
  } catch (error) {
    if (/unknown command/i.test(errorMessage(error))) return [];
    throw error;
  }
}

async function indexInfo(connection: ControlConnection, name: string): Promise<Map<string, string>> {
  const reply = await connection.send(['FT.INFO', name]);
  const fields = new Map<string, string>();
  const items = Array.isArray(reply) ? reply : [];
  for (let at = 0; at + 1 < items.length; at += 2) fields.set(String(items[at]), String(items[at + 1]));
  return fields;
}
