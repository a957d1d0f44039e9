import { DescribeRepositoriesCommand } from '@aws-sdk/client-ecr';
import { ListClustersCommand } from '@aws-sdk/client-ecs';
import { ecrClients, ecsClients } from '../../shared/adapters/clients.ts';
import { EcrScanner } from '../../shared/adapters/ecr-scanner.ts';
import { EcsWorkloads } from '../../shared/adapters/ecs-workloads.ts';
import { collect } from '../../shared/concurrency.ts';
import { useCloud } from '../support/cloud.ts';
import { accessOf, createReadRole } from '../support/member-role.ts';
import { Pusher } from '../support/pushes.ts';

const cloud = useCloud();
const callsOf = async (...operations: readonly string[]) =>
  (await cloud().admin.calls()).filter(({ operation }) => operations.includes(operation));
const countOf = async (operation: string) => (await callsOf(operation)).reduce((sum, { count }) => sum + count, 0);

test('the role of an account is assumed once for all its clients and Regions, and every call has its session name', async () => {
  await createReadRole(cloud(), '444455556666');
  await createReadRole(cloud(), '555566667777');
  const [ecs, ecr] = [ecsClients(accessOf(cloud())), ecrClients(accessOf(cloud()))];
  const access = accessOf(cloud());
  const [sharedEcs, sharedEcr] = [ecsClients(access), ecrClients(access)];
  expect(ecs({ account: '444455556666', region: 'eu-west-1' })).toBe(
    ecs({ account: '444455556666', region: 'eu-west-1' }),
  );
  expect(ecr({ account: '444455556666', region: 'eu-west-1' })).not.toBe(
    ecr({ account: '444455556666', region: 'us-east-1' }),
  );
  await cloud().admin.clearCalls();
  await Promise.all(
    ['444455556666', '555566667777'].flatMap((account) =>
      ['eu-west-1', 'us-east-1', 'ap-south-1'].flatMap((region) => [
        sharedEcs({ account, region }).send(new ListClustersCommand({})),
        sharedEcr({ account, region }).send(new DescribeRepositoriesCommand({})),
      ]),
    ),
  );
  expect(await countOf('AssumeRole')).toBe(2);
  const calls = await callsOf('ListClusters', 'DescribeRepositories');
  expect(calls).toHaveLength(12);
  expect(new Set(calls.map(({ principal }) => principal))).toEqual(new Set(['PatchwaveRead']));
});

test('a role without the permission is a refusal at the first answer', async () => {
  await createReadRole(cloud(), '666677778888', ['ecr:DescribeRepositories']);
  const scope = { account: '666677778888', region: 'eu-west-1' };
  await cloud().admin.clearCalls();
  const listing = collect(new EcsWorkloads(ecsClients(accessOf(cloud()))).clusters(scope));
  await expect(listing).rejects.toMatchObject({ name: 'ScopeUnreachableError' });
  expect(await countOf('ListClusters')).toBe(1);
});

test('throttling is waited out', async () => {
  await createReadRole(cloud(), '777788889999');
  const client = ecsClients(accessOf(cloud()))({ account: '777788889999', region: 'eu-west-1' });
  await cloud().admin.setFaults({ seed: 3, throttleRate: 0.5, operations: ['ListClusters'] });
  await cloud().admin.clearCalls();
  for (let n = 0; n < 3; n += 1) await client.send(new ListClustersCommand({}));
  await cloud().admin.endFaults();
  expect((await callsOf('ListClusters')).reduce((sum, { throttled }) => sum + throttled, 0)).toBeGreaterThan(0);
}, 60_000);

test('the scanner says "not now" once, not eight times', async () => {
  await createReadRole(cloud(), '888899990000');
  const pusher = new Pusher(cloud());
  const location = await pusher.newRepository('888899990000', 'team/a');
  const { artifact } = await pusher.push(location, { name: 'a', tags: ['a'], pushedAtEpochMs: Date.now() });
  const scanner = new EcrScanner(ecrClients(accessOf(cloud())));
  await scanner.start(location, artifact.digest);
  await cloud().admin.clearCalls();
  expect(await scanner.start(location, artifact.digest)).toEqual({ outcome: 'quota-or-scanned' });
  expect(await countOf('StartImageScan')).toBe(1);
});
