import { doctorCommandOf } from '../../../cli/commands/doctor.ts';
import type { StackFacts } from '../../../cli/doctor/facts.ts';
import type { Finding } from '../../../cli/doctor/finding.ts';
import { type FakeInstallation, VERSION } from '../../support/fakes/doctor.ts';
import { fakeWorld, START_EPOCH_MS } from '../../support/fakes/world.ts';
import { HOUR_MS } from '../../support/samples.ts';
import { endReview, soundInstallation } from './doctor-support.ts';
import { cliContext, run } from './support.ts';

const asked = (installation: FakeInstallation, flags: Readonly<Record<string, boolean>> = {}) =>
  run(
    doctorCommandOf(() => installation),
    cliContext(fakeWorld()),
    [],
    flags,
  );

async function findingsOf(installation: FakeInstallation): Promise<readonly Finding[]> {
  const { text } = await asked(installation, { json: true });
  return (JSON.parse(text) as { findings: readonly Finding[] }).findings;
}

test('a sound installation has nothing broken and nothing unknown', async () => {
  const { code, text } = await asked(await soundInstallation());
  expect(text).toContain('0 broken, 0 not known,');
  expect(text).toContain('Nothing is broken.');
  expect(text).not.toMatch(/fix:/);
  expect(code).toBe(0);
});

const change = ({ hub }: FakeInstallation, changes: Partial<StackFacts>): void => {
  if (hub.described) hub.described = { ...hub.described, ...changes };
};
const output = (installation: FakeInstallation, name: string, value: string): void =>
  change(installation, { outputs: { ...installation.hub.described?.outputs, [name]: value } });

interface Broken {
  readonly what: string;
  readonly breaks: (installation: FakeInstallation) => unknown;
  /** The one finding: its check and resource. */
  readonly names: string;
  readonly text: RegExp;
  readonly fix: RegExp;
}

const BROKEN: readonly Broken[] = [
  {
    what: 'there is no stack',
    breaks: ({ hub }) => {
      hub.described = undefined;
    },
    ...{ names: 'stack patchwave', text: /There is no stack "patchwave"/, fix: /--stack and its Region/ },
  },
  {
    what: 'an upgrade failed and was not rolled back',
    breaks: (made) => change(made, { status: 'UPDATE_ROLLBACK_FAILED' }),
    ...{ names: 'stack patchwave', text: /UPDATE_ROLLBACK_FAILED/, fix: /describe-stack-events/ },
  },
  {
    what: 'the stack lacks an output',
    breaks: (made) => output(made, 'BusArn', ''),
    ...{ names: 'outputs BusArn', text: /no output BusArn/, fix: /Deploy this version/ },
  },
  {
    what: 'the template is of another version than the command',
    breaks: (made) => output(made, 'TemplateVersion', '0.9.0'),
    ...{ names: 'versions template.yaml', text: /0\.9\.0, the command of version 1\.2\.3/, fix: /upgrade the hub/ },
  },
  {
    what: 'the policy in force is damaged',
    breaks: ({ world }) => world.policies.damagePointer(),
    ...{ names: 'policy policy', text: /cannot be read/, fix: /patchwave policy apply FILE/ },
  },
  {
    what: 'the last review failed',
    breaks: (made) =>
      endReview(made, { state: 'failed', failure: { error: 'FleetReviewIncomplete', detail: '1 scope failed' } }),
    ...{ names: 'review run-1', text: /FleetReviewIncomplete: 1 scope failed/, fix: /patchwave review/ },
  },
  {
    what: 'no review was complete since yesterday',
    breaks: (made) => endReview(made, { endedAtEpochMs: START_EPOCH_MS - 27 * HOUR_MS }),
    ...{ names: 'review run-1', text: /more than 26 hours ago/, fix: /NoReviewAlarm/ },
  },
  {
    what: 'the registries took no more scans',
    breaks: (made) => exhaust(made, 40),
    ...{ names: 'scan-quota scans', text: /40 images were not scanned/, fix: /enhanced scanning/ },
  },
  {
    what: 'an alarm has no action',
    breaks: ({ hub }) => hub.addAlarm('patchwave-no-review', { actions: 0 }),
    ...{ names: 'alarms patchwave-no-review', text: /has no action/, fix: /AlarmTopicArn/ },
  },
  {
    what: 'no alarm has an action',
    breaks: ({ hub }) => {
      for (const name of hub.alarmFacts.keys()) hub.addAlarm(name, { actions: 0 });
    },
    ...{ names: 'alarms alarms', text: /None of 2 alarms has an action/, fix: /AlarmTopicArn/ },
  },
  {
    what: 'the actions of an alarm are off',
    breaks: ({ hub }) => hub.addAlarm('patchwave-no-review', { actionsEnabled: false }),
    ...{ names: 'alarms patchwave-no-review', text: /switched off/, fix: /enable-alarm-actions/ },
  },
  {
    what: 'an alarm was deleted',
    breaks: ({ hub }) => hub.addAlarm('patchwave-no-review', { exists: false }),
    ...{ names: 'alarms patchwave-no-review', text: /was deleted/, fix: /Deploy/ },
  },
  {
    what: 'messages were set aside',
    breaks: ({ hub }) => hub.addQueue('ScanEventDeadLetters', { waiting: 3 }),
    ...{
      names: 'queues patchwave-ScanEventDeadLetters',
      text: /3 messages failed/,
      fix: /ScanEventDeadLettersAlarm in docs\/operations\.md/,
    },
  },
  {
    what: 'a message waits for long',
    breaks: ({ hub }) => hub.addQueue('PlanQueue', { waiting: 2, oldestSeconds: 3_600 }),
    ...{ names: 'queues patchwave-PlanQueue', text: /the oldest for 60 minutes/, fix: /errors and throttles/ },
  },
];

const exhaust = (made: FakeInstallation, refused: number) =>
  endReview(made, {
    totals: {
      ...{ found: 1, outcomes: { compliant: 1, violating: 0, unknown: 0, failed: 0 } },
      scopes: { complete: 1, skipped: 0, failed: 0 },
      inventory: { clusters: 1, tasks: 1, containers: 1, usages: 1, unresolved: 0 },
      scans: { requested: 1_000, fresh: 0, later: 0, refused: { 'quota-or-scanned': refused } },
    },
  });

test.each(BROKEN)(
  'broken: $what; it is named with its fix, and nothing else is',
  async ({ breaks, names, text, fix }) => {
    const installation = await soundInstallation();
    await breaks(installation);
    const found = await findingsOf(installation);
    const notOk = found.filter(({ state }) => state === 'broken');
    expect(notOk.map(({ check, resource }) => `${check} ${resource}`)).toEqual([names]);
    expect(notOk[0]?.text).toMatch(text);
    expect(notOk[0]?.fix).toMatch(fix);
    expect((await asked(installation)).code).toBe(1);
  },
);

test.each([
  ['cloudformation:DescribeStacks', ['stack']],
  ['cloudformation:ListStackResources', ['alarms', 'queues']],
  ['cloudwatch:DescribeAlarms', ['alarms']],
  ['sqs:GetQueueAttributes', ['queues']],
])('a person who may not %s: the checks of it are unknown, and name the action', async (action, checks) => {
  const installation = await soundInstallation();
  installation.hub.deny(action);
  const found = await findingsOf(installation);
  expect(found.filter(({ state }) => state === 'unknown').map(({ check }) => check)).toEqual(checks);
  for (const { state, fix } of found) if (state !== 'ok') expect(fix).toContain(`Allow yourself ${action};`);
  expect((await asked(installation)).code).toBe(4);
});

test('what the ledger denies is unknown, with the action that AWS names', async () => {
  const installation = await soundInstallation();
  const denied = new Error('User: jo is not authorized to perform: dynamodb:GetItem on resource: ledger');
  installation.ledger = () => ({
    runs: { latest: () => Promise.reject(denied) },
    policies: { current: () => Promise.reject(denied) },
  });
  const found = (await findingsOf(installation)).filter(({ state }) => state !== 'ok');
  expect(found.map(({ check, state }) => `${check} ${state}`)).toEqual([
    'policy unknown',
    'review unknown',
    'scan-quota unknown',
  ]);
  for (const { fix } of found) expect(fix).toContain('dynamodb:GetItem');
});

test('as it prints: aligned, at most 80 characters wide, each fix below what it fixes', async () => {
  const installation = await soundInstallation();
  installation.hub.addAlarm('patchwave-no-review', { actions: 0 });
  installation.hub.deny('sqs:GetQueueAttributes');
  const { text } = await asked(installation);
  expect(text.split('\n').filter((line) => line.length > 80)).toEqual([]);
  expect(text).toBe(`\
ok       stack         The stack is UPDATE_COMPLETE, in 111122223333/eu-west-1.
ok       outputs       The stack has all 10 outputs.
ok       versions      Template and command are of version 1.2.3.
ok       policy        Policy 46bc4f981ac5 is in force and can be read.
ok       review        The last review was complete at 2026-11-24 02:00 UTC.
ok       scan-quota    The last review asked for 12 scans; each registry has at
                       least 988 left that day.
broken   alarms        The alarm patchwave-no-review has no action, so no person
                       is notified.
                       fix: Deploy with AlarmTopicArn=<ARN of an SNS topic>.
unknown  queues        Not checked: sqs:GetQueueAttributes was denied: You are
                       not allowed to.
                       fix: Allow yourself sqs:GetQueueAttributes; see
                       "Permissions" in docs/commands.md.

1 broken, 1 not known, 6 ok. Make the fixes, then run the command again.
`);
});

test('as JSON', async () => {
  const { text } = await asked(await soundInstallation(), { json: true });
  const told = JSON.parse(text) as Record<string, unknown>;
  expect(told).toMatchObject({ stack: 'patchwave', version: VERSION });
  expect(Object.keys(told)).toEqual(['stack', 'version', 'findings']);
});
