import { doctorCommandOf } from '../../../cli/commands/doctor.ts';
import type { DoctorFinding } from '../../../cli/doctor/finding.ts';
import type {
  AlarmDescription,
  DoorStackDescription,
  ServiceHooks,
  StackDescription,
} from '../../../cli/doctor/installation.ts';
import { ReadDeniedError } from '../../../cli/doctor/reading.ts';
import { type DoorMode, doorsSchema } from '../../../shared/domain/policy/doors.ts';
import type { PolicyDocument } from '../../../shared/domain/policy/policy.ts';
import * as v from '../../../shared/schema.ts';
import { type FakeInstallation, TOPIC, VERSION } from '../../support/fakes/doctor.ts';
import { fakeWorld, START_EPOCH_MS } from '../../support/fakes/world.ts';
import { HOUR_MS } from '../../support/samples.ts';
import { endReview, HUB, KEY, keyPolicy, MEMBER, roleOf, soundInstallation } from './doctor-support.ts';
import { cliContext, run } from './support.ts';

const asked = (installation: FakeInstallation, flags: Readonly<Record<string, boolean>> = {}) =>
  run(
    doctorCommandOf(() => installation),
    cliContext(fakeWorld()),
    [],
    flags,
  );

async function findingsOf(installation: FakeInstallation): Promise<readonly DoctorFinding[]> {
  const { text } = await asked(installation, { json: true });
  return (JSON.parse(text) as { findings: readonly DoctorFinding[] }).findings;
}

test('says how near the Region of a webhook is to its quota of AWS Lambda', async () => {
  const made = await soundInstallation();
  addDoor(made, { concurrency: { isRead: true, value: { quota: 1000, unreserved: 900, peak: 799 } } });
  expect(await findingsOf(made)).toContainEqual(
    expect.objectContaining({
      ...{ check: 'doors', state: 'ok' },
      text: expect.stringMatching(
        /ran at most 799 of 1000 executions at once in eu-west-1 within a day \(900 unreserved\)/,
      ),
    }),
  );
});

test('in a sound installation every check is ok', async () => {
  const { code, text } = await asked(await soundInstallation());
  expect(text).toContain('0 broken, 0 unknown,');
  expect(text).toContain('Nothing is broken.');
  expect(text).not.toMatch(/fix:/);
  expect(code).toBe(0);
});

const change = ({ hub }: FakeInstallation, changes: Partial<StackDescription>): void => {
  if (hub.described) hub.described = { ...hub.described, ...changes };
};
const output = (installation: FakeInstallation, name: string, value: string): void =>
  change(installation, { outputs: { ...installation.hub.described?.outputs, [name]: value } });

const rejecting = (error: Error): AsyncIterable<never> => ({
  [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }),
});

const TABLE = 'the LedgerTable';

function addDoor(
  { doors }: FakeInstallation,
  changes: Partial<Omit<DoorStackDescription, 'version'>> & { readonly version?: string | undefined } = {},
  alarm: Partial<AlarmDescription> = {},
): void {
  const { version, ...others }: typeof changes = { version: VERSION, ...changes };
  const name = 'eu-doors';
  const sound = { name: `${name}-slow`, exists: true, actions: [TOPIC], actionsEnabled: true, isRinging: false };
  doors.add(TABLE, {
    ...{ template: 'doors.yaml', name, region: 'eu-west-1', status: 'UPDATE_COMPLETE' },
    alarms: { isRead: true, value: [{ ...sound, ...alarm }] },
    ...others,
    ...(version !== undefined && { version }),
  });
}

async function denying({ world }: FakeInstallation, doors: PolicyDocument['doors']): Promise<void> {
  const { policy, version: replaces } = await world.policies.current();
  await world.policies.publish({ ...policy, doors: v.parse(doorsSchema, doors) }, { replaces });
}

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
    ...{
      names: 'stack patchwave',
      text: /UPDATE_ROLLBACK_FAILED/,
      fix: /describe-stack-events.*continue-update-rollback --stack-name patchwave, and deploy again/,
    },
  },
  {
    what: 'the first deployment failed and was rolled back',
    breaks: (made) => change(made, { status: 'ROLLBACK_COMPLETE' }),
    ...{ names: 'stack patchwave', text: /ROLLBACK_COMPLETE/, fix: /delete the stack, and deploy again/ },
  },
  {
    what: 'the stack lacks an output',
    breaks: (made) => output(made, 'BusArn', ''),
    ...{ names: 'outputs BusArn', text: /no output BusArn/, fix: /Deploy this version/ },
  },
  {
    what: 'the template is of another version than the command',
    breaks: (made) => output(made, 'TemplateVersion', '0.9.0'),
    ...{
      names: 'versions template.yaml',
      text: /0\.9\.0, but this command is of version 1\.2\.3/,
      fix: /upgrade the hub/,
    },
  },
  {
    what: 'the policy in force is damaged',
    breaks: ({ world }) => world.policies.damagePointer(),
    ...{ names: 'policy policy', text: /cannot be read/, fix: /patchwave policy apply FILE/ },
  },
  {
    what: 'the policy in force is of an earlier version, and exempts a whole shared host',
    breaks: async ({ world }) => {
      const { policy, version: replaces } = await world.policies.current();
      const awsManaged = { accounts: [], references: ['public.ecr.aws/**'] };
      await world.policies.publish({ ...policy, awsManaged }, { replaces });
    },
    ...{
      names: 'policy policy',
      text: /exempts nothing at a door here: the pattern "public\.ecr\.aws\/\*\*"/,
      fix: /public\.ecr\.aws\/karpenter\/\*\*.*patchwave policy apply FILE/,
    },
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
    breaks: ({ hub }) => hub.addAlarm('patchwave-no-review', { actions: [] }),
    ...{ names: 'alarms patchwave-no-review', text: /has no action/, fix: /AlarmTopicArn/ },
  },
  {
    what: 'no alarm has an action',
    breaks: ({ hub }) => {
      for (const name of hub.alarmDescriptions.keys()) hub.addAlarm(name, { actions: [] });
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
    what: 'the address of the alarms is not confirmed',
    breaks: ({ hub }) => hub.topicDescriptions.set(TOPIC, { arn: TOPIC, exists: true, confirmed: 0 }),
    ...{ names: `topics ${TOPIC}`, text: /no confirmed subscription/, fix: /sns subscribe --topic-arn/ },
  },
  {
    what: 'the topic of the alarms was deleted',
    breaks: ({ hub }) => hub.topicDescriptions.delete(TOPIC),
    ...{ names: `topics ${TOPIC}`, text: /does not exist/, fix: /AlarmTopicArn/ },
  },
  {
    what: 'messages were set aside',
    breaks: ({ hub }) => hub.addQueue('ScanEventDeadLetters', { waiting: 3 }),
    ...{
      names: 'queues patchwave-ScanEventDeadLetters',
      text: /has 3 messages/,
      fix: /ScanEventDeadLettersAlarm in docs\/operations\.md/,
    },
  },
  {
    what: 'a door is of an earlier version',
    breaks: (made) => addDoor(made, { version: '0.9.0' }),
    ...{
      names: 'doors eu-doors',
      text: /The stack eu-doors of doors\.yaml in eu-west-1 is of version 0\.9\.0, but the hub is of version 1\.2\.3/,
      fix: /Deploy doors\.yaml of version 1\.2\.3/,
    },
  },
  {
    what: 'a door does not say its version',
    breaks: (made) => addDoor(made, { version: undefined }),
    ...{ names: 'doors eu-doors', text: /is of an earlier version/, fix: /Deploy doors\.yaml of version 1\.2\.3/ },
  },
  {
    what: 'an alarm of a door goes off',
    breaks: (made) => addDoor(made, {}, { isRinging: true }),
    ...{ names: 'doors eu-doors-slow', text: /eu-doors-slow of doors\.yaml goes off/, fix: /docs\/doors\.md/ },
  },
  {
    what: 'an alarm of a door has no action',
    breaks: (made) => addDoor(made, {}, { actions: [] }),
    ...{ names: 'doors eu-doors-slow', text: /has no action/, fix: /Deploy eu-doors with AlarmTopicArn/ },
  },
  {
    what: 'an alarm of a door was deleted',
    breaks: (made) => addDoor(made, {}, { exists: false }),
    ...{ names: 'doors eu-doors-slow', text: /was deleted/, fix: /Deploy doors\.yaml again/ },
  },
  {
    what: 'the Region of a webhook is near its quota of AWS Lambda',
    breaks: (made) =>
      addDoor(made, { concurrency: { isRead: true, value: { quota: 1000, unreserved: 900, peak: 800 } } }),
    ...{
      names: 'doors eu-west-1',
      text: /ran 800 executions at once in eu-west-1 within the last day, and the quota of the account is 1000/,
      fix: /Service Quotas of eu-west-1.*ReservedConcurrency of doors\.yaml is not 0/,
    },
  },
  {
    what: 'a deployment of a door failed',
    breaks: (made) => addDoor(made, { status: 'UPDATE_ROLLBACK_FAILED' }),
    ...{
      names: 'doors eu-doors',
      text: /eu-doors of doors\.yaml in eu-west-1 is UPDATE_ROLLBACK_FAILED/,
      fix: /describe-stack-events --region eu-west-1 --stack-name eu-doors.*continue-update-rollback/,
    },
  },
  {
    what: 'the policy denies in an EKS cluster, and no door is in its Region',
    breaks: async (made) => {
      await denying(made, { rules: [{ mode: 'deny', namespaces: ['shop'] }] });
      const scope = { account: MEMBER, region: 'us-east-1', eksCluster: 'prod' };
      await made.world.scopes.record({ scope, completeAtEpochMs: made.clock() });
      addDoor(made);
    },
    ...{
      names: 'doors us-east-1',
      text: /denies in 1 EKS cluster of us-east-1, but no stack of doors\.yaml is there/,
      fix: /Deploy doors\.yaml in us-east-1, or have door-publisher\.yaml publish lists/,
    },
  },
  {
    what: 'the policy denies in an EKS cluster whose lists nobody publishes',
    breaks: async (made) => {
      await denying(made, { rules: [{ mode: 'deny', namespaces: ['shop'] }] });
      for (const eksCluster of ['listed-1', 'prod']) {
        const scope = { account: MEMBER, region: 'eu-west-1', eksCluster };
        await made.world.scopes.record({ scope, completeAtEpochMs: made.clock() });
      }
      const clusters = [{ account: MEMBER, region: '*', cluster: 'listed-*' }];
      addDoor(made, { template: 'door-publisher.yaml', clusters });
    },
    ...{
      names: 'doors eu-west-1',
      text: /denies in 1 EKS cluster of eu-west-1, but no stack of doors\.yaml is there/,
      fix: /door-publisher\.yaml/,
    },
  },
  {
    what: 'a cluster asks the webhook by the secret of version 0.2.0, and another one did so before',
    breaks: async ({ world, clock }) => {
      const [old, upgraded] = ['old', 'upgraded'].map((cluster) => ({ account: MEMBER, region: 'eu-west-1', cluster }));
      if (!old || !upgraded) throw new Error('there are two');
      for (const cluster of [old, upgraded]) await world.webhooks.record(cluster, 'shared-secret', clock());
      await world.webhooks.record(upgraded, 'signed', clock() + HOUR_MS);
    },
    ...{
      names: `doors ${MEMBER}/eu-west-1/old`,
      text: /asks the webhook by the secret of version 0\.2\.0, which opens it for every cluster/,
      fix: /webhook\.yaml with --key and apply it/,
    },
  },
  {
    what: 'the API server of a cluster no longer asks the webhook, and another one has started no pod since',
    breaks: async (made) => {
      addDoor(made);
      for (const [eksCluster, hours] of [['silent', 3] as const, ['idle', 0] as const]) {
        const where = { account: MEMBER, region: 'eu-west-1' };
        await made.world.webhooks.record({ ...where, cluster: eksCluster }, 'signed', made.clock() - 30 * HOUR_MS);
        const podCreatedAtEpochMs = made.clock() - (30 - hours) * HOUR_MS;
        const scope = { ...where, eksCluster };
        await made.world.scopes.record({ scope, completeAtEpochMs: made.clock(), podCreatedAtEpochMs });
      }
    },
    ...{
      names: `doors ${MEMBER}/eu-west-1/silent`,
      text: /last asked the webhook at .+ UTC, and a pod was created there at .+ UTC\. So what the door forbids starts/,
      fix: /Apply its webhook\.yaml again/,
    },
  },
  {
    what: 'pods run where the policy denies, and the API server never asked; another cluster gets lists',
    breaks: async (made) => {
      await denying(made, { rules: [{ mode: 'deny', namespaces: ['shop'] }] });
      for (const eksCluster of ['listed-1', 'never', 'without-pods']) {
        const scope = { account: MEMBER, region: 'eu-west-1', eksCluster };
        const pods = eksCluster === 'without-pods' ? {} : { podCreatedAtEpochMs: made.clock() };
        await made.world.scopes.record({ scope, completeAtEpochMs: made.clock(), ...pods });
      }
      addDoor(made);
      const clusters = [{ account: MEMBER, region: '*', cluster: 'listed-*' }];
      addDoor(made, { template: 'door-publisher.yaml', name: 'lists', clusters });
    },
    ...{
      names: `doors ${MEMBER}/eu-west-1/never`,
      text: /policy denies in .+never and pods run there, but its API server never asked the webhook/,
      fix: /steps 5 and 6 of "Install"/,
    },
  },
  {
    what: 'the policy denies in ECS clusters without a door',
    breaks: (made) => denying(made, { mode: 'deny' }),
    ...{
      names: 'doors ecs-door.yaml',
      text: /denies in ECS clusters \(3 accounts and Regions\), but no stack of ecs-door\.yaml is there/,
      fix: /Deploy ecs-door\.yaml in the Region of the hub/,
    },
  },
  {
    what: 'a message waits for long',
    breaks: ({ hub }) => hub.addQueue('PlanQueue', { waiting: 2, oldestSeconds: 3_600 }),
    ...{ names: 'queues patchwave-PlanQueue', text: /the oldest for 60 minutes/, fix: /errors and throttles/ },
  },
  {
    what: 'a rule of the bus is disabled',
    breaks: ({ hub }) => hub.addRule('ScanRule', { state: 'disabled' }),
    ...{
      names: 'wiring ScanRule',
      text: /ScanRule is disabled/,
      fix: /enable-rule --name patchwave-ScanRule --event-bus-name patchwave/,
    },
  },
  {
    what: 'the rule for test events is disabled',
    breaks: ({ hub }) => hub.addRule('DoctorRule', { state: 'disabled' }),
    ...{ names: 'wiring DoctorRule', text: /DoctorRule is disabled/, fix: /enable-rule/ },
  },
  {
    what: 'a rule was deleted',
    breaks: ({ hub }) => hub.addRule('PlanRule', { state: 'gone' }),
    ...{ names: 'wiring PlanRule', text: /was deleted/, fix: /Deploy template\.yaml again/ },
  },
  {
    what: 'a function takes nothing from its queue',
    breaks: ({ hub }) => hub.addMapping('PolicyEvaluationFunctionScanEvents', 'Disabled'),
    ...{
      names: 'wiring PolicyEvaluationFunctionScanEvents',
      text: /is Disabled/,
      fix: /update-event-source-mapping --uuid id-of-PolicyEvaluationFunctionScanEvents --enabled/,
    },
  },
  {
    what: 'the key is disabled',
    breaks: ({ hub }) => {
      hub.keyDescription = { ...hub.keyDescription, state: 'Disabled' };
    },
    ...{ names: `key ${KEY}`, text: /is Disabled/, fix: /enable-key/ },
  },
  {
    what: 'the table of the ledger was deleted',
    breaks: ({ hub }) => {
      hub.tableDescription = { isRestorable: false };
    },
    ...{ names: 'ledger the LedgerTable', text: /does not exist/, fix: /A deleted ledger/ },
  },
  {
    what: 'DynamoDB cannot use the table of the ledger',
    breaks: ({ hub }) => {
      hub.tableDescription = { status: 'INACCESSIBLE_ENCRYPTION_CREDENTIALS', isRestorable: true };
    },
    ...{ names: 'ledger the LedgerTable', text: /is INACCESSIBLE_ENCRYPTION/, fix: /wait table-exists/ },
  },
  {
    what: 'the ledger cannot be restored',
    breaks: ({ hub }) => {
      hub.tableDescription = { status: 'ACTIVE', isRestorable: false };
    },
    ...{ names: 'ledger the LedgerTable', text: /Point-in-time recovery/, fix: /update-continuous-backups/ },
  },
  {
    what: 'the key will be deleted',
    breaks: ({ hub }) => {
      hub.keyDescription = { ...hub.keyDescription, state: 'PendingDeletion', ledgerLostAtEpochMs: 1 };
    },
    ...{ names: `key ${KEY}`, text: /PendingDeletion/, fix: /cancel-key-deletion/ },
  },
  {
    what: 'the key does not let EventBridge use it',
    breaks: ({ hub }) => {
      hub.keyDescription = { ...hub.keyDescription, policy: keyPolicy(['scheduler', 'logs.eu-west-1']) };
    },
    ...{ names: `key ${KEY}`, text: /service events/, fix: /"A key of your own"/ },
  },
  {
    what: 'the grant of the ledger was revoked',
    breaks: ({ hub }) => {
      hub.keyDescription = { ...hub.keyDescription, ledgerLostAtEpochMs: START_EPOCH_MS };
    },
    ...{ names: `key ${KEY}`, text: /^Since 2026-11-24T03:00:00/, fix: /deploy again/ },
  },
  {
    what: 'an account has no read role',
    breaks: (made) => {
      memberOf(made).canRead = false;
    },
    ...{
      names: `read-roles ${MEMBER}`,
      text: /PatchwaveRead of account 444455556666 cannot be assumed/,
      fix: /HubAccountId=111122223333, OrganizationId=o-a1b2c3d4e5, ReadRoleName=PatchwaveRead/,
    },
  },
  {
    what: 'a hub without an organization does not list the account',
    breaks: (made) => {
      withoutOrganization(made, '777788889999');
      memberOf(made).canRead = false;
    },
    ...{
      names: `read-roles ${MEMBER}`,
      text: /PatchwaveRead of account 444455556666 cannot be assumed/,
      fix: /^Deploy template\.yaml with account 444455556666 in MemberAccountIds.* with HubAccountId=111122223333, ReadRoleName/,
    },
  },
  {
    what: 'a hub without an organization lists the account, which has no read role',
    breaks: (made) => {
      withoutOrganization(made, MEMBER);
      memberOf(made).canRead = false;
    },
    ...{
      names: `read-roles ${MEMBER}`,
      text: /PatchwaveRead of account 444455556666 cannot be assumed/,
      fix: /^Deploy member-account\.yaml in account 444455556666/,
    },
  },
  {
    what: 'the stack of the hub makes the roles of its account, and one is gone',
    breaks: (made) => {
      withoutOrganization(made, MEMBER);
      memberOf(made, HUB).canRead = false;
    },
    ...{
      names: `read-roles ${HUB}`,
      text: /PatchwaveRead of account 111122223333 cannot be assumed/,
      fix: /^Deploy template\.yaml again/,
    },
  },
  {
    what: 'the build role asks for an organization, and the hub is in none',
    breaks: (made) => {
      withoutOrganization(made, MEMBER);
      memberOf(made).roles.set('PatchwaveActBuild', roleOf('builder'));
    },
    ...{
      names: `acting-roles ${MEMBER}`,
      text: /requires the organization o-a1b2c3d4e5, and the hub has no OrganizationId/,
      fix: /Deploy member-account\.yaml/,
    },
  },
  {
    what: 'an account has member-account.yaml of an earlier version',
    breaks: (made) => memberOf(made).roles.set('PatchwaveRead', roleOf('reader', { version: '1.0.0' })),
    ...{
      names: `read-roles ${MEMBER}`,
      text: /version 1\.0\.0/,
      fix: /Deploy member-account\.yaml of version 1\.2\.3/,
    },
  },
  {
    what: 'an account has member-account.yaml of before it had versions',
    breaks: (made) => memberOf(made).roles.set('PatchwaveRead', { ...roleOf('reader'), tags: {} }),
    ...{ names: `read-roles ${MEMBER}`, text: /has no version/, fix: /Deploy member-account\.yaml/ },
  },
  {
    what: 'the account of a pipeline has no build role',
    breaks: (made) => memberOf(made).roles.delete('PatchwaveActBuild'),
    ...{ names: `acting-roles ${MEMBER}`, text: /PatchwaveActBuild/, fix: /PipelineArns/ },
  },
  {
    what: 'the build role trusts another hub',
    breaks: (made) => memberOf(made).roles.set('PatchwaveActBuild', roleOf('builder', { hub: '999999999999' })),
    ...{ names: `acting-roles ${MEMBER}`, text: /does not trust the hub's account/, fix: /HubAccountId/ },
  },
  {
    what: 'the rollout role asks for another external id',
    breaks: (made) => memberOf(made).roles.set('PatchwaveActRollout', roleOf('deployer', { externalId: 'another' })),
    ...{
      names: `acting-roles ${MEMBER}`,
      text: /does not require the external id of the hub/,
      fix: /ReadRoleExternalId/,
    },
  },
  {
    what: 'the protect role trusts the functions of another task',
    breaks: (made) => memberOf(made).roles.set('PatchwaveActProtect', roleOf('reader')),
    ...{ names: `acting-roles ${MEMBER}`, text: /path \/patchwave\/protector\//, fix: /Deploy member-account/ },
  },
  {
    what: 'services are to be restarted and no account lets them be',
    breaks: ({ fleet }) => {
      for (const { roles } of fleet.accounts.values()) roles.delete('PatchwaveActRollout');
    },
    ...{
      names: 'acting-roles accounts',
      text: /^No account has the role PatchwaveActRollout/,
      fix: /each account.*ServiceArns/,
    },
  },
  {
    what: 'a registry has enhanced scanning without a rule',
    breaks: ({ fleet }) => fleet.enhanced.set(`${MEMBER}/eu-west-1`, []),
    ...{ names: `scanning ${MEMBER}/eu-west-1`, text: /without any rule/, fix: /put-registry-scanning-configuration/ },
  },
  {
    what: 'no rule of enhanced scanning matches a repository',
    breaks: ({ fleet }) => fleet.enhanced.set(`${MEMBER}/eu-west-1`, ['base/*']),
    ...{ names: `scanning ${MEMBER}/eu-west-1/apps/web`, text: /matches its repository/, fix: /Add a scan rule/ },
  },
  {
    what: 'a Region does not forward events',
    breaks: ({ fleet }) => fleet.deaf.add(`${MEMBER}/us-east-1`),
    ...{ names: `forwarding ${MEMBER}/us-east-1`, text: /did not reach the hub within 60 s/, fix: /ForwardRule/ },
  },
  {
    what: 'the stack of the hub makes the rules of its account, and one does not forward events',
    breaks: (made) => {
      withoutOrganization(made, MEMBER);
      change(made, { region: 'us-east-1' });
      made.fleet.deaf.add(`${HUB}/us-east-1`);
    },
    ...{
      names: `forwarding ${HUB}/us-east-1`,
      text: /did not reach the hub within 60 s/,
      fix: /^Deploy template\.yaml again, check that its rule ForwardRule/,
    },
  },
  {
    what: 'no event reaches the hub',
    breaks: ({ fleet }) => {
      for (const place of [`${HUB}/us-east-1`, `${MEMBER}/eu-west-1`, `${MEMBER}/us-east-1`]) fleet.deaf.add(place);
    },
    ...{ names: 'forwarding hub', text: /None of 3 test events/, fix: /Deploy template\.yaml again/ },
  },
];

/** The parts of the one member account that `fleet` has beside the hub. */
/** A hub that trusts its own account and one other, by the stack that makes its own roles too. */
function withoutOrganization(made: FakeInstallation, MemberAccountIds: string): void {
  change(made, { parameters: { ...made.hub.described?.parameters, OrganizationId: '', MemberAccountIds } });
  for (const { roles } of made.fleet.accounts.values())
    for (const [name, role] of roles)
      roles.set(name, { ...role, trust: role.trust.replace(',"aws:PrincipalOrgID":"o-a1b2c3d4e5"', '') });
}

const memberOf = ({ fleet }: FakeInstallation, account = MEMBER) => {
  const found = fleet.accounts.get(account);
  if (!found) throw new Error('the fleet has a member');
  return found;
};

const exhaust = (made: FakeInstallation, refused: number) =>
  endReview(made, {
    totals: {
      ...{ found: 1, outcomes: { compliant: 1, violating: 0, unknown: 0, failed: 0 } },
      scopes: { complete: 1, skipped: 0, failed: 0 },
      inventory: { clusters: 1, tasks: 1, containers: 1, usages: 1, unresolved: 0 },
      scans: { requested: 1_000, fresh: 0, later: 0, refused: { 'quota-or-scanned': refused } },
    },
  });

test.each(BROKEN)('$what: one broken finding, with its fix', async ({ breaks, names, text, fix }) => {
  const installation = await soundInstallation();
  await breaks(installation);
  const found = await findingsOf(installation);
  const notOk = found.filter(({ state }) => state === 'broken');
  expect(notOk.map(({ check, resource }) => `${check} ${resource}`)).toEqual([names]);
  expect(notOk[0]?.text).toMatch(text);
  expect(notOk[0]?.fix).toMatch(fix);
  expect((await asked(installation)).code).toBe(1);
});

test.each([
  ['cloudformation:DescribeStacks', ['stack']],
  ['cloudformation:ListStackResources', ['alarms', 'topics', 'queues', 'wiring']],
  ['events:DescribeRule', ['wiring']],
  ['lambda:GetEventSourceMapping', ['wiring']],
  ['kms:DescribeKey', ['key']],
  ['cloudwatch:DescribeAlarms', ['alarms', 'topics']],
  ['sns:ListSubscriptionsByTopic', ['topics']],
  ['sqs:GetQueueAttributes', ['queues']],
])('denied %s: its checks are unknown and name the action', async (action, checks) => {
  const installation = await soundInstallation();
  installation.hub.deny(action);
  const found = await findingsOf(installation);
  expect(found.filter(({ state }) => state === 'unknown').map(({ check }) => check)).toEqual(checks);
  for (const { state, fix } of found) if (state !== 'ok') expect(fix).toContain(`Allow yourself ${action};`);
  expect((await asked(installation)).code).toBe(4);
});

test('a denial reports the action that AWS names, for any call', async () => {
  const installation = await soundInstallation();
  const message = 'User: jo is not authorized to perform: cloudwatch:GetMetricStatistics on resource: *';
  const denied = new ReadDeniedError('cloudwatch:DescribeAlarms', new Error(message));
  installation.hub.alarms = () => Promise.reject(denied);
  const found = (await findingsOf(installation)).find(({ check }) => check === 'alarms');
  expect(found?.fix).toContain('Allow yourself cloudwatch:GetMetricStatistics;');
});

test.each([
  ['sts:AssumeRole', ['read-roles', 'acting-roles', 'scanning', 'forwarding', 'hooks']],
  ['organizations:ListAccounts', ['read-roles', 'acting-roles', 'scanning', 'forwarding', 'hooks']],
  ['iam:GetRole', ['read-roles', 'acting-roles']],
  ['ecr:GetRegistryScanningConfiguration', ['scanning']],
  ['events:PutEvents', ['forwarding']],
  ['sqs:ReceiveMessage', ['forwarding']],
])('%s denied in members: its checks are unknown, none is broken', async (action, checks) => {
  const installation = await soundInstallation();
  installation.fleet.deny(action);
  const found = (await findingsOf(installation)).filter(({ state }) => state !== 'ok');
  expect([...new Set(found.map(({ check, state }) => `${state} ${check}`))]).toEqual(
    checks.map((check) => `unknown ${check}`),
  );
  // Where no member can be read, one check says why.
  const findings = found.filter(({ text }) => !text.includes('members cannot be read'));
  expect(findings.length).toBeGreaterThan(0);
  for (const { text } of findings) expect(text).toContain(action);
});

test.each([
  ['', 'Allow yourself sts:AssumeRole on the DoctorRoleArn.'],
  [
    'arn:aws:iam::111122223333:role/on-call',
    'Allow yourself sts:AssumeRole on the DoctorRoleArn, and add your role or user to DoctorPrincipalArns, which lists arn:aws:iam::111122223333:role/on-call: sam deploy --parameter-overrides DoctorPrincipalArns=...',
  ],
])('member role denied and the stack lists "%s": the fix names both sides', async (listed, fix) => {
  const installation = await soundInstallation();
  change(installation, { parameters: { ...installation.hub.described?.parameters, DoctorPrincipalArns: listed } });
  installation.fleet.deny('sts:AssumeRole');
  const [first, ...others] = (await findingsOf(installation)).filter(({ state }) => state !== 'ok');
  expect(first).toMatchObject({ check: 'read-roles', state: 'unknown', fix });
  expect(others.map((one) => one.fix)).toEqual(others.map(() => 'First fix what the check read-roles reports.'));
});

test('root user: the finding says that it cannot assume a role', async () => {
  const installation = await soundInstallation();
  const message = `User: arn:aws:iam::${HUB}:root is not authorized to perform: sts:AssumeRole on resource: a role`;
  installation.fleet.begin = () => Promise.reject(new ReadDeniedError('sts:AssumeRole', new Error(message)));
  const [first] = (await findingsOf(installation)).filter(({ state }) => state !== 'ok');
  expect(first).toMatchObject({ check: 'read-roles', fix: expect.stringContaining('as a role or an IAM user') });
});

test('without credentials the fix says how to give them', async () => {
  const installation = await soundInstallation();
  const error = Object.assign(new Error('Could not load credentials'), { name: 'CredentialsProviderError' });
  installation.hub.stack = () => Promise.reject(error);
  const [first] = await findingsOf(installation);
  expect(first).toMatchObject({ state: 'unknown', fix: expect.stringContaining('AWS_PROFILE') });
});

test('without a Region the fix says how to name it', async () => {
  const installation = await soundInstallation();
  installation.hub.stack = () => Promise.reject(new Error('Region is missing'));
  const [first] = await findingsOf(installation);
  expect(first).toMatchObject({ state: 'unknown', fix: expect.stringContaining('--region REGION') });
});

test('with an unreadable policy, accounts never read by a review are not reported', async () => {
  const installation = await soundInstallation();
  installation.fleet.listed = [HUB, MEMBER, '777788889999'];
  const broken = async () => (await findingsOf(installation)).filter(({ state }) => state === 'broken');
  expect((await broken()).map(({ check, resource }) => `${check} ${resource}`)).toEqual(['read-roles 777788889999']);
  installation.world.policies.damagePointer();
  expect((await broken()).map(({ check }) => check)).toEqual(['policy']);
});

test("without a read role, the account's checks are unknown instead of ok", async () => {
  const installation = await soundInstallation();
  memberOf(installation).canRead = false;
  const found = (await findingsOf(installation)).filter(({ state }) => state === 'unknown');
  expect(found.map(({ check }) => check)).toEqual(['acting-roles', 'scanning', 'forwarding', 'hooks']);
  for (const { text } of found) expect(text).toContain(MEMBER);
});

test('rules disabled by parameters and an AWS-owned key give no finding', async () => {
  const installation = await soundInstallation();
  const { parameters } = installation.hub.described ?? {};
  change(installation, { parameters: { ...parameters, PlanningState: 'DISABLED', KmsKeyArn: '' } });
  installation.hub.addRule('PlanRule', { state: 'disabled' });
  expect((await asked(installation)).code).toBe(0);
});

test("one test event per place, all with the run's own number", async () => {
  const installation = await soundInstallation();
  await asked(installation);
  const put = [`${HUB}/us-east-1`, `${MEMBER}/eu-west-1`, `${MEMBER}/us-east-1`];
  expect(installation.fleet.putEvents).toEqual(put.map((place) => `${place} id-000001`));
  await asked(installation);
  expect(installation.fleet.putEvents).toHaveLength(6);
});

test('empty Regions and scopes that left are not checked', async () => {
  const installation = await soundInstallation();
  const { world, clock, fleet } = installation;
  const at = clock();
  await world.scopes.record({ scope: { account: MEMBER, region: 'eu-north-1' }, emptyUntilEpochMs: at + HOUR_MS });
  const left = { atEpochMs: at, usages: 0 };
  await world.scopes.record({ scope: { account: '777788889999', region: 'eu-west-1' }, left });
  expect((await asked(installation)).code).toBe(0);
  expect(fleet.putEvents).toHaveLength(3);
});

test('a list of possible starts that reviews cannot read is broken, with the missing right', async () => {
  const installation = await soundInstallation();
  const { world } = installation;
  const place = { account: MEMBER, region: 'eu-west-1' };
  const unread = {
    list: 'cronjobs',
    error: 'ClusterForbiddenError',
    problem: 'the read role is not allowed to list cronjobs (403 Forbidden)',
    nextStep: 'Apply enforcement/access/read.yaml.',
  } as const;
  await world.scopes.record({ scope: { ...place, eksCluster: 'prod' }, completeAtEpochMs: 1, unreadSources: [unread] });
  await world.scopes.record({ scope: { ...place, eksCluster: 'dev' }, completeAtEpochMs: 1 });
  const found = (await findingsOf(installation)).filter(({ check }) => check === 'starts');
  expect(found).toEqual([
    {
      ...{ check: 'starts', state: 'broken', resource: `${MEMBER}/eu-west-1/prod`, fix: unread.nextStep },
      text: expect.stringContaining('not allowed to list cronjobs'),
    },
  ]);
});

test('services of ECS that reviews cannot read are named with the account', async () => {
  const installation = await soundInstallation();
  const scope = { account: MEMBER, region: 'eu-west-1' };
  const unread = {
    list: 'ecs-services',
    error: 'ScopeUnreachableError',
    problem: 'AccessDeniedException: no ecs:ListServices',
    nextStep: `Update the stack of member-account.yaml in account ${MEMBER}.`,
  } as const;
  await installation.world.scopes.record({ scope, completeAtEpochMs: 1, unreadSources: [unread] });
  const found = (await findingsOf(installation)).filter(({ check }) => check === 'starts');
  expect(found).toEqual([
    {
      ...{ check: 'starts', state: 'broken', resource: `${MEMBER}/eu-west-1`, fix: unread.nextStep },
      text: expect.stringMatching(/services of Amazon ECS of .*: AccessDeniedException: no ecs:ListServices/),
    },
  ]);
});

test('ledger access denied: unknown, with the action that AWS names', async () => {
  const installation = await soundInstallation();
  const denied = new Error('User: jo is not authorized to perform: dynamodb:GetItem on resource: ledger');
  installation.ledger = () => ({
    runs: { latestOfFleet: () => Promise.reject(denied) },
    policies: { current: () => Promise.reject(denied) },
    scopes: { all: () => rejecting(denied) },
    webhooks: { all: () => rejecting(denied) },
  });
  const found = (await findingsOf(installation)).filter(({ state }) => state !== 'ok');
  expect(found.map(({ check, state }) => `${check} ${state}`)).toEqual([
    'policy unknown',
    'review unknown',
    'scan-quota unknown',
    'read-roles unknown',
    'acting-roles unknown',
    'scanning unknown',
    'forwarding unknown',
    'doors unknown',
    'starts unknown',
    'hooks unknown',
  ]);
  // What reads members after read-roles refers to it.
  for (const { check, fix } of found)
    expect(fix).toContain(/^(acting|scanning|forwarding|hooks)/.test(check) ? 'read-roles' : 'dynamodb:GetItem');
});

describe('the hooks of ECS services', () => {
  const one = (service: string, changes: Partial<ServiceHooks> = {}): ServiceHooks => ({
    ...{ cluster: 'main', service, isRolling: true, hasPause: false, timeoutActions: [] },
    ...changes,
  });
  const hooks = async (door: DoorMode | 'open', ...services: readonly ServiceHooks[]) => {
    const installation = await soundInstallation();
    const rule = door === 'open' ? ({ mode: 'deny', onUnreachable: 'allow' } as const) : { mode: door };
    await denying(installation, { mode: 'off', rules: [{ clusters: ['main'], ...rule }] });
    installation.fleet.ecsServices.set(`${MEMBER}/eu-west-1`, services);
    const found = await findingsOf(installation);
    return found
      .filter(({ check }) => check === 'hooks')
      .map(({ state, resource, text }) => `${state} ${resource} ${text}`);
  };
  const [go, back] = [
    { hasPause: true, timeoutActions: ['CONTINUE'] },
    { hasPause: true, timeoutActions: ['ROLLBACK'] },
  ] as const;
  const WHERE = `${MEMBER}/eu-west-1/main`;

  test.each<[DoorMode | 'open', Partial<ServiceHooks>, string]>([
    ['open', {}, `broken ${WHERE} The door denies in ${WHERE}, and api have no hook at PRE_SCALE_UP`],
    ['open', go, 'ok services 1 ECS service at doors checked'],
    ['open', back, `broken ${WHERE} The policy has onUnreachable: allow in ${WHERE}, and a hook of api takes the`],
    ['deny', {}, `broken ${WHERE} The door denies in ${WHERE}, and api have no hook at PRE_SCALE_UP`],
    ['deny', go, `broken ${WHERE} The door denies in ${WHERE}, and a hook of api continues when nobody answers it`],
    ['deny', back, 'ok services 1 ECS service at doors checked'],
    ['warn', {}, 'ok services 1 ECS service at doors checked'],
    ['warn', go, 'ok services 1 ECS service at doors checked'],
    ['warn', back, `broken ${WHERE} The door does not deny in ${WHERE}, and a hook of api takes the deployment back`],
  ])('where the door says %s: %j', async (mode, changes, text) => {
    expect(await hooks(mode, one('api', changes))).toEqual([expect.stringContaining(text)]);
  });

  test('are named by service, the first ten of a cluster', async () => {
    const [text = ''] = await hooks('deny', ...Array.from({ length: 12 }, (_, number) => one(`s${10 + number}`)));
    expect(text).toContain('and s10, s11, s12, s13, s14, s15, s16, s17, s18, s19 and 2 more have no hook');
  });

  test('cannot be read by an earlier role', async () => {
    const installation = await soundInstallation();
    await denying(installation, { mode: 'warn' });
    installation.fleet.deny('ecs:ListServices');
    const found = (await findingsOf(installation)).filter(({ check }) => check === 'hooks');
    expect(found.map(({ state }) => state)).toEqual(found.map(() => 'unknown'));
    expect(found.length).toBeGreaterThan(0);
  });

  test.each([
    [true, 'ok', 'ECS pauses ROLLING deployments'],
    [false, 'broken', 'ECS did not pause'],
    [undefined, 'unknown', 'lists no deployment'],
  ] as const)('with --deep: a rolling deployment was paused: %s', async (isPaused, state, text) => {
    const installation = await soundInstallation();
    await denying(installation, { mode: 'deny' });
    installation.fleet.ecsServices.set(`${MEMBER}/eu-west-1`, [one('api', back)]);
    installation.fleet.pausesRolling = isPaused;
    const { text: json } = await asked(installation, { json: true, deep: true });
    const { findings } = JSON.parse(json) as { findings: readonly DoctorFinding[] };
    expect(findings.filter(({ check }) => check === 'rolling-pauses')).toMatchObject([
      { state, text: expect.stringContaining(text) },
    ]);
  });
});

describe('--deep', () => {
  const deep = async (installation: FakeInstallation) => {
    const { text } = await asked(installation, { json: true, deep: true });
    const output = JSON.parse(text) as { findings: readonly DoctorFinding[]; testEvents: number };
    return { ...output, answers: output.findings.slice(-5) };
  };

  test('tests undocumented AWS behaviour and reports the answers', async () => {
    const installation = await soundInstallation();
    const { answers, testEvents } = await deep(installation);
    expect(answers.map(({ check, state }) => `${check} ${state}`)).toEqual([
      'bus-policy ok',
      'task-tokens ok',
      'start-time ok',
      'pull-times ok',
      'rolling-pauses ok',
    ]);
    expect(testEvents).toBe(4);
    expect((await asked(installation, { deep: true })).code).toBe(0);
  });

  test('runs no deep test without the option', async () => {
    const installation = await soundInstallation();
    installation.fleet.mixed = 'both-taken';
    expect((await asked(installation)).code).toBe(0);
  });

  test.each<[string, (installation: FakeInstallation) => unknown, string, RegExp]>([
    [
      'the bus refuses one event alone',
      ({ fleet }) => {
        fleet.mixed = 'entry-refused';
      },
      'bus-policy ok',
      /still takes the other events/,
    ],
    [
      'the bus takes what its policy does not list',
      ({ fleet }) => {
        fleet.mixed = 'both-taken';
      },
      'bus-policy broken',
      /whose source its policy does not list/,
    ],
    [
      'the bus refuses the test event',
      ({ fleet }) => {
        fleet.mixed = 'both-refused';
      },
      'bus-policy broken',
      /whose source its policy lists/,
    ],
    [
      'no build was answered yet',
      ({ hub }) => {
        hub.callbackCounts = { answered: 0, lapsed: 0 };
      },
      'task-tokens unknown',
      /Not checked: no step/,
    ],
    [
      'every waiting step lapsed',
      ({ hub }) => {
        hub.callbackCounts = { answered: 0, lapsed: 3 };
      },
      'task-tokens broken',
      /3 waiting steps timed out/,
    ],
    [
      'the start of an execution has two values',
      ({ hub }) => {
        for (const [arn, start] of hub.starts) hub.starts.set(arn, start + 7);
      },
      'start-time broken',
      /differ by 7 ms/,
    ],
    [
      'a read moved a pull time',
      ({ fleet }) => {
        fleet.pullTimes = { image: 'an-image', afterEpochMs: 2, isExcluded: true };
      },
      'pull-times broken',
      /moved its pull time/,
    ],
    [
      'a registry does not exclude the read role',
      ({ fleet }) => {
        fleet.pullTimes = { image: 'an-image', isExcluded: false };
      },
      'pull-times broken',
      /does not exclude/,
    ],
    [
      'no registry has an image',
      ({ fleet }) => {
        fleet.pullTimes = undefined;
      },
      'pull-times unknown',
      /the first ten repositories of each registry have no image/,
    ],
  ])('%s', async (_, changes, expected, text) => {
    const installation = await soundInstallation();
    await changes(installation);
    const { answers } = await deep(installation);
    const answer = answers.find(({ check }) => expected.startsWith(check));
    expect(`${answer?.check} ${answer?.state}`).toBe(expected);
    expect(answer?.text).toMatch(text);
    const others = answers.filter((one) => one !== answer);
    expect(others.map(({ state }) => state)).toEqual(['ok', 'ok', 'ok', 'ok']);
  });

  test('with ledger access denied, its answers are unknown', async () => {
    const installation = await soundInstallation();
    installation.fleet.deny('sts:AssumeRole');
    const { answers } = await deep(installation);
    expect(answers.map(({ state }) => state)).toEqual(['unknown', 'ok', 'ok', 'unknown', 'unknown']);
  });
});

test('output is aligned, at most 80 columns, with each fix below its finding', async () => {
  const installation = await soundInstallation();
  installation.hub.addAlarm('patchwave-no-review', { actions: [] });
  installation.hub.deny('sqs:GetQueueAttributes');
  const { text } = await asked(installation);
  expect(text.split('\n').filter((line) => line.length > 80)).toEqual([]);
  expect(text).toBe(`\
ok       stack         The stack is UPDATE_COMPLETE, in 111122223333/eu-west-1.
ok       outputs       The stack has all 15 outputs.
ok       versions      Template and command are of version 1.2.3.
ok       ledger        The table of the ledger is there, and can be restored to
                       a point in time.
ok       policy        Policy afcc861044d5 is in force and can be read.
ok       review        The last review succeeded at 2026-11-24 02:00 UTC.
ok       scan-quota    The last review requested 12 scans; each registry had at
                       least 988 left that day.
broken   alarms        The alarm patchwave-no-review has no action, so no person
                       is notified.
                       fix: Deploy with AlarmEmail=<address>, or with
                       AlarmTopicArn=<ARN of an SNS topic>.
ok       topics        Each topic of the alarms has a confirmed subscription (1
                       topic of this account checked).
unknown  queues        Not checked: sqs:GetQueueAttributes was denied: You are
                       not allowed to.
                       fix: Allow yourself sqs:GetQueueAttributes; see
                       "Permissions" in docs/commands.md.
ok       wiring        3 rules and 2 triggers checked, no problem found.
ok       key           The key is enabled; its policy lets the services and the
                       ledger use it.
ok       read-roles    The read role can be assumed in 2 accounts.
ok       acting-roles  6 roles for builds, rollouts or protecting tags found;
                       all trust this hub.
ok       scanning      3 registries with basic scanning, 0 with enhanced
                       scanning.
ok       forwarding    3 test events reached the hub, one from each account and
                       Region.
ok       doors         No door is installed, and the policy needs none.
ok       starts        Reviews read what may start in 3 scopes.
ok       hooks         0 ECS services at doors checked: each hook does in time
                       what its door says.

1 broken, 1 unknown, 17 ok. Make the fixes, then run the command again.
3 marked test events sent; nothing else was changed.
`);
});

test('as JSON', async () => {
  const { text } = await asked(await soundInstallation(), { json: true });
  const output = JSON.parse(text) as Record<string, unknown>;
  expect(output).toMatchObject({ stack: 'patchwave', version: VERSION });
  expect(Object.keys(output)).toEqual(['stack', 'version', 'findings', 'testEvents']);
});
