#!/usr/bin/env node
import { runCommandLine } from './command-line.ts';
import { endIfUnwritable } from './output.ts';

endIfUnwritable();

process.exitCode = await runCommandLine(process.argv.slice(2), async (where) => {
  // Loaded late: help and usage errors need no client of AWS.
  const { connect } = await import('./context.ts');
  return connect(where);
});
