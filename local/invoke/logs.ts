/** `npm run logs`: what a function wrote in a cloud that `npm run demo -- --keep` left up. */

import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';
import { hubFunctionNames } from '../../scripts/bundle.ts';
import { inVenv } from '../../scripts/setup.mjs';
import { deployedName, InvokeUsageError, keptCloud } from './invocation.ts';

const HELP = `npm run logs -- FUNCTION [--since MINUTES] [--follow]

Prints what the function logged in the embedded cloud, oldest first. Each line
has a time, then a JSON object or a line of Lambda itself around an invocation.

  --since MINUTES  only the last minutes (60)
  --follow         goes on with what is new, until Ctrl-C
  --stack NAME     the stack that the function belongs to (patchwave)

Run \`npm run demo -- --keep\` first, then run the line that it prints under "set once".`;

const POLL_MS = 2000;
const LARGEST_ANSWER_BYTES = 256 * 1024 * 1024;

interface LogLine {
  readonly logStreamName: string;
  readonly timestamp: number;
  readonly message: string;
}

async function main(words: readonly string[]): Promise<number> {
  const { values, positionals } = parsed(words);
  const minutes = Number(values.since);
  const [name, ...others] = positionals;
  if (values.help) {
    process.stdout.write(`${HELP}\n`);
    return 0;
  }
  if (name === undefined || others.length > 0 || !(minutes > 0)) throw new InvokeUsageError(HELP);
  const { endpoint } = keptCloud(process.env);
  const group = `/aws/lambda/${deployedName(name, hubFunctionNames(), values.stack)}`;
  const sinceEpochMs = Date.now() - minutes * 60_000;
  const shown = new Map<string, number>();
  for (;;) {
    const lines = await linesOf(endpoint, group, sinceEpochMs);
    for (const { timestamp, message } of unseen(lines, shown)) {
      process.stdout.write(`${new Date(timestamp).toISOString()} ${message.trimEnd()}\n`);
    }
    if (!values.follow) return 0;
    await sleep(POLL_MS);
  }
}

/** Lines that are new since the last call. The cloud gives lines no id, and a stream of lines only grows. */
function unseen(lines: readonly LogLine[], shown: Map<string, number>): readonly LogLine[] {
  const seen = new Map(shown);
  return lines.filter(({ logStreamName }) => {
    const before = seen.get(logStreamName) ?? 0;
    if (before > 0) seen.set(logStreamName, before - 1);
    else shown.set(logStreamName, (shown.get(logStreamName) ?? 0) + 1);
    return before === 0;
  });
}

/** All lines since an instant, over all pages, oldest first. A function that never ran has no log group. */
async function linesOf(endpoint: string, group: string, sinceEpochMs: number): Promise<readonly LogLine[]> {
  const words = ['--endpoint-url', endpoint, '--output', 'json', 'logs', 'filter-log-events'];
  const what = ['--log-group-name', group, '--start-time', String(Math.floor(sinceEpochMs))];
  const { stdout } = await promisify(execFile)(inVenv('cloud', 'aws'), [...words, ...what], {
    maxBuffer: LARGEST_ANSWER_BYTES,
  });
  const { events = [] } = JSON.parse(stdout) as { readonly events?: readonly LogLine[] };
  return events.toSorted((one, other) => one.timestamp - other.timestamp);
}

function parsed(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      options: {
        help: { type: 'boolean', short: 'h' },
        follow: { type: 'boolean' },
        since: { type: 'string', default: '60' },
        stack: { type: 'string', default: 'patchwave' },
      },
      allowPositionals: true,
    });
  } catch (error) {
    throw new InvokeUsageError(`${(error as Error).message}\n\n${HELP}`, { cause: error });
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof InvokeUsageError ? 2 : 1;
}
