import { CloudFormationClient, ListStacksCommand } from '@aws-sdk/client-cloudformation';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { jest } from '@jest/globals';
import { doctorCommandOf } from '../../cli/commands/doctor.ts';
import { reportCommand } from '../../cli/commands/report.ts';
import { doctorPorts } from '../../cli/doctor/connect.ts';
import type { DoctorFinding } from '../../cli/doctor/finding.ts';
import { awsSources } from '../../cli/proposal/aws-sources.ts';
import { policyInitFor } from '../../cli/proposal/policy-init.ts';
import type { OpenQuestion } from '../../cli/proposal/propose.ts';
import { untilSettled } from '../../local/acting.ts';
import { changeParameters } from '../../local/stack.ts';
import { callersAccess, type HubConfig } from '../../shared/adapters/clients.ts';
import { parsePolicy } from '../../shared/domain/policy/policy-document.ts';
import { cascadesIn, deploymentsStarted, PLANNING, rebuildsOf, runsStarted } from '../support/acting.ts';
import { useInstallation } from '../support/installation.ts';
import { ACCOUNT, listedAccounts, oneAccount, REGION } from '../support/one-account.ts';
import { assumed, operatorOf } from '../support/operator.ts';
import { hubOf } from '../support/readings.ts';
import { run } from '../unit/cli/support.ts';

const LIMIT_MS = 300_000;
const STRANGER = '999988887777';

const installation = useInstallation(oneAccount, {
  mode: 'report-only',
  parameters: { AlarmEmail: 'on-call@example.com' },
});
const hub = () => hubOf(installation());

test(
  'one stack is enough: its account is read, doctor is green, and the report has what runs there',
  async () => {
    const client = new CloudFormationClient(hub());
    const { StackSummaries = [] } = await client.send(new ListStacksCommand({}));
    const [nested = ''] = StackSummaries.map(({ StackName = '' }) => StackName).filter((name) => name !== 'patchwave');
    expect(StackSummaries).toHaveLength(2);
    expect(nested).toMatch(/^patchwave-HubMember/);

    expect(await installation().review()).toMatchObject({ status: 'SUCCEEDED' });
    const person = await operatorOf(installation(), 'operator', ['doctor']);
    const doctor = doctorCommandOf(() => doctorPorts('patchwave', person));
    const { text, code } = await run(doctor, installation().context, [], { json: true });
    const { findings, testEvents } = JSON.parse(text) as { findings: readonly DoctorFinding[]; testEvents: number };
    expect(findings.filter(({ state }) => state !== 'ok')).toEqual([]);
    expect([code, testEvents]).toEqual([0, 1]);

    const report = await run(reportCommand, installation().context, []);
    expect(report.text).toContain('base/debian');
    expect(report.text).toContain('CVE-2026-31001');
  },
  LIMIT_MS,
);

test(
  'policy init proposes the policy of the account by reads alone, and names what it cannot tell',
  async () => {
    const person = await operatorOf(installation(), 'planner', ['policy init']);
    const sources = awsSources(callersAccess(person, ACCOUNT), 'aws');
    const args = { positionals: ['init'], flags: { regions: REGION }, json: true };
    let text = '';
    const written = jest.spyOn(process.stdout, 'write').mockImplementation((piece) => {
      text += String(piece);
      return true;
    });
    const code = await policyInitFor(args, {}, async () => ({ account: ACCOUNT, sources })).finally(() =>
      written.mockRestore(),
    );
    expect(code).toBe(0);
    const { policy, open } = JSON.parse(text) as { policy: string; open: readonly OpenQuestion[] };
    const proposed = parsePolicy(policy);
    const known = new Map(
      installation().policy.streams.flatMap((rule) => rule.repositories.map((name) => [name, rule])),
    );
    const found = new Map(proposed.streams.map((rule) => [rule.repositories[0] ?? '', rule]));
    expect([...found].map(([name, { tier }]) => [name, tier])).toEqual(
      [...found.keys()].map((name) => [name, known.get(name)?.tier]),
    );
    expect([...found.keys()].sort()).toEqual([...known.keys()].filter((name) => name !== 'apps/exchange-rates').sort());
    expect(proposed.streams.map(({ id, parents }) => [id, parents])).toEqual(
      expect.arrayContaining([
        ['platform-node', ['base-debian']],
        ['platform-node-arm', ['base-debian']],
        ['apps-storefront', ['platform-node']],
        ['apps-search', ['platform-node-arm']],
      ]),
    );
    expect(found.get('base/debian')).toMatchObject({
      owner: 'platform',
      headTags: ['^12$'],
      pipeline: { name: 'debian' },
    });
    expect(found.get('apps/storefront')).toMatchObject({ owner: 'web', headTags: ['^stable$'] });
    expect(open.filter(({ resource }) => resource.endsWith('apps/exchange-rates')).map(({ field }) => field)).toContain(
      'tier',
    );
    // The person has no access entry in the EKS cluster.
    expect(open.filter(({ field }) => field === 'read').map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/cluster shop-eks could not be read: ClusterUnauthorizedError/),
    ]);
    const calls = (await installation().cloud.admin.calls()).filter(({ principal }) => principal.includes('planner'));
    expect(calls.length).toBeGreaterThan(8);
    expect(
      calls.map(({ operation }) => operation).filter((name) => !/^(BatchGet|Describe|Get|List)/.test(name)),
    ).toEqual([]);
  },
  LIMIT_MS,
);

/** A role as member-account.yaml makes it, in an account that the hub does not know, and what that account may call. */
async function stranger(): Promise<{ readonly role: string; readonly config: HubConfig }> {
  const config = installation().cloud.clients(STRANGER, REGION);
  const iam = new IAMClient(config);
  const trust = (principal: string) =>
    JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: { AWS: principal }, Action: 'sts:AssumeRole' }],
    });
  const { Role } = await iam.send(
    new CreateRoleCommand({
      RoleName: 'PatchwaveRead',
      AssumeRolePolicyDocument: trust(`arn:aws:iam::${ACCOUNT}:root`),
    }),
  );
  const sender = { RoleName: 'sender', AssumeRolePolicyDocument: trust(`arn:aws:iam::${STRANGER}:root`) };
  const { Role: sends } = await iam.send(new CreateRoleCommand(sender));
  const Statement = [{ Effect: 'Allow', Action: 'events:PutEvents', Resource: '*' }];
  await iam.send(
    new PutRolePolicyCommand({
      ...{ RoleName: 'sender', PolicyName: 'send' },
      PolicyDocument: JSON.stringify({ Version: '2012-10-17', Statement }),
    }),
  );
  return { role: Role?.Arn ?? '', config: await assumed(config, sends?.Arn) };
}

test(
  'an account that is not listed is never called and says nothing to the hub; once it is listed, both work',
  async () => {
    const { deployment } = installation();
    const { role, config } = await stranger();
    const events = new EventBridgeClient(config);
    const puts = async () => {
      const entry = { Source: 'patchwave.doctor', DetailType: 'ForwardingTest', Detail: '{}' };
      const { Entries = [] } = await events.send(
        new PutEventsCommand({ Entries: [{ ...entry, EventBusName: deployment.busArn }] }),
      );
      return Entries.map(({ ErrorCode = 'accepted' }) => ErrorCode);
    };
    // The role of doctor takes the same roles as the functions that read, under the same condition.
    const doctor = await assumed(hub(), deployment.outputs.DoctorRoleArn);
    const takes = () =>
      assumed(doctor, role).then(
        () => 'taken',
        (error: Error) => error.name,
      );
    const sends = () => puts().catch((error: Error) => [error.name]);

    expect(await takes()).toMatch(/AccessDenied/);
    expect(await sends()).toEqual([expect.stringMatching(/AccessDenied|NotAuthorized/)]);

    await changeParameters(new CloudFormationClient(hub()), 'patchwave', { MemberAccountIds: STRANGER });
    expect(await takes()).toBe('taken');
    expect(await sends()).toEqual(['accepted']);
  },
  LIMIT_MS,
);

test('an organization and a list of accounts together are refused', async () => {
  const both = { OrganizationId: 'o-a1b2c3d4e5', MemberAccountIds: STRANGER };
  await expect(changeParameters(new CloudFormationClient(hub()), 'patchwave', both)).rejects.toThrow(
    /MemberAccountIds has no effect with OrganizationId/,
  );
});

describe('where the policy says enforce', () => {
  const acting = useInstallation(oneAccount, { mode: 'enforce', parameters: PLANNING });

  test(
    'the lists in the one stack are enough to rebuild a base with what is built on it, and to deploy the applications',
    async () => {
      expect(await acting().review()).toMatchObject({ status: 'SUCCEEDED' });
      await untilSettled(acting().context, LIMIT_MS);
      const [cascade] = await cascadesIn(acting());
      expect(cascade?.streams ?? 0).toBeGreaterThan(3);
      expect(await runsStarted(acting())).toBeGreaterThan(3);
      expect(await deploymentsStarted(acting())).toBeGreaterThan(0);
      const base = `${ACCOUNT}/${REGION}/base/debian:^12$`;
      expect((await rebuildsOf(acting(), base)).map(({ outcome }) => outcome?.result)).toEqual(['fixed']);
    },
    LIMIT_MS,
  );
});

describe('two accounts without an organization', () => {
  const both = useInstallation(listedAccounts, {
    mode: 'report-only',
    parameters: { AlarmEmail: 'on-call@example.com' },
  });

  test(
    'the hub lists the other one, which has the stack of a member: both are read, and doctor is green',
    async () => {
      expect(await both().review()).toMatchObject({ status: 'SUCCEEDED' });
      const person = await operatorOf(both(), 'operator', ['doctor']);
      const doctor = doctorCommandOf(() => doctorPorts('patchwave', person));
      const { text, code } = await run(doctor, both().context, [], { json: true });
      const { findings, testEvents } = JSON.parse(text) as { findings: readonly DoctorFinding[]; testEvents: number };
      expect(findings.filter(({ state }) => state !== 'ok')).toEqual([]);
      expect([code, testEvents]).toEqual([0, 2]);
    },
    LIMIT_MS,
  );
});
