import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { modelConfig } from './provisioned.ts';

/**
 * Writes a model folder as a cross-encoder has it: the tokenizer of the embedding model, and a graph that counts the
 * pairs of equal tokens of query and text, which is little but enough to tell the order of texts by.
 */
export function makeCrossEncoder(dir: string, { outputs = 1 } = {}): string {
  const { dir: model } = modelConfig();
  mkdirSync(join(dir, 'onnx'), { recursive: true });
  for (const name of ['tokenizer.json', 'tokenizer_config.json'])
    copyFileSync(join(model, name), join(dir, name));
  const config = { architectures: ['BertForSequenceClassification'], model_type: 'bert' };
  writeFileSync(join(dir, 'config.json'), JSON.stringify(config));
  writeFileSync(join(dir, 'onnx/model.onnx'), graphOfEqualTokens(outputs));
  return dir;
}

/** The graph as an ONNX file: protocol buffers, field by field as onnx.proto numbers them. */
function graphOfEqualTokens(outputs: number): Buffer {
  const node = (operator: string, inputs: string[], output: string, attributes: Buffer[] = []) =>
    field(
      1,
      ...inputs.map((name) => text(1, name)),
      text(2, output),
      text(4, operator),
      ...attributes.map((attribute) => field(5, attribute)),
    );
  const toFloat = Buffer.concat([text(1, 'to'), number(3, 1), number(20, 2)]);
  const keepDimensions = Buffer.concat([text(1, 'keepdims'), number(3, 0), number(20, 2)]);
  const nodes = [
    node('Unsqueeze', ['input_ids', 'two'], 'down'),
    node('Unsqueeze', ['input_ids', 'one'], 'across'),
    node('Equal', ['down', 'across'], 'equal'),
    node('Cast', ['equal'], 'pairs', [toFloat]),
    node('Cast', ['token_type_ids'], 'text', [toFloat]),
    node('Cast', ['attention_mask'], 'read', [toFloat]),
    node('Sub', ['read', 'text'], 'query'),
    node('Unsqueeze', ['query', 'two'], 'query_down'),
    node('Unsqueeze', ['text', 'one'], 'text_across'),
    node('Mul', ['pairs', 'query_down'], 'of_query'),
    node('Mul', ['of_query', 'text_across'], 'of_both'),
    node('ReduceSum', ['of_both', 'both'], 'count', [keepDimensions]),
    node('Unsqueeze', ['count', 'one'], 'column'),
    node('Concat', new Array<string>(outputs).fill('column'), 'logits', [
      Buffer.concat([text(1, 'axis'), number(3, 1), number(20, 2)]),
    ]),
  ];
  const constant = (name: string, values: number[]) =>
    field(
      5,
      number(1, values.length),
      number(2, 7),
      ...values.map((value) => number(7, value)),
      text(8, name),
    );
  const tensor = (at: number, name: string, type: number, shape: (string | number)[]) => {
    const dimensions = shape.map((size) =>
      field(1, typeof size === 'number' ? number(1, size) : text(2, size)),
    );
    return field(at, text(1, name), field(2, field(1, number(1, type), field(2, ...dimensions))));
  };
  const inputs = ['input_ids', 'attention_mask', 'token_type_ids'];
  const graph = field(
    7,
    ...nodes,
    text(2, 'equal_tokens'),
    ...[constant('one', [1]), constant('two', [2]), constant('both', [1, 2])],
    ...inputs.map((name) => tensor(11, name, 7, ['batch', 'tokens'])),
    tensor(12, 'logits', 1, ['batch', outputs]),
  );
  return Buffer.concat([number(1, 8), graph, field(8, number(2, 13))]);
}

/** A field of bytes: a message, or the text of one. */
function field(at: number, ...parts: Buffer[]): Buffer {
  const bytes = Buffer.concat(parts);
  return Buffer.concat([varint(at * 8 + 2), varint(bytes.length), bytes]);
}

function text(at: number, value: string): Buffer {
  return field(at, Buffer.from(value));
}

function number(at: number, value: number): Buffer {
  return Buffer.concat([varint(at * 8), varint(value)]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}
