/** `npm run invoke`: runs the code of one function in this folder against a cloud that `npm run demo -- --keep` left up. */

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { hubFunctionNames } from '../../scripts/bundle.ts';
import { CloudAdmin } from '../cloud/admin-client.ts';
import { deployedName, InvokeUsageError, inputOf, keptCloud } from './invocation.ts';

const HELP = `npm run invoke -- FUNCTION FILE [--inspect]

Runs functions/FUNCTION/handler.ts from this folder once, with the
environment and the role of the function in the embedded cloud.
Its logs go to the terminal; the reply is the last line.

FILE is the input as JSON. A sample of events/ is put into a message of a
queue, as the function gets it.

  --inspect       waits for a debugger on 127.0.0.1:9229 before it begins
  --stack NAME    the stack that the function belongs to (patchwave)

Run \`npm run demo -- --keep\` first, then run the line that it prints under "set once".`;

const HANDLER = fileURLToPath(new URL('run-handler.ts', import.meta.url));

async function main(words: readonly string[]): Promise<number> {
  const { values, positionals } = parsed(words);
  if (values.help) {
    process.stdout.write(`${HELP}\n`);
    return 0;
  }
  const [name, file, ...others] = positionals;
  if (name === undefined || file === undefined || others.length > 0) throw new InvokeUsageError(HELP);
  const { endpoint } = keptCloud(process.env);
  const deployed = deployedName(name, hubFunctionNames(), values.stack);
  const input = inputOf(readFileSync(file, 'utf8'), name);
  const variables = await new CloudAdmin(endpoint).variablesOf(deployed);
  return run([...(values.inspect ? ['--inspect-brk=127.0.0.1:9229'] : []), HANDLER, name], variables, input);
}

function parsed(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      options: {
        help: { type: 'boolean', short: 'h' },
        inspect: { type: 'boolean' },
        stack: { type: 'string', default: 'patchwave' },
      },
      allowPositionals: true,
    });
  } catch (error) {
    throw new InvokeUsageError(`${(error as Error).message}\n\n${HELP}`, { cause: error });
  }
}

/** A process of its own: nothing of this one's environment reaches the function. */
function run(words: readonly string[], variables: Readonly<Record<string, string>>, input: unknown): Promise<number> {
  const child = spawn(process.execPath, words, {
    env: { PATH: process.env.PATH, ...variables },
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  child.stdin.end(JSON.stringify(input));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof InvokeUsageError ? 2 : 1;
}
