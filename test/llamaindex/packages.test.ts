import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const read = (name: string) => readFileSync(join(ROOT, name), 'utf8');

interface Manifest {
  readonly dependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
  readonly peerDependencies: Record<string, string>;
  readonly peerDependenciesMeta: Record<string, { optional?: boolean }>;
}
// Our own files, in the form that npm writes.
const manifest = JSON.parse(read('package.json')) as Manifest;
const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, unknown> };

test('the packages of LlamaIndex are optional peers of exactly the tested versions', () => {
  const { peerDependencies, peerDependenciesMeta, devDependencies, dependencies } = manifest;
  expect(Object.keys(peerDependencies)).toEqual(['@llamaindex/core', 'llamaindex']);
  for (const [name, version] of Object.entries(peerDependencies)) {
    expect(version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(devDependencies[name]).toBe(version);
    expect(peerDependenciesMeta[name]).toEqual({ optional: true });
    expect(Object.keys(dependencies)).not.toContain(name);
  }
});

test.each(['@huggingface/transformers', '@llamaindex/core', '@llamaindex/env'])(
  'there is one copy of %s',
  (name) => {
    const copies = Object.keys(lock.packages).filter((path) => path.endsWith(`node_modules/${name}`));
    expect(copies).toEqual([`node_modules/${name}`]);
  },
);

test('the guide tells programs to install these versions, and to keep to one transformers.js', () => {
  const page = read('docs/guide/llamaindex.md');
  const { dependencies, peerDependencies } = manifest;
  for (const [name, version] of Object.entries(peerDependencies))
    expect(page).toContain(`${name}@${version}`);
  expect(page).toContain(`"@huggingface/transformers": "${dependencies['@huggingface/transformers']}"`);
});
