import { createHash } from 'node:crypto';
import {
  type BaseNode,
  jsonToNode,
  type Metadata,
  MetadataMode,
  NodeRelationship,
  ObjectType,
  type RelatedNodeInfo,
  TextNode,
} from '@llamaindex/core/schema';
import { StackloreError } from '../errors.ts';
import { RESERVED_METADATA } from '../schema/knowledge.ts';
import type { SearchHit } from '../search/search.ts';
import type { NewChunk, StoredChunk } from '../stores/knowledge/document.ts';

/** The key in a chunk's metadata that holds what a node is beside text, embedding and metadata. */
const NODE_KEY = 'llamaindex';
/** Metadata of stacklore's own chunks that a node has elsewhere, or that is of no use to a language model. */
const HIDDEN_KEYS: readonly string[] = ['chunk_index', 'start', 'end'];
/** Metadata keys that a chunk has for itself; what a node has under them is kept apart. */
const TAKEN_KEYS: readonly string[] = [...RESERVED_METADATA, NODE_KEY];
const TEXT_TYPES: readonly ObjectType[] = [ObjectType.TEXT, ObjectType.DOCUMENT, ObjectType.INDEX];

/** What is kept of a node in its chunk's metadata; what is as it is by default is left out. */
interface NodePart extends Metadata {
  readonly type: ObjectType;
  /** As its neighbours know it; LlamaIndex may have made it before the node's place was known. */
  readonly hash: string;
  /** The node's metadata under keys that a chunk has for itself. */
  readonly metadata?: Record<string, unknown>;
}

/** A node as a chunk that gives the same node back. Throws `invalid_input` for what cannot be kept. */
export function toChunk(node: BaseNode): NewChunk {
  const { text, startCharIdx, endCharIdx: end } = requireText(node);
  const metadata = plainMetadata(node);
  const { page, headings } = metadata;
  const entries = Object.entries(metadata);
  const taken = entries.filter(([key]) => TAKEN_KEYS.includes(key));
  return {
    text,
    nodeId: node.id_,
    inputHash: inputHashOf(node),
    metadata: {
      ...Object.fromEntries(entries.filter(([key]) => !TAKEN_KEYS.includes(key))),
      [NODE_KEY]: {
        ...nodePart(node, metadata),
        ...(taken.length > 0 && { metadata: Object.fromEntries(taken) }),
      },
    },
    // LlamaIndex leaves out the start of what begins at 0.
    ...(end !== undefined && { start: startCharIdx ?? 0, end }),
    ...(Number.isSafeInteger(page) && { page: page as number }),
    ...(Array.isArray(headings) && { headings: headings.map(String) }),
  };
}

/** A hit as a node that LlamaIndex can rank, show and trace to its document: the one that was added, or one made of it. */
export function fromHit(hit: SearchHit): TextNode {
  const node = fromChunk(hit);
  if (node) return node;
  const { nodeId, docId, text, start, end, metadata } = hit;
  const shown = Object.entries(metadata).filter(([key]) => !HIDDEN_KEYS.includes(key));
  return new TextNode({
    ...{ id_: nodeId, text, metadata: Object.fromEntries(shown), startCharIdx: start, endCharIdx: end },
    relationships: {
      [NodeRelationship.SOURCE]: { nodeId: docId, nodeType: ObjectType.DOCUMENT, metadata: {} },
    },
  });
}

/** The node that a chunk was made of; `undefined` for chunks that LlamaIndex did not make. */
export function fromChunk({
  nodeId,
  text,
  metadata,
}: Pick<StoredChunk, 'nodeId' | 'text' | 'metadata'>): TextNode | undefined {
  const part = metadata[NODE_KEY];
  if (!isNodePart(part)) return undefined;
  const { type, hash, metadata: taken, relationships, ...rest } = part;
  const own = Object.entries(metadata).filter(([key]) => !TAKEN_KEYS.includes(key));
  const all = { ...Object.fromEntries(own), ...taken };
  const related = Object.entries((relationships ?? {}) as Record<string, Related>).map(([name, info]) => {
    return [name, eachRelated(info, (one) => ({ ...one, metadata: one.metadata ?? all }))];
  });
  const { start: startCharIdx, end: endCharIdx } = metadata;
  const json = { ...rest, id_: nodeId, text, metadata: all, relationships: Object.fromEntries(related) };
  const node = jsonToNode({ ...json, endCharIdx }, type);
  // Neither 0 nor a hash gets through the constructor.
  if (typeof startCharIdx === 'number') node.startCharIdx = startCharIdx;
  return Object.assign(node, { hash });
}

/** Tells the vectors of a document's nodes apart, and changes with what was embedded. */
export function inputHashOf(node: BaseNode): string {
  return createHash('sha256')
    .update(`${node.id_}\n${node.getContent(MetadataMode.EMBED)}`)
    .digest('hex')
    .slice(0, 32);
}

type Related = RelatedNodeInfo | RelatedNodeInfo[];

function eachRelated(info: Related, change: (one: RelatedNodeInfo) => object): object {
  return Array.isArray(info) ? info.map(change) : change(info);
}

function nodePart(node: BaseNode, metadata: Record<string, unknown>): NodePart {
  const { type, hash, relationships, excludedEmbedMetadataKeys, excludedLlmMetadataKeys } = node;
  const { textTemplate, metadataSeparator, indexId } = node as Partial<TextNode> & { indexId?: string };
  const json = JSON.stringify(metadata);
  const related = Object.entries(relationships).map(([name, info]) => {
    // The documents and neighbours of a node mostly have its own metadata: once is enough.
    const slim = eachRelated(info, ({ metadata: its, ...one }) =>
      JSON.stringify(its) === json ? one : { ...one, metadata: its },
    );
    return [name, slim];
  });
  return {
    ...{ type, hash },
    ...(related.length > 0 && { relationships: Object.fromEntries(related) }),
    ...(excludedEmbedMetadataKeys.length > 0 && { excludedEmbedMetadataKeys }),
    ...(excludedLlmMetadataKeys.length > 0 && { excludedLlmMetadataKeys }),
    ...(textTemplate && { textTemplate }),
    ...(metadataSeparator !== '\n' && { metadataSeparator }),
    ...(indexId !== undefined && { indexId }),
  };
}

function isNodePart(value: unknown): value is NodePart {
  return typeof value === 'object' && value !== null && TEXT_TYPES.includes((value as NodePart).type);
}

function requireText(node: BaseNode): TextNode {
  // The types of text are those of TextNode and its subclasses.
  if (TEXT_TYPES.includes(node.type)) return node as TextNode;
  throw new StackloreError('invalid_input', {
    message: `Node "${node.id_}" is of type ${node.type}, and this store holds text. Give such nodes a store of their own.`,
  });
}

/** Metadata as JSON keeps it: what cannot be stored is refused here, by name, and not found missing later. */
function plainMetadata({ id_, metadata }: BaseNode): Record<string, unknown> {
  try {
    // JSON of an object is an object.
    return JSON.parse(JSON.stringify(metadata)) as Record<string, unknown>;
  } catch (cause) {
    throw new StackloreError('invalid_input', {
      message: `The metadata of node "${id_}" cannot be written as JSON. Keep to text, numbers, booleans and lists.`,
      cause,
    });
  }
}
