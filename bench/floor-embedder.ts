import type { Config } from '../src/config.ts';
import { provisionModel } from '../src/provision/model-files.ts';
import { silentReport } from '../src/provision/report.ts';
import { loadTokenizer } from '../src/text/count-tokens.ts';

const SPINNING_OFF = { session: { intra_op: { allow_spinning: '0' } } };

/** A bare session of onnxruntime-node over the same model file: nothing but ids in, mean over tokens, unit length. */
export async function openBareSession(weightsPath: string, threads: number) {
  disableTelemetry();
  const { default: ort } = await import('onnxruntime-node');
  const session = await ort.InferenceSession.create(weightsPath, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    extra: SPINNING_OFF,
  });
  const outputName = session.outputNames[0] as string;
  return async (ids: readonly number[]): Promise<Float32Array> => {
    const shape = [1, ids.length];
    const outputs = await session.run({
      input_ids: new ort.Tensor('int64', BigInt64Array.from(ids, BigInt), shape),
      attention_mask: new ort.Tensor('int64', new BigInt64Array(ids.length).fill(1n), shape),
      token_type_ids: new ort.Tensor('int64', new BigInt64Array(ids.length), shape),
    });
    const { data, dims } = outputs[outputName] as unknown as { data: Float32Array; dims: number[] };
    return meanOf(data, dims[2] as number);
  };
}

/** ONNX Runtime would otherwise write usage reports; a thread's copy of the environment is too late for it. */
export function disableTelemetry(): void {
  process.env.ORT_DISABLE_TELEMETRY = '1';
}

/** The bare session with the model's tokenizer before it, in this thread or in one of its own. */
export async function openBareEmbedder(config: Config, { inThread = false } = {}) {
  const files = await provisionModel(config, silentReport);
  const tokenizer = loadTokenizer(files.tokenizerPath, files.tokenizerConfigPath);
  if (!inThread) {
    const embedIds = await openBareSession(files.weightsPath, 1);
    return { embed: (text: string) => embedIds(tokenizer.encode(text)), close: async () => 0 };
  }
  const { openThreadedSession } = await import('./floor-embed-thread.ts');
  const { embedIds, close } = await openThreadedSession(files.weightsPath, 1);
  return { embed: (text: string) => embedIds(tokenizer.encode(text)), close };
}

function meanOf(tokens: Float32Array, dimensions: number): Float32Array {
  const vector = new Float32Array(dimensions);
  for (let at = 0; at < tokens.length; at += dimensions) {
    for (let d = 0; d < dimensions; d += 1) vector[d] = (vector[d] as number) + (tokens[at + d] as number);
  }
  const norm = Math.hypot(...vector);
  return vector.map((value) => value / norm);
}
