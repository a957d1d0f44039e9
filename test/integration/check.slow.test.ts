import { DescribeImagesCommand, ECRClient } from '@aws-sdk/client-ecr';
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { beforeAll } from '@jest/globals';
import { checkCommand } from '../../cli/commands/check.ts';
import { contextOf } from '../../cli/context.ts';
import { EXIT } from '../../cli/errors.ts';
import { eventually } from '../../local/cloud/probe.ts';
import type { HubConfig } from '../../shared/adapters/clients.ts';
import type { Digest, ImageLocation } from '../../shared/domain/image/image.ts';
import { repositoryName } from '../../shared/domain/image/reference.ts';
import { queuesOf } from '../support/alarms.ts';
import { useInstallation } from '../support/installation.ts';
import { assumed } from '../support/operator.ts';
import { hubOf, ledgerOf } from '../support/readings.ts';
import { apps, bases, platforms, services } from '../support/tiered-cases.ts';
import { tieredFleet } from '../support/tiered-fleet.ts';
import { run } from '../unit/cli/support.ts';

const LIMIT_MS = 300_000;
const PATH = '/registry-build/';

const installation = useInstallation(() => tieredFleet({ bases, platforms, apps, services }), {
  parameters: { CheckPrincipalArns: `arn:aws:iam::*:role${PATH}*` },
});

/** An application of the policy, and an image in its repository that no workload, head or review has made known. */
let image: { readonly location: ImageLocation; readonly digest: Digest };
let builds = 0;

beforeAll(async () => {
  const { cloud, context } = installation();
  const { policy } = await context.policies.current();
  const rule = policy.streams.find(({ tier }) => tier === 'application');
  const { account = '', regions: [region = ''] = [], repositories: [repository = ''] = [] } = rule ?? {};
  const ecr = new ECRClient(cloud.clients(account, region));
  const { imageDetails = [] } = await ecr.send(new DescribeImagesCommand({ repositoryName: repository }));
  image = { location: { account, region, repository }, digest: imageDetails[0]?.imageDigest as Digest };
}, LIMIT_MS);

/** The role of a build in the account of the application, which may take any role that trusts it. */
async function buildRole(Path: string): Promise<HubConfig> {
  const { account, region } = image.location;
  const own = installation().cloud.clients(account, region);
  const iam = new IAMClient(own);
  builds += 1;
  const RoleName = `build-${builds}`;
  const statement = (rest: object) =>
    JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', ...rest }] });
  const trust = statement({ Principal: { AWS: `arn:aws:iam::${account}:root` } });
  const { Role } = await iam.send(new CreateRoleCommand({ RoleName, Path, AssumeRolePolicyDocument: trust }));
  await iam.send(
    new PutRolePolicyCommand({ RoleName, PolicyName: 'check', PolicyDocument: statement({ Resource: '*' }) }),
  );
  return assumed(own, Role?.Arn);
}

const checkRole = (): string => installation().deployment.outputs.CheckRoleArn ?? '';
async function pipeline(): Promise<HubConfig> {
  const { credentials } = await assumed(await buildRole(PATH), checkRole());
  return { ...hubOf(installation()), ...(credentials && { credentials }) };
}

test(
  'a push that a pipeline invents changes nothing, and it may not send to the queue of pushes',
  async () => {
    const sqs = new SQSClient(await pipeline());
    const { account, region, repository } = image.location;
    const push = JSON.stringify({
      ...{ version: '0', id: '1', source: 'aws.ecr', account, region, resources: [] },
      ...{ 'detail-type': 'ECR Image Action', time: new Date().toISOString() },
      detail: {
        ...{ result: 'SUCCESS', 'action-type': 'PUSH', 'repository-name': repository },
        ...{ 'image-digest': image.digest, 'image-tag': 'build-999' },
      },
    });
    const before = await ledgerOf(installation());
    const { CheckRequestQueueUrl, RegistryEventQueueUrl } = installation().deployment.outputs;
    await sqs.send(new SendMessageCommand({ QueueUrl: CheckRequestQueueUrl, MessageBody: push }));
    const queues = await queuesOf(installation());
    const isSetAside = async () => ((await queues.count('CheckRequestDeadLetters')) > 0 ? true : undefined);
    await eventually(isSetAside, 'the forged push in CheckRequestDeadLetters', 60_000);
    expect(await ledgerOf(installation())).toBe(before);
    await expect(
      sqs.send(new SendMessageCommand({ QueueUrl: RegistryEventQueueUrl, MessageBody: push })),
    ).rejects.toMatchObject({ name: expect.stringContaining('AccessDenied') });
  },
  LIMIT_MS,
);

test(
  'before any review, the role of a pipeline in a member account gets the verdict on what it pushed',
  async () => {
    const { images } = installation().context;
    const { digest, location } = image;
    expect(await images.get([digest])).toEqual(new Map());
    const context = contextOf(installation().deployment, await pipeline());
    const name = `${repositoryName(location)}@${digest}`;
    const { code, text } = await run(checkCommand, context, [name], { json: true, wait: '3' });
    const answer = JSON.parse(text) as { status: string };
    expect(answer).toMatchObject({ digest, status: expect.not.stringMatching('unknown') });
    expect(code).toBe(answer.status === 'compliant' ? EXIT.done : EXIT.violating);
    expect((await images.get([digest])).get(digest)).toMatchObject({
      ...{ inUse: false, verdict: { status: answer.status } },
    });
  },
  LIMIT_MS,
);

test('a role that the parameter does not list may not take the role of check', async () => {
  await expect(assumed(await buildRole('/elsewhere/'), checkRole())).rejects.toMatchObject({ name: 'AccessDenied' });
});
