import assert from 'node:assert/strict';
import { ECRClient, PutRegistryScanningConfigurationCommand } from '@aws-sdk/client-ecr';
import {
  CreateClusterCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
  StopTaskCommand,
} from '@aws-sdk/client-ecs';
import { Inspector2Client, ListCoverageCommand, paginateListCoverage } from '@aws-sdk/client-inspector2';
import { debianFiles, eventually, makeRepository, type ProbeCloud, pushImage } from '../probe.ts';
import { declareOrganization } from '../probe-organization.ts';

const equals = (value: string) => ({ comparison: 'EQUALS' as const, value });

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const config = cloud.clients('555566667777', 'eu-west-1');
  const own = { ...cloud, config };
  const [ecr, inspector] = [new ECRClient(config), new Inspector2Client(config)];
  const [covered, left] = [await makeRepository(own, 'team/covered'), await makeRepository(own, 'other/left')];
  const statusOf = async (digest: string) => {
    const { coveredResources = [] } = await inspector.send(new ListCoverageCommand({}));
    return coveredResources.find(({ resourceId = '' }) => resourceId.endsWith(digest));
  };
  const files = (version: string) => [debianFiles({ bash: version })];
  const before = await pushImage(own, covered, files('5.1'), 'before');
  assert.equal(await statusOf(before.digest), undefined);

  const repositoryFilters = [{ filter: 'covered', filterType: 'WILDCARD' as const }];
  const rules = [{ scanFrequency: 'CONTINUOUS_SCAN' as const, repositoryFilters }];
  await ecr.send(new PutRegistryScanningConfigurationCommand({ scanType: 'ENHANCED', rules }));
  const images = [
    before,
    await pushImage(own, covered, files('5.2'), '1'),
    await pushImage(own, covered, files('5.3'), '2'),
  ];
  const outside = await pushImage(own, left, files('5.4'), '1');
  const unreadable = await pushImage(own, covered, [{ 'etc/motd': 'no operating system' }], 'scratch');

  for (const { digest } of images) {
    const found = await eventually(async () => {
      const one = await statusOf(digest);
      return one?.scanStatus?.statusCode === 'ACTIVE' ? one : undefined;
    }, 'the first scan of an image');
    assert.equal(found.scanStatus?.reason, 'SUCCESSFUL');
    assert.ok(found.lastScannedAt instanceof Date);
    assert.equal(found.resourceId, `arn:aws:ecr:eu-west-1:555566667777:repository/${covered}/${digest}`);
    assert.equal(found.resourceMetadata?.ecrRepository?.scanFrequency, 'CONTINUOUS_SCAN');
  }
  assert.equal(await statusOf(outside.digest), undefined);
  const refused = await eventually(async () => {
    const one = await statusOf(unreadable.digest);
    return one?.scanStatus?.reason === 'UNSUPPORTED_OS' ? one : undefined;
  }, 'the scan of an image without an operating system');
  assert.equal(refused.scanStatus?.statusCode, 'INACTIVE');

  // Pages, and filters of up to ten values.
  const pages = await Array.fromAsync(paginateListCoverage({ client: inspector, pageSize: 1 }, {}));
  assert.equal(pages.length, 4);
  const resourceId = images.map(({ digest }) =>
    equals(`arn:aws:ecr:eu-west-1:555566667777:repository/${covered}/${digest}`),
  );
  const filtered = await inspector.send(new ListCoverageCommand({ filterCriteria: { resourceId } }));
  assert.equal(filtered.coveredResources?.length, 3);
  const eleven = Array.from({ length: 11 }, () => equals('a'));
  await assert.rejects(inspector.send(new ListCoverageCommand({ filterCriteria: { resourceId: eleven } })), {
    name: 'ValidationException',
  });
  await assert.rejects(inspector.send(new ListCoverageCommand({ maxResults: 201 })), { name: 'ValidationException' });

  // What uses an image: tasks that run count, and the last use stays when the last of them ended.
  const ecs = new ECSClient(config);
  const useOf = async ({ digest }: (typeof images)[number]) => (await statusOf(digest))?.resourceMetadata?.ecrImage;
  const [used = before, unused = before] = images;
  const { taskDefinition } = await ecs.send(
    new RegisterTaskDefinitionCommand({
      family: 'covered',
      containerDefinitions: [
        { name: 'app', image: `555566667777.dkr.ecr.eu-west-1.amazonaws.com/${covered}@${used.digest}`, memory: 64 },
      ],
    }),
  );
  await ecs.send(new CreateClusterCommand({ clusterName: 'covered' }));
  const run = { cluster: 'covered', taskDefinition: taskDefinition?.taskDefinitionArn, count: 2 };
  const { tasks = [] } = await ecs.send(new RunTaskCommand(run));
  const running = await useOf(used);
  assert.equal(running?.inUseCount, 2);
  assert.ok(Math.abs(Date.now() - (running?.lastInUseAt?.getTime() ?? 0)) < 60_000);
  for (const { taskArn: task } of tasks) await ecs.send(new StopTaskCommand({ cluster: 'covered', task }));
  const ended = await useOf(used);
  assert.equal(ended?.inUseCount, 0);
  assert.ok(Math.abs(Date.now() - (ended?.lastInUseAt?.getTime() ?? 0)) < 60_000);
  const never = await useOf(unused);
  assert.deepEqual([never?.inUseCount, never?.lastInUseAt], [undefined, undefined]);

  // A delegated administrator, here the management account, sees the images of all members; a member sees its own.
  const accounts = [{ id: '555566667777', name: 'team' }];
  await declareOrganization(cloud, { id: 'o-probe00001', accounts });
  const administrator = new Inspector2Client(cloud.clients(cloud.hubAccount, 'eu-west-1'));
  const ofTeam = { filterCriteria: { accountId: [equals('555566667777')] } };
  const seen = await administrator.send(new ListCoverageCommand(ofTeam));
  assert.deepEqual([seen.coveredResources?.length, seen.coveredResources?.[0]?.accountId], [4, '555566667777']);
  const other = new Inspector2Client(cloud.clients('888877776666', 'eu-west-1'));
  assert.equal((await other.send(new ListCoverageCommand(ofTeam))).coveredResources?.length, 0);
}
