import type { CollectionStatus } from '../maintenance/status.ts';
import { table } from './format.ts';

/** What the chunks of collections take by part, and what options would save; nothing where there are none. */
export function memoryLines(collections: readonly CollectionStatus[]): string[] {
  const known = collections.flatMap(({ name, memory }) => (memory ? [{ name, memory }] : []));
  if (known.length === 0) return [];
  const rows = known.map(({ name, memory: { totalBytes, hash, index } }) => [
    ...[name, `${totalBytes} B`, `${hash.textBytes}`, `${hash.vectorBytes}`, `${hash.wordsBytes}`],
    ...[`${hash.otherBytes}`, `${index.vectorBytes}`, `${index.graphBytes}`, `${index.wordsBytes}`],
    `${index.otherBytes}`,
  ]);
  const header = [
    ...['a chunk of', 'takes', 'hash: text', 'vector', 'words', 'other'],
    ...['index: vector', 'graph', 'words', 'other'],
  ];
  const options = known.flatMap(({ name, memory: { totalBytes, savings } }) => {
    const { float16Bytes, flatBytes, packedBytes } = savings;
    const said = [
      [float16Bytes, `float16 vectors (stacklore reindex ${name} --vector-type float16)`],
      [flatBytes, `a FLAT index, slower to search (stacklore reindex ${name} --index flat)`],
      [packedBytes, 'hash-max-listpack-value 8192 on the server'],
    ] as const;
    return said.flatMap(([bytes, option]) =>
      bytes === undefined
        ? []
        : [`${name}: ${option} would save about ${Math.round((bytes / totalBytes) * 100)} % of it.`],
    );
  });
  return ['', ...table(header, rows), ...options];
}
