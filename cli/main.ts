#!/usr/bin/env node
import { parseArgs } from 'node:util';
import type { Arguments, Command } from './command.ts';
import { ageCommand } from './commands/age.ts';
import { confirmLeftCommand } from './commands/confirm-left.ts';
import { doctorCommand } from './commands/doctor.ts';
import { ledgerCommand } from './commands/ledger.ts';
import { lineageCommand } from './commands/lineage.ts';
import { pauseCommand, resumeCommand } from './commands/pause.ts';
import { planCommand } from './commands/plan.ts';
import { policyCommand } from './commands/policy.ts';
import { protectionCommand } from './commands/protection.ts';
import { rebuildCommand } from './commands/rebuild.ts';
import { reportCommand } from './commands/report.ts';
import { resetCommand } from './commands/reset.ts';
import { reviewCommand } from './commands/review.ts';
import { statusCommand } from './commands/status.ts';
import { whyCommand } from './commands/why.ts';
import { connect } from './context.ts';
import { EXIT, explained, UsageError } from './errors.ts';
import { paint, print, printError } from './output.ts';

const COMMANDS: Readonly<Record<string, Command>> = {
  status: statusCommand,
  why: whyCommand,
  age: ageCommand,
  lineage: lineageCommand,
  report: reportCommand,
  review: reviewCommand,
  protection: protectionCommand,
  plan: planCommand,
  rebuild: rebuildCommand,
  reset: resetCommand,
  pause: pauseCommand,
  resume: resumeCommand,
  'confirm-left': confirmLeftCommand,
  policy: policyCommand,
  ledger: ledgerCommand,
  doctor: doctorCommand,
};

const COMMON = {
  json: { type: 'boolean' },
  stack: { type: 'string' },
  region: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

const COMMON_HELP = `  --json           one JSON document on standard output
  --stack NAME     the stack Patchwave was deployed as (default: $PATCHWAVE_STACK, else "patchwave")
  --region REGION  the Region it was deployed in (default: as the AWS CLI finds it)`;

function help(): string {
  const width = Math.max(...Object.entries(COMMANDS).map(([name, { synopsis }]) => `${name} ${synopsis}`.length));
  const lines = Object.entries(COMMANDS).map(
    ([name, { synopsis, summary }]) => `  ${`${name} ${synopsis}`.padEnd(width)}  ${summary}`,
  );
  return `${paint('bold', 'patchwave')} <command> [options]\n\n${lines.join('\n')}\n\n${COMMON_HELP}

Exit codes: 0 done, 1 failed, 2 wrong use; with --exit-code also 3 violating, 4 unknown.`;
}

function commandHelp(name: string, command: Command): string {
  const options = Object.entries(command.optionHelp).map(([option, text]) => `  --${option.padEnd(15)}${text}`);
  return [`patchwave ${name} ${command.synopsis}`.trimEnd(), '', command.summary, '', ...options, COMMON_HELP].join(
    '\n',
  );
}

function argumentsOf(name: string, command: Command, words: string[]): Arguments & { help: boolean } {
  try {
    const { values, positionals } = parseArgs({
      args: words,
      options: { ...COMMON, ...command.options },
      allowPositionals: true,
    });
    const [least, most] = command.words;
    const asksForHelp = values.help === true;
    if (!asksForHelp && (positionals.length < least || positionals.length > most)) {
      throw new UsageError(`Expected: patchwave ${name} ${command.synopsis}`.trimEnd());
    }
    return {
      positionals,
      flags: values as Arguments['flags'],
      json: values.json === true,
      help: asksForHelp,
    };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${(error as Error).message}\nSee: patchwave ${name} --help`, { cause: error });
  }
}

async function main([name, ...words]: string[]): Promise<number> {
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    print(help());
    return name === undefined ? EXIT.usage : EXIT.done;
  }
  const command = COMMANDS[name];
  if (command === undefined) throw new UsageError(`There is no command "${name}". See: patchwave help`);
  const args = argumentsOf(name, command, words);
  if (args.help) {
    print(commandHelp(name, command));
    return EXIT.done;
  }
  const { stack, region } = args.flags;
  return command.run(() => connect({ stack: textOf(stack), region: textOf(region) }), args);
}

const textOf = (flag: string | boolean | undefined): string | undefined =>
  typeof flag === 'string' ? flag : undefined;

// A reader that stops reading (`| head`) is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.done);
});

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  printError(`patchwave: ${explained(error)}`);
  process.exitCode = error instanceof UsageError ? EXIT.usage : EXIT.failed;
}
