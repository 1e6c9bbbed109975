import type { Tool } from './tool.ts';
import { addFactTool } from './tools/add-fact.ts';
import { contextTool } from './tools/context.ts';
import { getDocumentTool } from './tools/get-document.ts';
import { ingestTextTool } from './tools/ingest-text.ts';
import { listCollectionsTool } from './tools/list-collections.ts';
import { searchTool } from './tools/search.ts';
import { searchFactsTool } from './tools/search-facts.ts';

/** The tools that are offered. One that is not might as well not exist: it is neither listed nor called. */
export function chooseTools({ hasFacts, allowWrites }: { hasFacts: boolean; allowWrites: boolean }): Tool[] {
  return [
    searchTool,
    contextTool({ hasFacts }),
    listCollectionsTool,
    getDocumentTool,
    ...(hasFacts ? [searchFactsTool] : []),
    ...(hasFacts && allowWrites ? [addFactTool] : []),
    ...(allowWrites ? [ingestTextTool] : []),
  ];
}
