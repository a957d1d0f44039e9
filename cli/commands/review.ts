import type { CliContext, Command } from '../command.ts';
import { EXIT, UsageError } from '../errors.ts';
import { print, printJson, printProgress } from '../output.ts';

const SCOPE = /^(\d{12})\/([a-z0-9-]+(?:,[a-z0-9-]+)*)$/;

/** `111122223333/eu-west-1,us-east-1` as the review's input names it. */
function scopeOf(text: string): { account: string; regions: string[] } {
  const [, account, regions] = SCOPE.exec(text) ?? [];
  if (account === undefined || regions === undefined) {
    throw new UsageError(`"${text}" is not a scope. Write ACCOUNT/REGION[,REGION...], such as 111122223333/eu-west-1.`);
  }
  return { account, regions: regions.split(',') };
}

const FOLLOW = 'Follow it in the Step Functions console, or with: patchwave status';

/** A preview does not appear in `status`, because it writes nothing there. */
const previewText = (runId: string): string =>
  `Its run is ${runId}. When the execution has ended, run:
  patchwave report --run ${runId}
  patchwave plan --preview ${runId}`;

type Ending = Exclude<Awaited<ReturnType<CliContext['executions']['state']>>, 'running'>;

const ENDINGS: Readonly<Record<Ending, string>> = {
  succeeded: 'has succeeded. See: patchwave report',
  failed: 'has failed. See why: patchwave status',
  gone: 'is not known to Step Functions. See: patchwave status',
};

/** A preview does not appear in `status`. */
const PREVIEW_ENDINGS: Readonly<Record<Ending, string>> = {
  succeeded: 'preview has succeeded.',
  failed: 'preview has failed. See why: the execution in the Step Functions console',
  gone: 'preview is not known to Step Functions.',
};

/** The pauses between two reads grow to this number of them. */
const LONGEST_PAUSE = 6;

async function endOf({ executions, pauses }: CliContext, executionArn: string): Promise<Ending> {
  printProgress('Waiting for the end of the review. Ctrl-C ends the waiting, and not the review.');
  for (let reads = 1; ; reads += 1) {
    const state = await executions.state(executionArn);
    if (state !== 'running') return state;
    await pauses.wait(Math.min(reads, LONGEST_PAUSE));
  }
}

export const reviewCommand: Command = {
  summary: 'Starts a review of the whole fleet, or of some scopes.',
  synopsis: '[ACCOUNT/REGION,...]... [--preview] [--wait]',
  words: [0, 100],
  argumentHelp: {
    'ACCOUNT/REGION': 'a scope to read, such as 111122223333/eu-west-1,us-east-1 (default: the whole fleet)',
  },
  options: { preview: { type: 'boolean' }, wait: { type: 'boolean' } },
  optionHelp: {
    preview: 'only read: request no scan and change nothing in the ledger',
    wait: 'wait until the review has ended; exit code 1 if it failed',
  },
  async run(context, { positionals, flags, json }) {
    const scopes = positionals.map(scopeOf);
    const connected = await context();
    const { reviews } = connected;
    const { executionArn, runId } = await reviews.start({
      ...(scopes.length > 0 && { scopes }),
      ...(flags.preview === true && { mode: 'preview' }),
    });
    if (json) printJson({ executionArn, runId });
    else print(`Started ${executionArn}\n${flags.preview === true ? previewText(runId) : FOLLOW}`);
    if (flags.wait !== true) return EXIT.done;
    const state = await endOf(connected, executionArn);
    printProgress(`The ${flags.preview === true ? PREVIEW_ENDINGS[state] : `review ${ENDINGS[state]}`}`);
    return state === 'succeeded' ? EXIT.done : EXIT.failed;
  },
};
