import { z } from 'zod';
import type { ExportRequest } from '../../maintenance/migrate/export-collection.ts';
import { defineCommand } from '../command.ts';
import { wholeNumber } from '../flag-values.ts';
import { counted } from '../format.ts';
import { keyProgress } from '../key-progress.ts';

export const command = defineCommand({
  summary: 'Write the chunks of a collection to JSON Lines, or to hashes as another tool keeps them.',
  arguments: '[collection]',
  flags: [
    {
      flags: '--layout <name>',
      description: 'jsonl (default), llamaindex-python, langchain or redisvl',
    },
    { flags: '--file <path>', description: 'the file of jsonl' },
    { flags: '--embeddings <form>', description: 'vectors in lines: none (default), base64 or numbers' },
    { flags: '--prefix <text>', description: "what the other tool's keys begin with" },
    { flags: '--vector-field <name>', description: "field of the vector (default: the layout's)" },
    { flags: '--text-field <name>', description: "field of the text (default: the layout's)" },
    { flags: '--to-number <number>', description: 'number of the database for hashes' },
    { flags: '--to-url <url>', description: 'server for hashes (default: that of knowledge)' },
    { flags: '--overwrite', description: 'write over the file, or over keys, that are there' },
  ],
  schema: z.strictObject({
    layout: z.string().optional(),
    file: z.string().optional(),
    embeddings: z.string().optional(),
    prefix: z.string().optional(),
    vectorField: z.string().optional(),
    textField: z.string().optional(),
    toNumber: wholeNumber(0).optional(),
    toUrl: z.string().optional(),
    overwrite: z.boolean().default(false),
  }),
  settingFlags: { 'databases.knowledge.number': 'to-number' },
  examples: [
    'stacklore export docs --file docs.jsonl --embeddings base64',
    'stacklore export docs --layout langchain --prefix doc:docs:',
  ],
  async run({ lore, terminal }, [collection], flags) {
    const progress = keyProgress(terminal);
    try {
      const report = await lore().maintenance.exportCollection({
        // What a flag may hold is checked by the request itself.
        ...(flags as ExportRequest),
        ...(collection !== undefined && { collection }),
        onProgress: progress.onProgress,
        signal: terminal.signal,
      });
      const { chunks, documents, to, existing, unlisted } = report;
      return {
        data: report,
        lines: [
          `${counted(chunks, 'chunk')} of ${counted(documents, 'document')} went to ${to}`,
          ...(existing > 0
            ? [`${existing} keys were there and stay as they are (--overwrite replaces them)`]
            : []),
          ...(unlisted > 0
            ? [`${unlisted} chunks are of no listed document and were left out: see stacklore doctor`]
            : []),
        ],
      };
    } finally {
      progress.end();
    }
  },
});
