import { collect } from '../../shared/concurrency.ts';
import { sharedReferences } from '../../shared/domain/policy/aws-managed.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { NoPolicyError, PolicyUnreadableError } from '../../shared/ports/errors.ts';
import { checkAlarms, checkTopics } from './checks/alarms.ts';
import { checkBusPolicy, checkPullTimes, checkStartTime, checkTaskTokens } from './checks/deep.ts';
import { checkDoorStacks, checkPossibleStarts } from './checks/doors.ts';
import { checkHooks, checkRollingPauses } from './checks/hooks.ts';
import { checkKey } from './checks/key.ts';
import { checkLedger } from './checks/ledger.ts';
import { checkActingRoles, checkForwarding, checkReadRoles, checkScanning, membersUnread } from './checks/members.ts';
import { checkQueues } from './checks/queues.ts';
import { checkPolicyInForce, checkReview, checkScanQuota } from './checks/review.ts';
import { checkOutputs, checkStack, checkVersions, LEDGER_OUTPUTS, noStack } from './checks/stack.ts';
import { checkWiring, TEST_QUEUE, TEST_RULE } from './checks/wiring.ts';
import type { CheckFinding, CheckName, DoctorFinding } from './finding.ts';
import type {
  AlarmDescription,
  DeepResults,
  InstallationDescription,
  MembersDescription,
  MixedPut,
  PolicyDescription,
  StackDescription,
  StackResource,
} from './installation.ts';
import type { DoctorPorts, LedgerReads, MemberReads } from './ports.ts';
import { readDeep } from './read-deep.ts';
import { readDoors } from './read-doors.ts';
import { readMembers } from './read-members.ts';
import { type DoctorReading, deniedActionOf, reading, unread, wasRead } from './reading.ts';

/**
 * Checks one installation. Reads first, then decides; a failed read makes its check `unknown`.
 * @param isDeep whether to test undocumented behaviour of AWS too
 */
export async function examine(ports: DoctorPorts, isDeep = false): Promise<Examination> {
  const stack = await reading(() => ports.hub.stack());
  if (!stack.isRead) return { findings: named('stack', [unread(ports.stackName, stack)]), testEvents: 0 };
  if (!stack.value) return { findings: named('stack', [noStack(ports.stackName)]), testEvents: 0 };
  const description = await readInstallation(ports, stack.value, isDeep);
  return { findings: doctorFindingsOf(description), testEvents: testEventsOf(description) };
}

export interface Examination {
  readonly findings: readonly DoctorFinding[];
  /** Number of test events sent. */
  readonly testEvents: number;
}

/** Number of events that the bus accepts from the call that sends two, and from the one that tests the call. */
const MIXED_EVENTS: Readonly<Record<MixedPut, number>> = {
  'whole-call-refused': 1,
  'entry-refused': 1,
  'both-taken': 2,
  'both-refused': 0,
};

function testEventsOf({ members, deep }: InstallationDescription): number {
  const mixed = deep?.mixedPut.isRead ? deep.mixedPut.value : undefined;
  return (members.isRead ? members.value.testEvents : 0) + (mixed ? MIXED_EVENTS[mixed.put] : 0);
}

async function readInstallation(
  ports: DoctorPorts,
  stack: StackDescription,
  isDeep: boolean,
): Promise<InstallationDescription> {
  const { hub, version, clock } = ports;
  const resources = await reading(() => hub.resources());
  const ofType = (type: string): readonly StackResource[] =>
    resources.isRead ? resources.value.filter((resource) => resource.type === type) : [];
  const from = async <Value>(read: () => Promise<Value>): Promise<DoctorReading<Value>> =>
    resources.isRead ? reading(read) : resources;
  const ledger = ledgerOf(ports, stack);
  const inLedger = async <Value>(read: (ledger: LedgerReads) => Promise<Value>): Promise<DoctorReading<Value>> =>
    'reason' in ledger ? { isRead: false, ...ledger } : reading(() => read(ledger));
  const keyArn = stack.parameters.KmsKeyArn;
  let inForce: Policy | undefined;
  const [queues, alarms, rules, mappings, key, table, policy, lastReview] = await Promise.all([
    from(() => hub.queues(ofType('AWS::SQS::Queue').filter(({ logicalId }) => logicalId !== TEST_QUEUE))),
    from(() => hub.alarms(ofType('AWS::CloudWatch::Alarm').map(({ physicalId }) => physicalId))),
    from(() => hub.rules(ofType('AWS::Events::Rule'), (stack.outputs.BusArn ?? '').split('event-bus/')[1] ?? '')),
    from(() => hub.mappings(ofType('AWS::Lambda::EventSourceMapping'))),
    reading(async () => (keyArn ? hub.key(keyArn, stack.outputs.LedgerTable ?? '') : undefined)),
    inLedger(() => hub.table(stack.outputs.LedgerTable ?? '')),
    inLedger(async ({ policies }) => {
      const { description, policy: read } = await readPolicy(policies);
      inForce = read;
      return description;
    }),
    inLedger(({ runs }) => runs.latestOfFleet()),
  ]);
  const topics = alarms.isRead ? await reading(() => hub.topics(topicsOf(alarms.value, stack))) : alarms;
  const scopes = await inLedger((known) => collect(known.scopes.all()));
  const doors = await inLedger((known) => readDoors(ports.doors, stack, known, inForce, clock()));
  let reads: MemberReads | undefined;
  const members = await inLedger(async (known) => {
    reads = ports.members(stack, known);
    return readMembers(ports, reads, stack, known, inForce);
  });
  const description: InstallationDescription = {
    ...{ nowEpochMs: clock(), commandVersion: version, stack, queues, alarms, topics, rules, mappings, key, table },
    ...{ policy, lastReview, members, doors, scopes },
  };
  return isDeep ? { ...description, deep: await readDeep(ports, reads, description) } : description;
}

/** Of this account; who owns another account's topic looks after its subscriptions. */
const topicsOf = (alarms: readonly AlarmDescription[], { account }: StackDescription): readonly string[] =>
  [...new Set(alarms.flatMap(({ actions }) => actions))].filter((arn) => {
    const [, , service, , owner] = arn.split(':');
    return service === 'sns' && owner === account;
  });

function ledgerOf(ports: DoctorPorts, { outputs }: StackDescription): LedgerReads | { readonly reason: string } {
  const missing = LEDGER_OUTPUTS.filter((name) => !outputs[name]);
  return missing.length === 0 ? ports.ledger(outputs) : { reason: `the stack has no output ${missing.join(', ')}` };
}

async function readPolicy(
  policies: LedgerReads['policies'],
): Promise<{ readonly description: PolicyDescription; readonly policy?: Policy }> {
  try {
    const { version, policy } = await policies.current();
    return { description: { version, sharedReferences: sharedReferences(policy.awsManaged) }, policy };
  } catch (error) {
    if (error instanceof NoPolicyError) return { description: undefined };
    // A denial for the person says nothing about the functions.
    if (error instanceof PolicyUnreadableError && deniedActionOf(error) === undefined)
      return { description: { version: error.version, problem: error.message } };
    throw error;
  }
}

/** Runs every check over what was read. */
export function doctorFindingsOf(description: InstallationDescription): readonly DoctorFinding[] {
  const { stack, nowEpochMs, commandVersion: version } = description;
  const ofMembers = (
    check: CheckName,
    decide: (members: MembersDescription) => readonly CheckFinding[],
  ): readonly DoctorFinding[] =>
    named(
      check,
      description.members.isRead
        ? decide(description.members.value)
        : [membersUnread(check, stack, description.members)],
    );
  const dailyQuota = Number(stack.parameters.DailyScanQuota ?? 100_000);
  return [
    ...named('stack', checkStack(stack)),
    ...named('outputs', checkOutputs(stack)),
    ...named('versions', checkVersions(stack, version)),
    ...checked('ledger', description.table, checkLedger),
    ...checked('policy', description.policy, checkPolicyInForce),
    ...checked('review', description.lastReview, (review) => checkReview(review, nowEpochMs)),
    ...checked('scan-quota', description.lastReview, (review) => checkScanQuota(review, dailyQuota)),
    ...checked('alarms', description.alarms, (alarms) => checkAlarms(alarms)),
    ...checked('topics', description.topics, checkTopics),
    ...checked('queues', description.queues, checkQueues),
    ...checked('wiring', both(description.rules, description.mappings), ([rules, mappings]) =>
      checkWiring(rules, mappings, stack.parameters),
    ),
    ...checked('key', description.key, checkKey),
    ...ofMembers('read-roles', (members) => checkReadRoles(stack, members, version)),
    ...ofMembers('acting-roles', (members) => checkActingRoles(stack, members, version)),
    ...ofMembers('scanning', (members) => checkScanning(members, version)),
    ...ofMembers('forwarding', (members) => checkForwarding(stack, members, version, isListening(description.rules))),
    ...checked('doors', description.doors, (doors) => checkDoorStacks(doors, stack)),
    ...checked('starts', description.scopes, checkPossibleStarts),
    ...ofMembers('hooks', (members) => checkHooks(members, version)),
    ...(description.deep ? deepFindings(description, description.deep) : []),
  ];
}

const deepFindings = (
  { stack, members }: InstallationDescription,
  { mixedPut, callbacks, startTime, pullTime, rolling }: DeepResults,
): readonly DoctorFinding[] => {
  const inMembers = <Value>(
    check: CheckName,
    description: DoctorReading<Value>,
    decide: (value: Value) => readonly CheckFinding[],
  ): readonly DoctorFinding[] =>
    members.isRead ? checked(check, description, decide) : named(check, [membersUnread(check, stack, members)]);
  return [
    ...inMembers('bus-policy', mixedPut, checkBusPolicy),
    ...checked('task-tokens', callbacks, checkTaskTokens),
    ...checked('start-time', startTime, checkStartTime),
    ...inMembers('pull-times', pullTime, checkPullTimes),
    ...inMembers('rolling-pauses', rolling, checkRollingPauses),
  ];
};

/** Whether test events can reach their queue; assumed if unknown. */
const isListening = (rules: InstallationDescription['rules']): boolean =>
  !rules.isRead || rules.value.every(({ logicalId, state }) => logicalId !== TEST_RULE || state === 'enabled');

/** Combines two readings; the failed one wins. */
function both<One, Other>(one: DoctorReading<One>, other: DoctorReading<Other>): DoctorReading<readonly [One, Other]> {
  if (!one.isRead) return one;
  return other.isRead ? wasRead([one.value, other.value]) : other;
}

const named = (check: CheckName, found: readonly CheckFinding[]): readonly DoctorFinding[] =>
  found.map((one) => ({ check, ...one }));

const checked = <Value>(
  check: CheckName,
  description: DoctorReading<Value>,
  decide: (value: Value) => readonly CheckFinding[],
): readonly DoctorFinding[] =>
  named(check, description.isRead ? decide(description.value) : [unread(check, description)]);
