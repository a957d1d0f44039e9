import { collect } from '../../shared/concurrency.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { policyVersion } from '../../shared/domain/policy/policy-document.ts';
import { knownAccounts } from '../../shared/review/our-accounts.ts';
import type { Arguments, CliContext, Command, OtherAccounts } from '../command.ts';
import { renderPastBreakGlasses } from '../doors/break-glasses.ts';
import { checkDoors, type DoorsAnswer } from '../doors/check-doors.ts';
import { renderDoors } from '../doors/render-doors.ts';
import { EXIT, UsageError } from '../errors.ts';
import { fitted, paint, print, printJson } from '../output.ts';
import { policyIn } from '../policy/policy-file.ts';

export const doorsCommand: Command = {
  summary:
    'Says which images the doors of the policy would refuse if they started once more (exit code 0: none; 3: some; 4: unknown), or who opened which namespace.',
  synopsis: 'check [--policy FILE] [--cluster NAME] [--role NAME] | break-glass',
  words: [1, 1],
  options: {
    policy: { type: 'string' },
    cluster: { type: 'string' },
    role: { type: 'string' },
    'external-id': { type: 'string' },
  },
  optionHelp: {
    'policy FILE': 'ask the doors of this policy (default: that in force)',
    'cluster NAME': 'only this cluster: NAME, or ACCOUNT/REGION/NAME',
    'role NAME': 'a role in accounts other than yours that you may assume, to read their templates',
    'external-id TEXT': 'what that role asks for',
  },
  async run(context, args) {
    const [action] = args.positionals;
    if (action === 'break-glass') return breakGlass(context, args);
    if (action !== 'check')
      throw new UsageError(`"doors ${action}" is not an action. Expected: patchwave doors ${doorsCommand.synopsis}`);
    const { file, cluster, role } = flagsOf(args);
    const given = file === undefined ? undefined : await policyIn(file);
    const connected = await context();
    const { version, policy } = given
      ? { version: policyVersion(given), policy: given }
      : await connected.policies.current();
    const templates = await connected.templates(role && othersOf(connected, role));
    const answer = await checkDoors(connected, { policy, ...(cluster !== undefined && { cluster }), templates });
    if (args.json) printJson({ policyVersion: version, ...answer });
    else print(textOf(answer, policy, version, connected.clock()));
    return exitCodeOf(answer);
  },
};

/** Every break-glass that the ledger still has. */
async function breakGlass(context: () => Promise<CliContext>, { flags, json }: Arguments): Promise<number> {
  const [flag] = Object.keys(doorsCommand.options ?? {}).filter((name) => flags[name] !== undefined);
  if (flag !== undefined) throw new UsageError(`--${flag} belongs to \`doors check\`.`);
  const { breakGlasses, clock } = await context();
  const all = await collect(breakGlasses.all());
  if (json) printJson(all);
  else print(all.length === 0 ? 'No namespace was opened.' : renderPastBreakGlasses(all, clock()));
  return EXIT.done;
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-names */
const ROLE_NAME = /^(?:[\w+=,.@-]{1,128}\/){0,8}[\w+=,.@-]{1,64}$/;
/** https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html */
const EXTERNAL_ID = /^[\w+=,.@:/-]{2,1224}$/;

/** @throws UsageError */
function flagsOf({ flags }: Arguments): {
  readonly file?: string;
  readonly cluster?: string;
  readonly role?: Pick<OtherAccounts, 'role' | 'externalId'>;
} {
  const { policy, cluster, role, 'external-id': externalId } = flags;
  if (externalId !== undefined && role === undefined)
    throw new UsageError('--external-id belongs to a role. Name it with --role.');
  if (typeof role === 'string' && !ROLE_NAME.test(role))
    throw new UsageError(
      `--role takes the name of a role, such as Reader, with its path if it has one (ops/Reader), not "${role}".`,
    );
  if (typeof externalId === 'string' && !EXTERNAL_ID.test(externalId))
    throw new UsageError('--external-id takes 2 to 1224 letters, digits and any of _+=,.@:/-');
  return {
    ...(typeof policy === 'string' && { file: policy }),
    ...(typeof cluster === 'string' && { cluster }),
    ...(typeof role === 'string' && { role: { role, ...(typeof externalId === 'string' && { externalId }) } }),
  };
}

/** The role is assumed only in accounts that reviews read, or that the policy names. */
function othersOf(
  { policies, scopes, clock }: CliContext,
  role: Pick<OtherAccounts, 'role' | 'externalId'>,
): OtherAccounts {
  return { ...role, isOurs: knownAccounts({ policies, scopes, clock }) };
}

function textOf(answer: DoorsAnswer, policy: Policy, version: string, nowEpochMs: number): string {
  const { doors } = policy;
  const isOff = !doors || [doors, ...doors.rules].every(({ mode }) => mode === 'off');
  const note = isOff
    ? paint('yellow', 'No door of this policy judges: each has mode off. Add `doors` to see what they would refuse.')
    : 'Each door reads the verdict of the last review. What runs is as the last review found it; rules that differ from those in force count from the next review on.';
  return [fitted(`Policy ${version.slice(0, 12)}. ${note}`, 2), renderDoors(answer, nowEpochMs)].join('\n\n');
}

/** What is unknown never counts as allowed. */
function exitCodeOf({ counts, unknown }: DoorsAnswer): number {
  if (counts.refused > 0) return EXIT.violating;
  return unknown.length > 0 ? EXIT.unknown : EXIT.done;
}
