import {
  Document,
  ImageNode,
  IndexNode,
  type Metadata,
  NodeRelationship,
  ObjectType,
  TextNode,
} from '@llamaindex/core/schema';
import { expect, test } from 'vitest';
import { fromChunk, fromHit, toChunk } from '../../src/llamaindex/node-codec.ts';
import type { SearchHit } from '../../src/search/search.ts';

/** A node after it was stored and read, with the metadata that the store itself gives every chunk. */
function stored(node: TextNode): TextNode | undefined {
  const { text, nodeId = '', metadata, start, end } = toChunk(node);
  const own = { source: 'a.md', title: 'A', chunk_index: 0, start, end };
  // As Redis gives it back: JSON.
  return fromChunk(JSON.parse(JSON.stringify({ nodeId, text, metadata: { ...own, ...metadata } })));
}

const METADATA: Metadata = { file_name: 'a.md', nested: { kept: [1, null] }, tags: ['x'] };

test('gives back the node that was stored, with its relationships, metadata and templates', () => {
  const related = { nodeId: 'n1', nodeType: ObjectType.TEXT, metadata: METADATA, hash: 'h1' };
  const node = new TextNode({
    ...{ id_: 'n0', text: '  A text with space around it.\n', metadata: METADATA },
    ...{ startCharIdx: 5, endCharIdx: 40, metadataSeparator: ' | ', textTemplate: '{content}' },
    ...{ excludedEmbedMetadataKeys: ['tags'], excludedLlmMetadataKeys: ['nested', 'file_name'] },
    relationships: {
      [NodeRelationship.SOURCE]: { nodeId: 'd', metadata: { other: true }, hash: 'h' },
      [NodeRelationship.NEXT]: related,
      [NodeRelationship.CHILD]: [related, { ...related, metadata: {} }],
    },
  });
  const again = stored(node);
  expect(again?.toJSON()).toEqual(node.toJSON());
  expect(again?.hash).toBe(node.hash);
});

test('keeps the metadata of related nodes once where it is the same', () => {
  const info = { nodeId: 'd', metadata: { long: 'x'.repeat(500) } };
  const { metadata } = toChunk(
    new TextNode({ text: 'a', metadata: info.metadata, relationships: { SOURCE: info, NEXT: info } }),
  );
  expect(JSON.stringify(metadata).length).toBeLessThan(800);
});

test('keeps metadata under names that a chunk has for itself', () => {
  const metadata = {
    source: 'mine',
    title: 7,
    page: 3,
    headings: ['H'],
    chunk_index: 9,
    llamaindex: 'x',
    a: 1,
  };
  expect(stored(new TextNode({ text: 'a', metadata }))?.metadata).toEqual(metadata);
  expect(toChunk(new TextNode({ text: 'a', metadata }))).toMatchObject({ page: 3, headings: ['H'] });
});

test('tells nodes, documents and index nodes apart', () => {
  expect(stored(new Document({ id_: 'd', text: 'a' }))).toBeInstanceOf(Document);
  const index = stored(new IndexNode({ id_: 'i', text: 'a', indexId: 'inner' }));
  expect(index).toBeInstanceOf(IndexNode);
  expect((index as IndexNode).indexId).toBe('inner');
  expect(stored(new TextNode({ text: 'a' }))?.relationships).toEqual({});
});

test('begins at 0 where LlamaIndex leaves the start out', () => {
  expect(toChunk(new TextNode({ text: 'abc', startCharIdx: 0, endCharIdx: 3 }))).toMatchObject({
    start: 0,
    end: 3,
  });
});

test('refuses images, and metadata that JSON cannot hold, naming the node', () => {
  const image = new ImageNode({ id_: 'picture', image: 'https://example.com/a.png' });
  expect(() => toChunk(image)).toThrowError(/"picture" is of type IMAGE/);
  const big = new TextNode({ id_: 'big', text: 'a', metadata: { n: 1n } });
  expect(() => toChunk(big)).toThrowError(expect.objectContaining({ code: 'invalid_input' }));
});

test('makes a node of what stacklore ingested, with what a language model may read', () => {
  const metadata = { source: 'a.md', title: 'A', headings: ['A', 'B'], chunk_index: 1, start: 5, end: 9 };
  const hit = { nodeId: 'n', docId: 'd', text: 'text', start: 5, end: 9, metadata } as unknown as SearchHit;
  const node = fromHit(hit);
  expect(node.metadata).toEqual({ source: 'a.md', title: 'A', headings: ['A', 'B'] });
  expect(node.sourceNode?.nodeId).toBe('d');
  expect([node.startCharIdx, node.endCharIdx]).toEqual([5, 9]);
});

test('takes foreign metadata under our own key for what it is: metadata', () => {
  const hit = { nodeId: 'n', docId: 'd', text: 't', metadata: { llamaindex: 'yes' } } as unknown as SearchHit;
  expect(fromHit(hit).metadata).toEqual({ llamaindex: 'yes' });
});
