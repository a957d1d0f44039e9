import { createInterface } from 'node:readline/promises';
import { counted } from '../../shared/domain/common/counted.ts';
import { visibleLine } from '../../shared/domain/common/visible-text.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { PolicyInvalidError, policyVersion } from '../../shared/domain/policy/policy-document.ts';
import { policyOfVersion } from '../../shared/review/policy-in-force.ts';
import type { Arguments, CliContext, Command } from '../command.ts';
import { EXIT, UsageError } from '../errors.ts';
import { fitted, paint, print, printJson, printProgress } from '../output.ts';
import { namedAsBefore } from '../policy/kept-names.ts';
import { policyDoubts } from '../policy/policy-diff.ts';
import { policyIn, policyYaml } from '../policy/policy-file.ts';
import { effectText } from '../policy/render-effect.ts';
import { type WholeEffect, wholeEffect } from '../policy/whole-effect.ts';
import { POLICY_INIT_HELP, POLICY_INIT_OPTIONS } from '../proposal/options.ts';
import { shellWord } from '../shell-word.ts';

const LIST_ALL = 'To list all without applying: run with --json and answer N';

export const policyCommand: Command = {
  summary:
    'Checks a policy, puts it in force after showing what would change, shows the one in force, or proposes one from what your accounts run and build.',
  synopsis:
    'validate FILE | apply FILE [--yes] [--leave-streams] [--despite-refusals] | show | init [--accounts ACCOUNT,... --role NAME] [--regions REGION,...] [--output FILE]',
  words: [1, 2],
  argumentHelp: { FILE: 'the policy, as docs/policy.md describes it' },
  options: {
    yes: { type: 'boolean', short: 'y' },
    'leave-streams': { type: 'boolean' },
    'despite-refusals': { type: 'boolean' },
    ...POLICY_INIT_OPTIONS,
  },
  optionHelp: {
    yes: 'apply without asking',
    'leave-streams': 'apply although streams with an open cause, build or closure would lose their rule',
    'despite-refusals':
      'apply although doors would refuse what runs; asks for their number at a terminal, also with --yes',
    ...POLICY_INIT_HELP,
  },
  async run(context, args) {
    const [action, file] = args.positionals;
    switch (action) {
      case 'validate':
        return validate(file, args);
      case 'apply':
        return apply(file, await policyIn(file), await context(), args);
      case 'show':
        if (file !== undefined) throw new UsageError('"policy show" takes no file: it shows the policy in force.');
        return show(await context(), args);
      case 'init': {
        if (file !== undefined)
          throw new UsageError('"policy init" takes no file. Name the one to write with --output.');
        // Loaded late: only this action reads accounts.
        const { policyInit } = await import('../proposal/policy-init.ts');
        return policyInit(args);
      }
      default:
        throw new UsageError(
          `"policy ${action}" is not an action. Expected: patchwave policy ${policyCommand.synopsis}`,
        );
    }
  },
};

/** With `--json` problems are data too, so that a pipeline that checks the file can name each. */
async function validate(file: string | undefined, { json }: Arguments): Promise<number> {
  let policy: Policy;
  try {
    policy = await policyIn(file, 'validate');
  } catch (error) {
    if (!json || !(error instanceof PolicyInvalidError)) throw error;
    printJson({ valid: false, problems: error.problems });
    return EXIT.failed;
  }
  const version = policyVersion(policy);
  const warnings = policyDoubts(policy, Date.now());
  if (json) printJson({ valid: true, version, warnings });
  else {
    const { streams, severities, waivers, mode } = policy;
    const rules = [counted(streams.length, 'stream rule'), counted(severities.length, 'severity rule')];
    for (const warning of warnings) print(fitted(`${paint('yellow', 'Warning:')} ${warning}`, 2));
    const text = `Valid: ${rules.join(', ')}, ${counted(waivers.length, 'waiver')}, mode ${mode}. Version ${version.slice(0, 12)}.`;
    print(fitted(text, 2));
  }
  return EXIT.done;
}

/** As YAML that `policy apply` takes. */
async function show({ policies }: CliContext, { json }: Arguments): Promise<number> {
  const { version, policy } = await policies.current();
  if (json) printJson({ version, policy });
  else print(`# The policy in force, with its defaults. Its version:\n# ${version}\n${policyYaml(policy)}`.trimEnd());
  return EXIT.done;
}

/** The policy in force may be unreadable: applying a policy repairs that. */
async function apply(
  file: string | undefined,
  given: Policy,
  context: CliContext,
  { flags, json }: Arguments,
): Promise<number> {
  const named = await namedAsBefore(context.policies, given);
  const { policy } = named;
  const version = policyVersion(policy);
  const replaces = await context.policies.inForce();
  if (replaces === version && !(await policyOfVersion(context.policies, version)).unreadable) {
    // Its document may be missing beside the pointer: an earlier version of Patchwave wrote none.
    await context.policies.publish(policy, { author: await context.author(), atEpochMs: context.clock(), replaces });
    if (json) printJson({ version, applied: false, judged: 0, changes: [], warnings: [] });
    else print(`This policy is in force already (${version.slice(0, 12)}).`);
    return EXIT.done;
  }
  const effect = await wholeEffect(context, named, version);
  if (!json) print(effectText(effect, LIST_ALL, file));
  const refusal = await refusalOf(effect, flags, file);
  if (refusal !== undefined) {
    if (json) printJson({ version, replaces: replaces ?? null, applied: false, ...effect });
    else print(`\n${fitted(refusal, 0)}`);
    return EXIT.failed;
  }
  const author = await context.author();
  await context.policies.publish(policy, { author, atEpochMs: context.clock(), ...(replaces && { replaces }) });
  if (json) printJson({ version, replaces: replaces ?? null, applied: true, ...effect });
  else
    print(
      `Policy ${version.slice(0, 12)} is in force now. The next evaluation of each image uses it.\nTo evaluate all images now: patchwave review`,
    );
  return EXIT.done;
}

/**
 * Why the policy is not applied; `undefined` if it is. What its doors would refuse stops it, and only a person at a terminal can
 * go on: `--yes`, which a pipeline gives, is no answer to that.
 * @throws UsageError without a terminal
 */
async function refusalOf(
  { leaving, refusals, unknownStarts }: WholeEffect,
  { yes, 'leave-streams': mayLeave, 'despite-refusals': isDespite }: Arguments['flags'],
  file = 'FILE',
): Promise<string | undefined> {
  if (leaving.length > 0 && mayLeave !== true)
    return `${counted(leaving.length, 'stream')} with open work would lose ${leaving.length === 1 ? 'its' : 'their'} rule, so Patchwave would build and deploy nothing there any more. ${UNCHANGED} Keep a rule for each; if its images now come under another head tag, give that head tag the name of the stream in \`names\`. To apply it all the same: --leave-streams`;
  const number = refusals.length + unknownStarts.length;
  if (number === 0)
    return yes === true || (await confirmed('Put it in force? [y/N] ', /^y(es)?$/i)) ? undefined : UNCHANGED;
  const unknown =
    unknownStarts.length === 0 ? '' : `, and do not know what runs in ${counted(unknownStarts.length, 'place')}`;
  const what = `Doors of this policy would refuse ${counted(refusals.length, 'image')} that ${refusals.length === 1 ? 'runs' : 'run'}${unknown}`;
  if (isDespite !== true)
    return `${what}. ${UNCHANGED} Let the owners deploy, then run patchwave review --wait and apply again; or give these places the mode warn. To see all: patchwave doors check --policy ${visibleLine(shellWord(file))}. To apply it all the same: --despite-refusals`;
  const question = `${what}. They cannot start again once a node fails or a task ends. To put the policy in force, type ${number}: `;
  return (await confirmed(question, new RegExp(`^${number}$`))) ? undefined : UNCHANGED;
}

const UNCHANGED = 'Nothing was changed.';

/** @throws UsageError without a terminal */
async function confirmed(question: string, answer: RegExp): Promise<boolean> {
  if (!process.stdin.isTTY)
    throw new UsageError(
      'There is no terminal to ask on, so the policy was not applied. Add --yes to apply it; if doors would refuse what runs, only a person at a terminal can.',
    );
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    // Ctrl-C and Ctrl-D are a no.
    const text = await lines.question(question).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ABORT_ERR') throw error;
      printProgress('');
      return '';
    });
    return answer.test(text.trim());
  } finally {
    lines.close();
  }
}
