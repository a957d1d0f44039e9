import { CloudWatchClient, DisableAlarmActionsCommand, EnableAlarmActionsCommand } from '@aws-sdk/client-cloudwatch';
import { ECRClient, PutRegistryScanningConfigurationCommand } from '@aws-sdk/client-ecr';
import {
  DisableRuleCommand,
  EnableRuleCommand,
  EventBridgeClient,
  ListRulesCommand,
} from '@aws-sdk/client-eventbridge';
import { DeleteRolePolicyCommand, GetRoleCommand, IAMClient, UpdateAssumeRolePolicyCommand } from '@aws-sdk/client-iam';
import { ListQueuesCommand, PurgeQueueCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { beforeAll } from '@jest/globals';
import { doctorCommandOf } from '../../cli/commands/doctor.ts';
import { doctorPorts } from '../../cli/doctor/connect.ts';
import type { DoctorFinding } from '../../cli/doctor/finding.ts';
import type { HubConfig } from '../../shared/adapters/clients.ts';
import { doorsSchema } from '../../shared/domain/policy/doors.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { parse } from '../../shared/schema.ts';
import { Grants, nameOf } from '../support/grants.ts';
import { useInstallation } from '../support/installation.ts';
import { tiersWithoutDoors } from '../support/one-account.ts';
import { operatorOf } from '../support/operator.ts';
import { run } from '../unit/cli/support.ts';

const LIMIT_MS = 300_000;
const HUB = { account: '111122223333', region: 'us-east-1' };
const MEMBER = { account: '444455556666', region: 'us-east-1' };
const TOPIC = `arn:aws:sns:${HUB.region}:${HUB.account}:on-call`;

const installation = useInstallation(tiersWithoutDoors, {
  parameters: { AlarmTopicArn: TOPIC, DoctorPrincipalArns: `arn:aws:iam::${HUB.account}:role/oper*` },
});
const config = (place = HUB) => installation().cloud.clients(place.account, place.region);

const COMMANDS = ['doctor', 'doctor --deep'];
let person: HubConfig;
beforeAll(async () => {
  // The fleet's policy denies at doors, and no door is deployed here.
  await apply((await installation().context.policies.current()).policy, undefined);
  person = await operatorOf(installation(), 'operator', COMMANDS);
  await installation().review();
}, LIMIT_MS);

async function apply(policy: Policy, doors: Policy['doors']): Promise<void> {
  const { policies } = installation().context;
  const { version: replaces } = await policies.current();
  await policies.publish({ ...policy, doors }, { author: 'a test', atEpochMs: Date.now(), replaces });
}

async function findings(who = person, flags: { readonly deep?: true } = {}): Promise<readonly DoctorFinding[]> {
  const command = doctorCommandOf(() => doctorPorts('patchwave', who));
  const { text } = await run(command, installation().context, [], { json: true, ...flags });
  return (JSON.parse(text) as { findings: readonly DoctorFinding[] }).findings;
}
const broken = async (flags: { readonly deep?: true } = {}): Promise<readonly string[]> =>
  (await findings(person, flags))
    .filter(({ state }) => state !== 'ok')
    .map(({ check, state, resource }) => `${check} ${state} ${resource}`);

test(
  'a sound installation has no finding, and its test events leave nothing behind',
  async () => {
    const command = doctorCommandOf(() => doctorPorts('patchwave', person));
    const { code, text } = await run(command, installation().context);
    expect(text).toContain(' 0 unknown,');
    expect(code).toBe(0);
    expect(text.split('\n').filter((line) => line.length > 80)).toEqual([]);
  },
  LIMIT_MS,
);

/** Breaks something for the duration of a call, and always repairs it. */
async function brokenBy(breaks: () => Promise<unknown>, corrects: () => Promise<unknown>): Promise<readonly string[]> {
  try {
    await breaks();
    return await broken();
  } finally {
    await corrects();
  }
}

test(
  'a policy that denies where no door is deployed',
  async () => {
    const { policy } = await installation().context.policies.current();
    const doors = parse(doorsSchema, { mode: 'deny' });
    const found = await brokenBy(
      () => apply(policy, doors),
      () => apply(policy, undefined),
    );
    expect(found.filter((one) => !one.startsWith('hooks '))).toEqual([
      `doors broken ${MEMBER.region}`,
      'doors broken ecs-door.yaml',
    ]);
    // Its services have no hooks.
    const hooks = found.filter((one) => one.startsWith('hooks '));
    expect(hooks.length).toBeGreaterThan(0);
    expect(hooks.filter((one) => !one.startsWith('hooks broken '))).toEqual([]);
  },
  LIMIT_MS,
);

test(
  '--deep answers all but what no cascade has shown yet',
  async () => {
    const command = doctorCommandOf(() => doctorPorts('patchwave', person));
    const { text } = await run(command, installation().context, [], { json: true, deep: true });
    const { findings } = JSON.parse(text) as { findings: readonly DoctorFinding[] };
    const notOk = findings.filter(({ state }) => state !== 'ok');
    expect(notOk.map(({ check, state }) => `${check} ${state}`)).toEqual(['task-tokens unknown']);
    expect(findings.find(({ check }) => check === 'bus-policy')?.text).toContain('the whole PutEvents call fails');
  },
  LIMIT_MS,
);

test(
  'an alarm whose actions are off',
  async () => {
    const client = new CloudWatchClient(config());
    const AlarmNames = ['patchwave-review-failed'];
    const found = await brokenBy(
      () => client.send(new DisableAlarmActionsCommand({ AlarmNames })),
      () => client.send(new EnableAlarmActionsCommand({ AlarmNames })),
    );
    expect(found).toEqual(['alarms broken patchwave-review-failed']);
  },
  LIMIT_MS,
);

test(
  'a message in a dead-letter queue',
  async () => {
    const client = new SQSClient(config());
    const { QueueUrls = [] } = await client.send(new ListQueuesCommand({}));
    const QueueUrl = QueueUrls.find((url) => url.includes('ReviewDeadLetters'));
    const found = await brokenBy(
      () => client.send(new SendMessageCommand({ QueueUrl, MessageBody: '{}' })),
      () => client.send(new PurgeQueueCommand({ QueueUrl })),
    );
    expect(found).toEqual([`queues broken ${QueueUrl?.split('/').at(-1)}`]);
  },
  LIMIT_MS,
);

test(
  'a rule of the hub that is disabled',
  async () => {
    const client = new EventBridgeClient(config());
    const EventBusName = 'patchwave';
    const { Rules = [] } = await client.send(new ListRulesCommand({ EventBusName }));
    const Name = Rules.map((rule) => rule.Name ?? '').find((name) => name.includes('ScanRule'));
    const found = await brokenBy(
      () => client.send(new DisableRuleCommand({ Name, EventBusName })),
      () => client.send(new EnableRuleCommand({ Name, EventBusName })),
    );
    expect(found).toEqual(['wiring broken ScanRule']);
  },
  LIMIT_MS,
);

test(
  'a member that forwards nothing',
  async () => {
    const client = new EventBridgeClient(config(MEMBER));
    const { Rules = [] } = await client.send(new ListRulesCommand({}));
    const found = await brokenBy(
      () => Promise.all(Rules.map(({ Name }) => client.send(new DisableRuleCommand({ Name })))),
      () => Promise.all(Rules.map(({ Name }) => client.send(new EnableRuleCommand({ Name })))),
    );
    expect(found).toEqual([`forwarding broken ${MEMBER.account}/${MEMBER.region}`]);
  },
  LIMIT_MS,
);

test(
  'a registry with enhanced scanning and no rule',
  async () => {
    const client = new ECRClient(config(MEMBER));
    const found = await brokenBy(
      () => client.send(new PutRegistryScanningConfigurationCommand({ scanType: 'ENHANCED', rules: [] })),
      () => client.send(new PutRegistryScanningConfigurationCommand({ scanType: 'BASIC', rules: [] })),
    );
    expect(found).toEqual([`scanning broken ${MEMBER.account}/${MEMBER.region}`]);
  },
  LIMIT_MS,
);

/** What is broken while a role of the member trusts somebody else. */
async function brokenByTrust(RoleName: string, change: (trust: string) => string): Promise<readonly string[]> {
  const iam = new IAMClient(config(MEMBER));
  const { Role } = await iam.send(new GetRoleCommand({ RoleName }));
  const trust = decodeURIComponent(Role?.AssumeRolePolicyDocument ?? '');
  return brokenBy(
    () => iam.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument: change(trust) })),
    () => iam.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument: trust })),
  );
}

test(
  'a read role that requires another external id: the role is broken, and its reads are unknown',
  async () => {
    const found = await brokenByTrust('PatchwaveRead', (trust) =>
      trust.replace('patchwave-in-the-embedded-cloud', 'another-id'),
    );
    expect(found.filter((one) => one.includes(' broken '))).toEqual([`read-roles broken ${MEMBER.account}`]);
    expect(found.map((one) => one.split(' ')[0])).toEqual([
      ...['read-roles', 'acting-roles', 'scanning', 'forwarding', 'hooks'],
    ]);
  },
  LIMIT_MS,
);

test.each([
  ['KnowHowRegistriesScan ecr:GetRegistryScanningConfiguration', 'scanning', {}],
  ['KnowHowRegistriesScan ecr:ListPullTimeUpdateExclusions', 'pull-times', { deep: true }],
  ['ReadOwnRoles iam:GetRole', 'read-roles', {}],
  ['TestForwarding events:PutEvents', 'forwarding', {}],
] as const)(
  'read roles without %s: %s is not ok',
  async (name, check, flags) => {
    let work = () => broken(flags);
    for (const place of [HUB, MEMBER]) {
      const grants = new Grants(new IAMClient(config(place)));
      const grant = (await grants.of('PatchwaveRead')).find((one) => nameOf(one) === name);
      if (!grant) throw new Error(`the read role of ${place.account} has no ${name}`);
      const inner = work;
      work = () => grants.without(grant, inner);
    }
    const found = await work();
    expect(found.map((one) => one.split(' ')[0])).toContain(check);
  },
  LIMIT_MS,
);

test(
  'a build role that trusts another hub',
  async () => {
    const found = await brokenByTrust('PatchwaveActBuild', (trust) => trust.replaceAll(HUB.account, '999999999999'));
    expect(found).toEqual([`acting-roles broken ${MEMBER.account}`]);
  },
  LIMIT_MS,
);

test(
  'a person whom the stack does not list learns what to add, and nothing of members',
  async () => {
    const stranger = await operatorOf(installation(), 'bystander', COMMANDS);
    const notOk = (await findings(stranger)).filter(({ state }) => state !== 'ok');
    expect(notOk.map(({ check, state }) => `${check} ${state}`)).toEqual([
      'read-roles unknown',
      'acting-roles unknown',
      'scanning unknown',
      'forwarding unknown',
      'hooks unknown',
    ]);
    expect(notOk[0]?.fix).toContain(`DoctorPrincipalArns, which lists arn:aws:iam::${HUB.account}:role/oper*`);
  },
  LIMIT_MS,
);

test(
  'for a person without the role of the hub the answer names the missing permission',
  async () => {
    const iam = new IAMClient(config());
    await iam.send(new DeleteRolePolicyCommand({ RoleName: 'operator', PolicyName: 'commands' }));
    const [found, ...others] = await findings();
    expect(others).toEqual([]);
    expect(found).toMatchObject({ check: 'stack', state: 'unknown' });
    expect(found?.fix).toContain('cloudformation:DescribeStacks');
  },
  LIMIT_MS,
);
