import type { ForeignLayoutName } from '../../schema/migration-request.ts';
import {
  asObject,
  defined,
  type ForeignLayout,
  idIn,
  MODEL_FIELD,
  objectIn,
  parseObject,
  textIn,
  without,
} from './layout.ts';

/** What the keys of Python's LlamaIndex begin with unless told otherwise. */
export const LLAMAINDEX_PREFIX = 'llama_index/vector_';

/** LlamaIndex numbers how nodes are related; 1 is the document a node was cut from. */
const SOURCE_RELATION = '1';

/** Fields under which a schema of RedisVL keeps a JSON object; the second is of LangChain for Python. */
const NESTED_METADATA = ['metadata', '_metadata_json'];

const llamaindexPython: ForeignLayout = {
  name: 'llamaindex-python',
  fields: { vectorField: 'vector', textField: 'text' },
  read(key, stored, { vectorField, textField }) {
    const node = objectIn(stored.get('_node_content'));
    const vector = stored.get(vectorField);
    const written = textIn(stored.get(textField));
    const text = written !== undefined && written !== '' ? written : node?.text;
    if (typeof text !== 'string' || (node === undefined && vector === undefined)) return undefined;
    const named = (field: string) => idIn(textIn(stored.get(field)));
    const parent = asObject(asObject(node?.relationships)?.[SOURCE_RELATION]);
    return {
      ...{ key, text, metadata: { ...asObject(node?.metadata), ...offsetsOf(node) } },
      ...defined({
        vector,
        docId: named('doc_id') ?? named('ref_doc_id') ?? idIn(parent?.node_id),
        nodeId: named('id') ?? idIn(node?.id_),
        model: named(MODEL_FIELD),
      }),
    };
  },
  write({ docId, nodeId, text, metadata, embedding, model }, { vectorField, textField }) {
    const node = {
      id_: nodeId,
      embedding: null,
      metadata,
      excluded_embed_metadata_keys: [],
      excluded_llm_metadata_keys: [],
      relationships: { [SOURCE_RELATION]: { node_id: docId, node_type: '4', metadata: {}, hash: null } },
      // The text stands in a field of its own.
      text: '',
      start_char_idx: numberOrNull(metadata.start),
      end_char_idx: numberOrNull(metadata.end),
      class_name: 'TextNode',
    };
    return [
      ...['id', nodeId, 'doc_id', docId, 'ref_doc_id', docId, 'document_id', docId, textField, text],
      ...['_node_content', JSON.stringify(node), '_node_type', 'TextNode'],
      ...[vectorField, embedding, ...modelField(model)],
    ];
  },
};

const langchain: ForeignLayout = {
  name: 'langchain',
  fields: { vectorField: 'content_vector', textField: 'content' },
  read(key, stored, { vectorField, textField }) {
    const text = textIn(stored.get(textField));
    const vector = stored.get(vectorField);
    if (text === undefined || vector === undefined) return undefined;
    const metadata = escapedObject(textIn(stored.get('metadata')) ?? '{}') ?? {};
    return {
      ...{ key, text, vector, metadata: without(metadata, ['doc_id', 'node_id', MODEL_FIELD]) },
      ...defined({
        docId: idIn(metadata.doc_id),
        nodeId: idIn(metadata.node_id),
        model: idIn(metadata[MODEL_FIELD]),
      }),
    };
  },
  write({ docId, nodeId, text, metadata, embedding, model }, { vectorField, textField }) {
    const json = JSON.stringify({ ...metadata, doc_id: docId, node_id: nodeId, [MODEL_FIELD]: model });
    // LangChain keeps these characters behind a backslash and takes it away when it reads.
    return [textField, text, 'metadata', json.replace(/[-:"]/g, '\\$&'), vectorField, embedding];
  },
};

const redisvl: ForeignLayout = {
  name: 'redisvl',
  fields: { vectorField: 'embedding', textField: 'text' },
  read(key, stored, { vectorField, textField }) {
    const text = textIn(stored.get(textField));
    const vector = stored.get(vectorField);
    if (text === undefined || vector === undefined) return undefined;
    const flat: Record<string, unknown> = {};
    for (const [name, bytes] of stored) {
      const value = textIn(bytes);
      if (value !== undefined && name !== textField && name !== vectorField) flat[name] = value;
    }
    const nested = NESTED_METADATA.flatMap((name) => {
      const value = typeof flat[name] === 'string' ? parseObject(flat[name]) : undefined;
      return value ? [{ name, value }] : [];
    });
    const own = ['doc_id', 'node_id', 'id', MODEL_FIELD, ...nested.map(({ name }) => name)];
    return {
      ...{ key, text, vector },
      metadata: Object.assign(without(flat, own), ...nested.map(({ value }) => value)),
      ...defined({
        docId: idIn(flat.doc_id),
        nodeId: idIn(flat.node_id) ?? idIn(flat.id),
        model: idIn(flat[MODEL_FIELD]),
      }),
    };
  },
  write({ docId, nodeId, text, metadata, embedding, model }, { vectorField, textField }) {
    return [
      ...['id', nodeId, 'doc_id', docId, textField, text, 'metadata', JSON.stringify(metadata)],
      ...[vectorField, embedding, ...modelField(model)],
    ];
  },
};

/** The layouts of other tools by name. */
export const LAYOUTS: Readonly<Record<ForeignLayoutName, ForeignLayout>> = {
  'llamaindex-python': llamaindexPython,
  langchain,
  redisvl,
};

function offsetsOf(node: Record<string, unknown> | undefined): Record<string, unknown> {
  const [start, end] = [node?.start_char_idx, node?.end_char_idx];
  return typeof start === 'number' && typeof end === 'number' ? { start, end } : {};
}

function numberOrNull(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

function modelField(model: string | undefined): string[] {
  return model === undefined ? [] : [MODEL_FIELD, model];
}

/** Metadata with or without LangChain's backslashes, with which it is no JSON. */
function escapedObject(text: string): Record<string, unknown> | undefined {
  return parseObject(text) ?? parseObject(text.replace(/\\([-:"])/g, '$1'));
}
