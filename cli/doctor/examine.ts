import { NoPolicyError, PolicyUnreadableError } from '../../shared/ports/errors.ts';
import { checkAlarms } from './checks/alarms.ts';
import { checkQueues } from './checks/queues.ts';
import { checkPolicy, checkReview, checkScanQuota } from './checks/review.ts';
import { checkOutputs, checkStack, checkVersions, LEDGER_OUTPUTS, noStack } from './checks/stack.ts';
import type { InstallationFacts, PolicyFacts, StackFacts, StackResource } from './facts.ts';
import type { CheckName, Finding, Found } from './finding.ts';
import type { DoctorPorts, LedgerReads } from './ports.ts';
import { deniedActionOf, type Reading, reading, unread } from './reading.ts';

/** Checks one installation. Reads first, then decides; a read that fails makes its check `unknown`. */
export async function examine(ports: DoctorPorts): Promise<readonly Finding[]> {
  const stack = await reading(() => ports.hub.stack());
  if (!stack.isRead) return named('stack', [unread(ports.stackName, stack)]);
  if (!stack.value) return named('stack', [noStack(ports.stackName)]);
  return findingsOf(await readFacts(ports, stack.value));
}

async function readFacts(ports: DoctorPorts, stack: StackFacts): Promise<InstallationFacts> {
  const { hub, version, clock } = ports;
  const resources = await reading(() => hub.resources());
  const ofType = (type: string): readonly StackResource[] =>
    resources.isRead ? resources.value.filter((resource) => resource.type === type) : [];
  const from = async <Value>(read: () => Promise<Value>): Promise<Reading<Value>> =>
    resources.isRead ? reading(read) : resources;
  const ledger = ledgerOf(ports, stack);
  const inLedger = async <Value>(read: (ledger: LedgerReads) => Promise<Value>): Promise<Reading<Value>> =>
    'reason' in ledger ? { isRead: false, ...ledger } : reading(() => read(ledger));
  const [queues, alarms, policy, lastReview] = await Promise.all([
    from(() => hub.queues(ofType('AWS::SQS::Queue'))),
    from(() => hub.alarms(ofType('AWS::CloudWatch::Alarm').map(({ physicalId }) => physicalId))),
    inLedger(policyFacts),
    inLedger(async ({ runs }) => (await runs.latest()).ended),
  ]);
  return { nowEpochMs: clock(), commandVersion: version, stack, queues, alarms, policy, lastReview };
}

function ledgerOf(ports: DoctorPorts, { outputs }: StackFacts): LedgerReads | { readonly reason: string } {
  const missing = LEDGER_OUTPUTS.filter((name) => !outputs[name]);
  return missing.length === 0 ? ports.ledger(outputs) : { reason: `the stack has no output ${missing.join(', ')}` };
}

async function policyFacts({ policies }: LedgerReads): Promise<PolicyFacts> {
  try {
    return { version: (await policies.current()).version };
  } catch (error) {
    if (error instanceof NoPolicyError) return undefined;
    // Denied to the person says nothing of the functions.
    if (error instanceof PolicyUnreadableError && deniedActionOf(error) === undefined)
      return { version: error.version, problem: error.message };
    throw error;
  }
}

/** Every check over the facts. */
export function findingsOf(facts: InstallationFacts): readonly Finding[] {
  const { stack, nowEpochMs } = facts;
  const dailyQuota = Number(stack.parameters.DailyScanQuota ?? 100_000);
  return [
    ...named('stack', checkStack(stack)),
    ...named('outputs', checkOutputs(stack)),
    ...named('versions', checkVersions(stack, facts.commandVersion)),
    ...checked('policy', facts.policy, checkPolicy),
    ...checked('review', facts.lastReview, (review) => checkReview(review, nowEpochMs)),
    ...checked('scan-quota', facts.lastReview, (review) => checkScanQuota(review, dailyQuota)),
    ...checked('alarms', facts.alarms, checkAlarms),
    ...checked('queues', facts.queues, checkQueues),
  ];
}

const named = (check: CheckName, found: readonly Found[]): readonly Finding[] =>
  found.map((one) => ({ check, ...one }));

const checked = <Value>(
  check: CheckName,
  facts: Reading<Value>,
  decide: (value: Value) => readonly Found[],
): readonly Finding[] => named(check, facts.isRead ? decide(facts.value) : [unread(check, facts)]);
