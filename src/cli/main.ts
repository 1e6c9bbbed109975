#!/usr/bin/env node
import { runProgram } from './program.ts';

// `stacklore … | head` closes the pipe before everything is printed; that is no failure of ours.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(process.exitCode);
  });
}
process.exitCode = await runProgram(process.argv.slice(2), process);
