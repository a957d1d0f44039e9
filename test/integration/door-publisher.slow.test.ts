import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { CloudWatchClient, DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch';
import { CloudWatchLogsClient, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { CreateAccessEntryCommand, DescribeClusterCommand, EKSClient } from '@aws-sdk/client-eks';
import { IAMClient } from '@aws-sdk/client-iam';
import {
  LambdaClient,
  ListEventSourceMappingsCommand,
  UpdateEventSourceMappingCommand,
  UpdateFunctionConfigurationCommand,
} from '@aws-sdk/client-lambda';
import { GetQueueUrlCommand, ListQueuesCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { allowedImagesDefinition, firstAllowedImages } from '../../enforcement/build/allowed-images.ts';
import { packaged } from '../../local/deploy.ts';
import { parseFleet } from '../../local/fleet/load.ts';
import { AdminApi } from '../../local/kubernetes/admin-api.ts';
import { type KubernetesObject, RESOURCES } from '../../local/kubernetes/objects.ts';
import { changeParameters, createStack } from '../../local/stack.ts';
import type { AllowedImagesList } from '../../shared/domain/admission/allowed-images.ts';
import { policySchema } from '../../shared/domain/policy/policy.ts';
import { parse } from '../../shared/schema.ts';
import { type Grant, Grants, nameOf } from '../support/grants.ts';
import { useInstallation } from '../support/installation.ts';
import { Pusher } from '../support/pushes.ts';

const LIMIT_MS = 180_000;
const HUB = { account: '111122223333', region: 'us-east-1' };
const TEAM = { account: '444455556666', region: 'eu-west-1' };
const ORGANIZATION = 'o-a1b2c3d4e5';
const [CLUSTER, STACK] = ['prod', 'door-publisher'];
const SHARD = 'all';

const policyWith = (limitDays: number) => ({
  ...{
    version: 1,
    mode: 'enforce',
    ages: { default: { limitDays } },
    severities: [{ id: 'critical', severities: ['critical'], graceDays: 0 }],
  },
  streams: [
    {
      ...{ id: 'app', tier: 'base', account: TEAM.account, regions: [TEAM.region], repositories: ['shop/app'] },
      ...{ headTags: ['^\\d+$'], owner: 'shop', parents: [] },
    },
  ],
  doors: { mode: 'deny', graceRunningDays: 30 },
});

const fleet = () =>
  parseFleet(
    {
      ...{ name: STACK, hub: HUB, organization: { id: ORGANIZATION }, clusters: [], workloads: [] },
      accounts: [
        { id: HUB.account, name: 'platform', regions: [HUB.region] },
        { id: TEAM.account, name: 'team', regions: [TEAM.region] },
      ],
      repositories: [{ ...TEAM, name: 'shop/app' }],
      images: [
        { name: 'young', ...TEAM, repository: 'shop/app', tags: ['2'], os: 'debian', pushedDaysAgo: 5 },
        { name: 'old', ...TEAM, repository: 'shop/app', tags: ['1'], os: 'debian', pushedDaysAgo: 40 },
      ],
      kubernetesClusters: [{ ...TEAM, name: CLUSTER }],
      kubernetesWorkloads: ['young', 'old'].map((image) => ({
        ...{ ...TEAM, cluster: CLUSTER, namespace: 'shop', name: image, kind: 'deployment' },
        containers: [{ name: 'app', image }],
      })),
      policy: policyWith(30),
    },
    STACK,
  );

const installation = useInstallation(fleet);
const at = ({ account, region }: typeof HUB) => installation().cloud.clients(account, region);
const place = { ...TEAM, cluster: CLUSTER };
let admin: AdminApi;

/** As the owner of the cluster does it, by docs/doors.md. */
async function enrolCluster(): Promise<void> {
  const { cloud } = installation();
  await changeParameters(new CloudFormationClient(at(TEAM)), 'patchwave-member', { PublishToEks: 'true' });
  const { certificateAuthority } = await cloud.admin.clusterAuthority(place);
  const { cluster } = await new EKSClient(at(TEAM)).send(new DescribeClusterCommand({ name: CLUSTER }));
  const administrator = { commonName: 'tests', organizations: ['system:masters'] };
  admin = new AdminApi(
    { endpoint: cluster?.endpoint ?? '', certificateAuthority },
    await cloud.admin.issueCertificate(place, administrator),
  );
  const principalArn = `arn:aws:iam::${TEAM.account}:role/PatchwavePublish`;
  await new EKSClient(at(TEAM)).send(
    new CreateAccessEntryCommand({ clusterName: CLUSTER, principalArn, kubernetesGroups: ['patchwave:publish'] }),
  );
  const rights = await readFile(new URL('../../enforcement/access/publish.yaml', import.meta.url), 'utf8');
  for (const document of parseAllDocuments(rights)) await admin.ensure(document.toJS() as KubernetesObject);
  await admin.ensure(allowedImagesDefinition as unknown as KubernetesObject);
  for (const list of firstAllowedImages(1)) await admin.ensure(list as unknown as KubernetesObject);
}

beforeAll(async () => {
  expect(await installation().review()).toMatchObject({ status: 'SUCCEEDED' });
  await enrolCluster();
  const { deployment } = installation();
  await createStack(new CloudFormationClient(at(HUB)), {
    name: STACK,
    template: { url: await packaged(at(HUB), 'door-publisher.yaml', 'door-publisher-artifacts') },
    parameters: {
      ...{ HubBusArn: deployment.busArn, LedgerTable: deployment.ledgerTable },
      ...{ EvidenceBucket: deployment.evidenceBucket, OrganizationId: ORGANIZATION },
      ...{ ReadRoleExternalId: 'patchwave-in-the-embedded-cloud', PublishWindowSeconds: '1' },
      Clusters: `${TEAM.account}/*/${CLUSTER}`,
    },
  });
}, LIMIT_MS);
afterAll(() => admin?.close());

const digits = (name: string) => installation().seeded.images.get(name)?.digest.slice('sha256:'.length) ?? '';
async function list(): Promise<AllowedImagesList> {
  const object = await admin.get(RESOURCES.allowedImages, undefined, SHARD);
  return object?.spec as unknown as AllowedImagesList;
}

async function until<T>(what: string, ask: () => Promise<T | undefined | false>): Promise<T> {
  const endsAtEpochMs = Date.now() + 60_000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > endsAtEpochMs) throw new Error(`waited in vain for: ${what}`);
    await sleep(200);
  }
}

const logged = async (text: string): Promise<number> => {
  const logs = new CloudWatchLogsClient(at(HUB));
  const { events = [] } = await logs.send(new FilterLogEventsCommand({ logGroupName: `/aws/lambda/${STACK}` }));
  return events.filter(({ message = '' }) => message.includes(text)).length;
};

async function stateOf(alarm: string): Promise<string | undefined> {
  const { MetricAlarms: [one] = [] } = await new CloudWatchClient(at(HUB)).send(
    new DescribeAlarmsCommand({ AlarmNames: [`${STACK}-${alarm}`] }),
  );
  return one?.StateValue;
}

/** As the schedule does. */
async function wake(): Promise<void> {
  const sqs = new SQSClient(at(HUB));
  const { QueueUrls = [] } = await sqs.send(new ListQueuesCommand({ QueueNamePrefix: `${STACK}-PublishQueue` }));
  const QueueName = QueueUrls[0]?.split('/').at(-1) ?? '';
  const { QueueUrl = '' } = await sqs.send(new GetQueueUrlCommand({ QueueName }));
  await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: '{"kind":"publish"}' }));
}

/** A publication of which nothing began before. */
async function published(): Promise<AllowedImagesList> {
  const now = new Date().toISOString();
  await wake();
  return until('a publication', async () => {
    const present = await list();
    return present.readAt > now && present;
  });
}

test(
  'a review publishes what may start, and where what may not may start again',
  async () => {
    expect((await list()).notAfter).toBe('1970-01-01T00:00:00Z');
    expect(await installation().review()).toMatchObject({ status: 'SUCCEEDED' });
    const { digests, running, notAfter, readAt } = await until('the first list', async () => {
      const present = await list();
      return digits('young') in present.digests && present;
    });
    expect(digits('old') in digests).toBe(false);
    expect(running[digits('old')]).toMatchObject({ namespaces: ['shop'], rule: 'age-limit' });
    expect(Date.parse(notAfter) - Date.parse(readAt)).toBe(24 * 3_600_000);
  },
  LIMIT_MS,
);

test(
  'a new image is in the list after its verdict, and an image that a new policy finds too old leaves it',
  async () => {
    const location = { ...TEAM, repository: 'shop/app' };
    const { artifact } = await new Pusher(installation().cloud).push(location, {
      ...{ name: 'newest', tags: ['3'], pushedAtEpochMs: Date.now(), os: 'debian' },
    });
    const newest = artifact.digest.slice('sha256:'.length);
    expect(newest in (await list()).digests).toBe(false);
    expect(await installation().review()).toMatchObject({ status: 'SUCCEEDED' });
    await until('the new image', async () => newest in (await list()).digests);

    const { policies } = installation().context;
    await policies.publish(parse(policySchema, policyWith(4)), {
      ...{ replaces: (await policies.current()).version, author: 'test', atEpochMs: Date.now() },
    });
    expect(await installation().review()).toMatchObject({ status: 'SUCCEEDED' });
    const { digests, running } = await until('the image that is too old now', async () => {
      const present = await list();
      return digits('young') in present.running && present;
    });
    expect([digits('young') in digests, newest in digests]).toEqual([false, true]);
    expect(running[digits('young')]?.namespaces).toEqual(['shop']);
  },
  LIMIT_MS,
);

test(
  'a list that somebody deleted is made again',
  async () => {
    await admin.remove(RESOURCES.allowedImages, { metadata: { name: SHARD } } as KubernetesObject);
    await wake();
    // None is left that says how many there were.
    const made = await until('all lists', async () => {
      const all = await admin.list(RESOURCES.allowedImages);
      return all.length === 17 && all.map(({ metadata }) => metadata.name);
    });
    expect(made).toContain(SHARD);
    const { policyVersion } = await published();
    expect(policyVersion).toMatch(/^[0-9a-f]{64}$/);
  },
  LIMIT_MS,
);

test(
  'a publisher that does nothing for an hour rings',
  async () => {
    await until('rest', async () => (await stateOf('late')) === 'OK');
    // The schedule goes on.
    const lambda = new LambdaClient(at(HUB));
    const { EventSourceMappings: [mapping] = [] } = await lambda.send(
      new ListEventSourceMappingsCommand({ FunctionName: STACK }),
    );
    const UUID = mapping?.UUID ?? '';
    await lambda.send(new UpdateEventSourceMappingCommand({ UUID, Enabled: false }));
    await installation().cloud.admin.setClockForward(5400);
    await until('the alarm', async () => (await stateOf('late')) === 'ALARM');
    await lambda.send(new UpdateEventSourceMappingCommand({ UUID, Enabled: true }));
    await wake();
    await until('its end', async () => (await stateOf('late')) === 'OK');
  },
  LIMIT_MS,
);

describe('without any single permission the cluster gets no lists:', () => {
  /** Done by the Lambda service itself in the embedded cloud, not under the role. */
  const NOT_ENFORCED: readonly string[] = [
    ...['WriteLogs logs:CreateLogStream', 'WriteLogs logs:PutLogEvents'],
    ...['TakeMessages sqs:DeleteMessage', 'TakeMessages sqs:GetQueueAttributes', 'TakeMessages sqs:ReceiveMessage'],
  ];
  let changes = 0;

  /** In a new environment, which remembers no policy and no session. */
  async function publishes(): Promise<boolean> {
    await new LambdaClient(at(HUB)).send(
      new UpdateFunctionConfigurationCommand({ FunctionName: STACK, Timeout: 590 + (++changes % 2) }),
    );
    const before = await errors();
    const { readAt } = await list();
    await wake();
    return until('the end of a publication', async () => {
      if ((await list()).readAt > readAt) return 'yes';
      return (await errors()) > before && 'no';
    }).then((answer) => answer === 'yes');
  }
  const errors = () => logged('"level":"ERROR"');

  test.each([
    [HUB, `${STACK}-DoorPublisherRole`],
    [TEAM, 'PatchwavePublish'],
  ])(
    '%o %s',
    async (where, prefix) => {
      const grants = new Grants(new IAMClient(at(where)));
      const unnoticed: Grant[] = [];
      for (const grant of await grants.of(await grants.role(prefix))) {
        if (NOT_ENFORCED.includes(nameOf(grant))) continue;
        if (await grants.without(grant, publishes)) unnoticed.push(grant);
      }
      expect(unnoticed.map(nameOf)).toEqual([]);
      expect(await publishes()).toBe(true);
    },
    LIMIT_MS,
  );
});

test(
  'a cluster that is down is named in the log, and rings after three publications',
  async () => {
    await installation().cloud.admin.changeCluster({ ...place, endpoint: 'https://127.0.0.1:9' });
    for (let nth = 1; nth <= 3; nth += 1) {
      const before = await logged('ClusterConnectionError');
      await wake();
      await until('a failure', async () => (await logged('ClusterConnectionError')) > before);
      expect(await logged(`Patchwave published no lists to ${TEAM.account}/${TEAM.region}/${CLUSTER}`)).toBeGreaterThan(
        0,
      );
      await installation().cloud.admin.setClockForward(900);
      await sleep(500);
    }
    await until('the alarm', async () => (await stateOf('clusters-failing')) === 'ALARM');
    // What fails is no reason to be late.
    expect(await stateOf('late')).toBe('OK');
  },
  LIMIT_MS,
);
