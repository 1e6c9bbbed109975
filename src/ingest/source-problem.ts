import { StackloreError } from '../errors.ts';
import { defaultDocId } from '../stores/knowledge/document-ids.ts';
import type { Job, Work } from './job.ts';
import { deleteIfPresent } from './prune.ts';
import { failure } from './publish-document.ts';
import type { SourceProblem } from './source.ts';

/** Whether all of a source was read and holds no text. */
export function isEmpty({ status, code, source }: SourceProblem, whole: string): boolean {
  return status === 'skipped' && code === 'invalid_input' && source === whole;
}

/** A pipe without text is more often a command that failed than a document that became empty. */
function emptyStdin({ reason }: SourceProblem, docId: string | undefined): StackloreError {
  const remedy =
    docId === undefined
      ? 'See whether the command before the pipe failed.'
      : `Its earlier text was kept: see whether the command before the pipe failed, or delete it with stacklore docs delete ${docId}`;
  return new StackloreError('invalid_input', { message: `Standard input: ${reason} ${remedy}` });
}

/**
 * Reports a problem. A source that has no text any more takes its stored document along; of standard input it is kept.
 */
export async function addProblem(
  { parts, collection, turns, tally }: Job,
  problem: SourceProblem,
  {
    source,
    docId = defaultDocId(collection.name, source),
    origin,
  }: { source: string; docId?: string; origin?: Work['origin'] },
): Promise<void> {
  const earlier = isEmpty(problem, source) ? await parts.documents.find(docId) : undefined;
  if (origin === 'stdin' && isEmpty(problem, source)) {
    tally.add(failure(source, emptyStdin(problem, earlier?.source === source ? earlier.docId : undefined)));
    return;
  }
  if (earlier?.source !== source) {
    tally.add(problem);
    return;
  }
  await turns.run([`id ${source}`], () => deleteIfPresent(parts.documents, docId));
  const reason = `${problem.reason} Its earlier text was deleted.`;
  tally.add({ source, docId, title: earlier.title, status: 'pruned', reason });
}
