import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import {
  CreateKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  KMSClient,
  PutKeyPolicyCommand,
} from '@aws-sdk/client-kms';
import { beforeAll } from '@jest/globals';
import { doctorCommandOf } from '../../cli/commands/doctor.ts';
import { doctorPorts } from '../../cli/doctor/connect.ts';
import type { DoctorFinding } from '../../cli/doctor/finding.ts';
import { untilSettled } from '../../local/acting.ts';
import { changeParameters } from '../../local/stack.ts';
import type { HubConfig } from '../../shared/adapters/clients.ts';
import { PLANNING } from '../support/acting.ts';
import { useInstallation } from '../support/installation.ts';
import { operatorOf } from '../support/operator.ts';
import { hubOf } from '../support/readings.ts';
import { apps, bases, platforms, services } from '../support/tiered-cases.ts';
import { tieredFleet } from '../support/tiered-fleet.ts';
import { run } from '../unit/cli/support.ts';

const LIMIT_MS = 300_000;

const installation = useInstallation(() => tieredFleet({ bases, platforms, apps, services }), {
  mode: 'enforce',
  parameters: PLANNING,
});

let person: HubConfig;
beforeAll(async () => {
  person = await operatorOf(installation(), 'operator', ['doctor', 'doctor --deep']);
  await installation().review();
  await untilSettled(installation().context, LIMIT_MS);
}, LIMIT_MS);

async function findings(
  check: string,
  flags: Readonly<Record<string, boolean>> = {},
): Promise<readonly DoctorFinding[]> {
  const command = doctorCommandOf(() => doctorPorts('patchwave', person));
  const { text } = await run(command, installation().context, [], { json: true, ...flags });
  const all = (JSON.parse(text) as { findings: readonly DoctorFinding[] }).findings;
  return all.filter((one) => one.check === check);
}

test(
  '--deep sees the task tokens that children of the cascade took their answers with',
  async () => {
    const found = await findings('task-tokens', { deep: true });
    expect(found).toMatchObject([{ state: 'ok', resource: 'cascades' }]);
    expect(found[0]?.text).toMatch(
      /^Task tokens of map children are accepted: [1-9]\d* waiting steps? got an answer\.$/,
    );
  },
  LIMIT_MS,
);

const allows = (...services: readonly string[]): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { AWS: `arn:aws:iam::${installation().fleet.hub.account}:root` },
        Action: 'kms:*',
        Resource: '*',
      },
      ...services.map((service) => ({
        Effect: 'Allow',
        Principal: { Service: `${service}.amazonaws.com` },
        Action: ['kms:Decrypt*', 'kms:DescribeKey', 'kms:Encrypt*', 'kms:GenerateDataKey*'],
        Resource: '*',
      })),
    ],
  });

test(
  'a key of the customer: sound, without a word for a service, and disabled',
  async () => {
    expect(await findings('key')).toMatchObject([{ state: 'ok', resource: 'key' }]);
    const hub = hubOf(installation());
    const kms = new KMSClient(hub);
    const { KeyMetadata: { Arn: arn = '' } = {} } = await kms.send(new CreateKeyCommand({}));
    const policed = (Policy: string) =>
      kms.send(new PutKeyPolicyCommand({ KeyId: arn, PolicyName: 'default', Policy }));
    await policed(allows('events', 'scheduler', 'logs'));
    await changeParameters(new CloudFormationClient(hub), 'patchwave', { KmsKeyArn: arn });
    expect(await findings('key')).toMatchObject([{ state: 'ok', resource: arn }]);

    await policed(allows('events', 'scheduler'));
    const [denied, ...others] = await findings('key');
    expect(others).toEqual([]);
    expect(denied).toMatchObject({ state: 'broken', resource: arn });
    expect(denied?.text).toContain('does not let the service logs use it');
    await policed(allows('events', 'scheduler', 'logs'));

    await kms.send(new DisableKeyCommand({ KeyId: arn }));
    const disabled = await findings('key');
    await kms.send(new EnableKeyCommand({ KeyId: arn }));
    expect(disabled).toMatchObject([{ state: 'broken', resource: arn }]);
    expect(disabled[0]?.text).toContain('is Disabled');
    expect(await findings('key')).toMatchObject([{ state: 'ok', resource: arn }]);
  },
  LIMIT_MS,
);
