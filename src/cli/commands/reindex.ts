import { z } from 'zod';
import type { ReindexPlan } from '../../maintenance/reindex/plan.ts';
import type { RechunkedDocuments, ReindexReport } from '../../maintenance/reindex/report.ts';
import { indexChoice, vectorType } from '../../schema/knowledge.ts';
import { ANALYSER_LANGUAGES } from '../../text/analyser.ts';
import { type Command, defineCommand } from '../command.ts';
import { wholeNumber } from '../flag-values.ts';
import { formatBytes } from '../format.ts';
import { reindexProgress } from '../reindex-progress.ts';

export const command: Command = defineCommand({
  summary:
    'Give a collection another model, analyser, index or chunk size: built beside the live one, compared, switched to, rolled back.',
  arguments: '<collection>',
  flags: [
    { flags: '--reembed', description: 'embed every chunk again, with the configured model (see --model)' },
    {
      flags: '--language <language>',
      description: `analyse words anew: ${ANALYSER_LANGUAGES.join(', ')}`,
    },
    { flags: '--index <kind>', description: 'auto, hnsw or flat' },
    { flags: '--m <number>', description: 'HNSW: links of a node' },
    { flags: '--ef-construction <number>', description: 'HNSW: candidates while building' },
    { flags: '--ef-runtime <number>', description: 'HNSW: candidates while searching' },
    { flags: '--vector-type <type>', description: 'vectors of float32, or of float16 in half the memory' },
    {
      flags: '--chunk-size <tokens>',
      description: 'cut every document anew, into chunks of at most so many tokens',
    },
    { flags: '--overlap <tokens>', description: 'cut every document anew, with so many tokens repeated' },
    { flags: '--max-chunks <number>', description: 'most chunks of a document that is cut anew (5000)' },
    { flags: '--base <folder>', description: 'the folder that sources were ingested below with --base' },
    {
      flags: '--queries <file>',
      description: 'compare both indexes by these queries: JSON Lines with "query" or "text"',
    },
    { flags: '--build-only', description: 'build and compare, do not switch; repeat without it to switch' },
    { flags: '--dry-run', description: 'only tell what it takes' },
    { flags: '--finish', description: 'keep the new index for good, drop the one before' },
    { flags: '--rollback', description: 'go back to the index before, drop the new one' },
  ],
  schema: z.strictObject({
    reembed: z.boolean().optional(),
    language: z.enum(ANALYSER_LANGUAGES).optional(),
    index: indexChoice.optional(),
    m: wholeNumber(0).optional(),
    efConstruction: wholeNumber(0).optional(),
    efRuntime: wholeNumber(0).optional(),
    vectorType: vectorType.optional(),
    chunkSize: wholeNumber(0).optional(),
    overlap: wholeNumber(0).optional(),
    maxChunks: wholeNumber(1).optional(),
    base: z.string().optional(),
    queries: z.string().optional(),
    buildOnly: z.boolean().optional(),
    dryRun: z.boolean().optional(),
    finish: z.boolean().optional(),
    rollback: z.boolean().optional(),
  }),
  examples: [
    'stacklore reindex docs --reembed --model Xenova/bge-small-en-v1.5 --queries queries.jsonl --build-only',
    'stacklore reindex docs --model Xenova/bge-small-en-v1.5',
    'stacklore reindex docs --chunk-size 256 --overlap 48',
    'stacklore reindex docs --finish',
  ],
  async run({ lore, terminal }, [collection = ''], { overlap, ...flags }) {
    const progress = reindexProgress(terminal);
    try {
      const report = await lore().reindex(collection, {
        ...flags,
        chunkOverlap: overlap,
        onPlan: (plan) => {
          for (const line of describePlan(plan)) terminal.note(line);
        },
        onProgress: progress.onProgress,
        signal: terminal.signal,
      });
      for (const warning of report.warnings) terminal.note(`Note: ${warning}`);
      return { data: report, lines: describe(report) };
    } finally {
      progress.end();
    }
  },
});

function describe({ collection, state, plan, chunks, comparison, documents }: ReindexReport): string[] {
  const hits = documents ? 'documents found' : 'hits';
  const compared = comparison
    ? [
        `${comparison.queries} queries: ${percent(comparison.overlap)} of the first ${comparison.topK} ${hits} are the same, ${percent(comparison.sameFirst)} of the first ones; vectorScore shifts by ${comparison.scoreShift.toFixed(3)} on average, ${comparison.largestScoreShift.toFixed(3)} at most.`,
        ...comparison.furthest
          .filter(({ overlap }) => overlap < 1)
          .map(({ query, overlap }) => `  ${percent(overlap)} ${query}`),
      ]
    : [];
  const ends = {
    planned: plan ? [...describePlan(plan), 'Nothing was done.'] : [],
    built: [
      `A new index of ${collection} is built (${chunks} chunks written). Switch to it: stacklore reindex ${collection}; drop it: stacklore reindex ${collection} --rollback.`,
    ],
    switched: [
      `The new index serves ${collection} (${chunks} chunks written). Keep it: stacklore reindex ${collection} --finish; go back: stacklore reindex ${collection} --rollback.`,
    ],
    kept: [
      `The index that serves ${collection} is kept; its kind follows from the number of chunks from now on. There is nothing to finish.`,
    ],
    finished: [`The reindex of ${collection} is finished.`],
    'rolled-back': [`Collection ${collection} is as it was before the reindex (${chunks} chunks written).`],
  } satisfies Record<ReindexReport['state'], string[]>;
  return [...compared, ...(documents ? [describeWays(documents)] : []), ...ends[state]];
}

function describeWays({ fromSource, fromChunks, inexact, kept }: RechunkedDocuments): string {
  return `Documents cut anew: ${fromSource} from their files, ${fromChunks} from their chunks, ${inexact} from their chunks inexactly; ${kept} kept as they are.`;
}

function describePlan(plan: ReindexPlan): string[] {
  const {
    chunks,
    chunksAfter,
    chunksToEmbed,
    memoryBytes,
    indexBytes,
    fieldBytes,
    memoryAfterBytes,
    diskBytes,
    float16Recall,
    server,
  } = plan;
  const limit = server.maxMemoryBytes ?? server.totalMemoryBytes;
  const after = `${memoryAfterBytes < 0 ? '-' : '+'}${formatBytes(Math.abs(memoryAfterBytes))}`;
  return [
    `Chunks ${chunks}${chunksAfter === undefined ? '' : `, afterwards about ${chunksAfter}`}, to embed ${chunksToEmbed}.`,
    `Memory until it is finished about ${formatBytes(memoryBytes)} more (index ${formatBytes(indexBytes)}, fields ${formatBytes(fieldBytes)}), afterwards ${after}; in use ${formatBytes(server.usedMemoryBytes)} of ${formatBytes(limit)}${plan.fits ? '' : ': too little'}.`,
    ...(float16Recall === undefined
      ? []
      : [
          `Vectors of 16 bits keep ${(float16Recall * 100).toFixed(1)} % of the 10 nearest, among a sample of the chunks.`,
        ]),
    `Disk: snapshots grow by about ${formatBytes(diskBytes)} until it is finished.`,
  ];
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
