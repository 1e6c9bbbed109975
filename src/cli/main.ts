#!/usr/bin/env -S node --max-semi-space-size=2
// The flag: V8 lets short-lived objects grow to 32 MB before it collects them, which made an ingest 20 MB larger and no quicker.
import { concealedTitle } from './process-title.ts';
import { runProgram } from './program.ts';

// `stacklore … | head` closes the pipe before everything is printed; that is no failure of ours.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(process.exitCode);
  });
}
const args = process.argv.slice(2);
const title = concealedTitle(args);
if (title !== undefined) process.title = title;
process.exitCode = await runProgram(args, process);
