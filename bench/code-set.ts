import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { glob } from 'tinyglobby';
import ts from 'typescript';

/** Functions of one package at most, so that none makes the set its own. */
const MOST_OF_PACKAGE = 150;
const [SHORTEST, LONGEST] = [120, 6_000];

interface Pair {
  readonly question: string;
  readonly code: string;
}

/**
 * Writes a judged collection in which words and code hardly share a form: the first sentences of doc comments ask for the
 * functions below them, in the packages that this project depends on. Nothing of it is part of the repository.
 */
export async function writeCodeSet(folder: string): Promise<void> {
  const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    dependencies: Record<string, string>;
  };
  const pairs: Pair[] = [];
  const seen = new Set<string>();
  for (const name of Object.keys(dependencies).sort()) {
    const files = await glob(['**/*.{js,mjs,cjs,ts,mts}'], {
      ...{ cwd: join('node_modules', name), absolute: true, onlyFiles: true },
      ignore: ['**/*.d.{ts,mts}', '**/*.min.*', '**/*bundle*', '**/node_modules/**'],
    });
    let count = 0;
    for (const pair of files.sort().flatMap((file) => pairsOf(readFileSync(file, 'utf8')))) {
      if (count >= MOST_OF_PACKAGE || seen.has(pair.code) || seen.has(pair.question)) continue;
      seen.add(pair.code).add(pair.question);
      pairs.push(pair);
      count += 1;
    }
  }
  mkdirSync(folder, { recursive: true });
  const write = (file: string, lines: readonly string[]) =>
    writeFileSync(join(folder, file), `${lines.join('\n')}\n`);
  write(
    'corpus.jsonl',
    pairs.map(({ code }, at) => JSON.stringify({ _id: `f${at}`, title: '', text: code })),
  );
  write(
    'queries.jsonl',
    pairs.map(({ question }, at) => JSON.stringify({ _id: `q${at}`, text: question })),
  );
  write('qrels.tsv', ['query-id\tcorpus-id\tscore', ...pairs.map((_, at) => `q${at}\tf${at}\t1`)]);
  console.log(`${pairs.length} functions in ${folder}`);
}

/** The functions of a source that have a doc comment of a sentence. */
function pairsOf(source: string): Pair[] {
  if (!source.includes('/**')) return [];
  const file = ts.createSourceFile('source.ts', source, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS);
  const pairs: Pair[] = [];
  const visit = (node: ts.Node): void => {
    if ((ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node)) && node.body && node.name) {
      const question = firstSentence(node);
      const code = source.slice(node.getStart(file, false), node.end);
      const isQuestion = question.split(' ').length >= 4 && question.length < 300 && !/[{@`<]/.test(question);
      if (isQuestion && code.length > SHORTEST && code.length < LONGEST) pairs.push({ question, code });
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return pairs;
}

function firstSentence(node: ts.Node): string {
  const comment = ts.getJSDocCommentsAndTags(node).find(ts.isJSDoc)?.comment;
  const text = ts.getTextOfJSDocComment(comment) ?? '';
  return (
    text
      .replace(/\s+/g, ' ')
      .split(/(?<=[.!?])\s/)[0]
      ?.trim() ?? ''
  );
}
