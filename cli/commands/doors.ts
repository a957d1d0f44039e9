import { collect } from '../../shared/concurrency.ts';
import { MOST_HOURS_OPEN } from '../../shared/domain/admission/break-glass.ts';
import { HOUR_MS, instant, MINUTE_MS } from '../../shared/domain/common/time.ts';
import { REGION_CODE } from '../../shared/domain/image/region.ts';
import { type DoorPlace, doorPlaceText } from '../../shared/domain/policy/doors.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { policyVersion } from '../../shared/domain/policy/policy-document.ts';
import { foreseeReview } from '../../shared/judging/foresee-images.ts';
import type { BreakGlassChange } from '../../shared/ports/admission.ts';
import type { PolicyVersion } from '../../shared/ports/policies.ts';
import { knownAccounts } from '../../shared/review/our-accounts.ts';
import { REASON, reasonIn } from '../acting/reason.ts';
import type { Arguments, CliContext, Command, OtherAccounts } from '../command.ts';
import { renderPastBreakGlasses } from '../doors/break-glasses.ts';
import { checkDoors, type DoorsAnswer } from '../doors/check-doors.ts';
import { renderDoors } from '../doors/render-doors.ts';
import { EXIT, UsageError } from '../errors.ts';
import { fitted, paint, print, printJson } from '../output.ts';
import { namedAsBefore } from '../policy/kept-names.ts';
import { imagesForeseen } from '../policy/policy-change.ts';
import { policyIn } from '../policy/policy-file.ts';
import { policyNow } from '../policy/policy-now.ts';

export const doorsCommand: Command = {
  summary:
    'Says which images the doors of the policy would refuse if they started once more (exit code 0: none; 3: some; 4: unknown), lists who opened what, opens a place in an emergency, or forgets a cluster whose webhook is gone.',
  synopsis:
    'check [--policy FILE] [--cluster NAME] [--role NAME] | break-glass | open PLACE --for TIME --reason TEXT | close PLACE | forget PLACE',
  words: [1, 2],
  argumentHelp: {
    PLACE:
      'a namespace of EKS, ACCOUNT/REGION/CLUSTER/NAMESPACE, or a cluster of ECS, ACCOUNT/REGION/CLUSTER; for forget a cluster of EKS, ACCOUNT/REGION/CLUSTER',
  },
  options: {
    policy: { type: 'string' },
    cluster: { type: 'string' },
    role: { type: 'string' },
    'external-id': { type: 'string' },
    for: { type: 'string' },
    ...REASON.options,
  },
  optionHelp: {
    'policy FILE': 'ask the doors of this policy (default: that in force)',
    'cluster NAME': 'only this cluster: NAME, or ACCOUNT/REGION/NAME',
    'role NAME': 'a role in accounts other than yours that you may assume, to read their templates',
    'external-id TEXT': 'what that role asks for',
    'for TIME': 'how long the place is open: 30m or 2h, at most 24h',
    ...REASON.optionHelp,
  },
  async run(context, args) {
    const [action = '', place] = args.positionals;
    const allowed = FLAGS[action];
    if (!allowed || (place !== undefined) !== TAKES_PLACE.has(action))
      throw new UsageError(
        `"doors ${args.positionals.join(' ')}" is not an action. Expected: patchwave doors ${doorsCommand.synopsis}`,
      );
    const [flag] = Object.keys(args.flags).filter((name) => args.flags[name] !== undefined && !allowed.includes(name));
    if (flag !== undefined) throw new UsageError(`--${flag} does not belong to \`doors ${action}\`.`);
    if (action === 'break-glass') return breakGlass(context, args);
    if (action === 'forget') return forget(context, place ?? '', args);
    if (place !== undefined) return action === 'open' ? open(context, place, args) : close(context, place, args);
    const { file, cluster, role } = flagsOf(args);
    const given = file === undefined ? undefined : await policyIn(file);
    const connected = await context();
    const asked = given ? await asApplied(connected, given) : await connected.policies.current();
    const { version, policy } = asked;
    const templates = await connected.templates(role && othersOf(connected, role));
    const images = given
      ? imagesForeseen(async () => foreseeReview(connected, asked, (await policyNow(connected))?.policy))
      : connected.images;
    const answer = await checkDoors(
      { ...connected, images },
      { asked, ...(cluster !== undefined && { cluster }), templates },
    );
    if (args.json) printJson({ policyVersion: version, ...answer });
    else print(textOf(answer, policy, version, connected.clock()));
    return exitCodeOf(answer);
  },
};

async function asApplied({ policies }: CliContext, given: Policy): Promise<PolicyVersion> {
  const { policy } = await namedAsBefore(policies, given);
  return { version: policyVersion(policy), policy };
}

/** The options of each action. */
const FLAGS: Readonly<Record<string, readonly string[]>> = {
  check: ['policy', 'cluster', 'role', 'external-id'],
  'break-glass': [],
  open: ['for', 'reason'],
  close: [],
  forget: [],
};
const TAKES_PLACE: ReadonlySet<string> = new Set(['open', 'close', 'forget']);

/** Every break-glass that the ledger still has. */
async function breakGlass(context: () => Promise<CliContext>, { json }: Arguments): Promise<number> {
  const { breakGlasses, clock } = await context();
  const all = await collect(breakGlasses.all());
  if (json) printJson(all);
  else print(all.length === 0 ? 'Nothing was opened.' : renderPastBreakGlasses(all, clock()));
  return EXIT.done;
}

/**
 * Opens a cluster or namespace at the word of a person who may write the ledger. It reads no policy and asks no cluster: in an
 * emergency neither may answer.
 */
async function open(context: () => Promise<CliContext>, text: string, args: Arguments): Promise<number> {
  const place = placeIn(text);
  const openMs = timeIn(args.flags.for);
  const reason = reasonIn(args);
  const { breakGlasses, clock, author } = await context();
  const [by, atEpochMs] = [await author(), clock()];
  const breakGlass = { author: by, reason, expiresAtEpochMs: atEpochMs + openMs };
  await breakGlasses.begin(place, breakGlass, changeOf(by, atEpochMs));
  if (args.json) printJson({ place, by, ...breakGlass, beganAtEpochMs: atEpochMs });
  else {
    const kind = place.namespace === undefined ? 'ECS cluster' : 'namespace';
    const until = instant(breakGlass.expiresAtEpochMs);
    print(
      fitted(
        `Every image may start in the ${kind} ${doorPlaceText(place)} until ${until}, with a warning. To end it before: patchwave doors close ${doorPlaceText(place)}`,
        2,
      ),
    );
  }
  return EXIT.done;
}

/** Ends what is open there, whoever opened it. */
async function close(context: () => Promise<CliContext>, text: string, { json }: Arguments): Promise<number> {
  const place = placeIn(text);
  const { breakGlasses, clock, author } = await context();
  const before = await breakGlasses.breakGlassOf(place);
  const atEpochMs = clock();
  const wasOpen = before !== undefined && atEpochMs < before.expiresAtEpochMs;
  await breakGlasses.end(place, changeOf(await author(), atEpochMs));
  if (json) printJson({ place, wasOpen });
  else print(wasOpen ? `Closed: ${doorPlaceText(place)}` : `No break-glass is open at ${doorPlaceText(place)}.`);
  return EXIT.done;
}

/** For a cluster that was deleted, or has no webhook any more: nothing else ends the alarm of its silence. */
async function forget(context: () => Promise<CliContext>, text: string, { json }: Arguments): Promise<number> {
  const { namespace, ...cluster } = placeIn(text);
  if (namespace !== undefined)
    throw new UsageError(`A whole cluster asks a webhook: write ${doorPlaceText(cluster)}, without a namespace.`);
  const { webhooks } = await context();
  const wasKnown = await webhooks.forget(cluster);
  if (json) printJson({ cluster, wasKnown });
  else
    print(
      wasKnown
        ? `Forgotten until it asks the webhook again: ${doorPlaceText(cluster)}`
        : `No cluster ${doorPlaceText(cluster)} is known to have asked the webhook.`,
    );
  return EXIT.done;
}

const changeOf = (user: string, atEpochMs: number): BreakGlassChange => ({
  uid: `${user} ${atEpochMs}`,
  user,
  atEpochMs,
  proof: 'person',
});

const PLACE = new RegExp(
  `^(?<account>\\d{12})/(?<region>${REGION_CODE})/(?<cluster>[A-Za-z0-9][A-Za-z0-9_-]{0,254})(?:/(?<namespace>[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?))?$`,
);

/** @throws UsageError */
function placeIn(text: string): DoorPlace {
  const { account, region, cluster, namespace } = PLACE.exec(text)?.groups ?? {};
  if (account === undefined || region === undefined || cluster === undefined)
    throw new UsageError(
      `"${text}" names no place. Write ACCOUNT/REGION/CLUSTER/NAMESPACE for a namespace in EKS, or ACCOUNT/REGION/CLUSTER for a cluster of ECS.`,
    );
  return { account, region, cluster, ...(namespace !== undefined && { namespace }) };
}

const TIME = /^(?<count>[1-9]\d{0,3})(?<unit>[mh])$/;

/** @throws UsageError */
function timeIn(text: string | boolean | undefined): number {
  const { count, unit } = TIME.exec(String(text))?.groups ?? {};
  const milliseconds = Number(count) * (unit === 'h' ? HOUR_MS : MINUTE_MS);
  if (count !== undefined && milliseconds <= MOST_HOURS_OPEN * HOUR_MS) return milliseconds;
  throw new UsageError(
    `Say how long the place is open: --for 30m or --for 2h, at most ${MOST_HOURS_OPEN}h${text === undefined ? '' : `, not "${text}"`}.`,
  );
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
    : 'Each door reads the verdict of the last review. What runs is as the last review found it; rules that are stricter than those in force count from the next review on.';
  return [fitted(`Policy ${version.slice(0, 12)}. ${note}`, 2), renderDoors(answer, nowEpochMs)].join('\n\n');
}

/** What is unknown never counts as allowed. */
function exitCodeOf({ counts, unknown }: DoorsAnswer): number {
  if (counts.refused > 0) return EXIT.violating;
  return unknown.length > 0 ? EXIT.unknown : EXIT.done;
}
