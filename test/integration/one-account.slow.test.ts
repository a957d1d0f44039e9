import { CloudFormationClient, ListStacksCommand } from '@aws-sdk/client-cloudformation';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { doctorCommandOf } from '../../cli/commands/doctor.ts';
import { reportCommand } from '../../cli/commands/report.ts';
import { doctorPorts } from '../../cli/doctor/connect.ts';
import type { DoctorFinding } from '../../cli/doctor/finding.ts';
import { changeParameters } from '../../local/stack.ts';
import type { HubConfig } from '../../shared/adapters/clients.ts';
import { useInstallation } from '../support/installation.ts';
import { ACCOUNT, oneAccount, REGION } from '../support/one-account.ts';
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
