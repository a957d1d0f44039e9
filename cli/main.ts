#!/usr/bin/env node
import { runCommandLine } from './command-line.ts';
import { EXIT } from './errors.ts';

// A reader that stops early (`| head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.done);
});

process.exitCode = await runCommandLine(process.argv.slice(2), async (where) => {
  // Loaded late: help and usage errors need no client of AWS.
  const { connect } = await import('./context.ts');
  return connect(where);
});
