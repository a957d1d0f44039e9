import assert from 'node:assert/strict';
import { BatchGetItemCommand, CreateTableCommand, DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { CreateRepositoryCommand, ECRClient } from '@aws-sdk/client-ecr';
import { CreateClusterCommand, ECSClient, RegisterTaskDefinitionCommand, RunTaskCommand } from '@aws-sdk/client-ecs';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import type { ProbeCloud } from '../probe.ts';
import { declareOrganization } from '../probe-organization.ts';
import { sessionThatMay } from '../probe-sessions.ts';
import { bundled, makeFunction, makeRole } from '../probe-workflows.ts';

const MEMBER = '555500000001';
const ORGANIZATION = 'o-probe00004';
const EXTERNAL_ID = 'patchwave-probe';

/** A function of the hub takes the role of a member account and tries each call; the reply names what was refused. */
const SOURCE = `
import { DescribeClustersCommand, DescribeServicesCommand, DescribeTasksCommand, ECSClient, ListClustersCommand, ListServiceDeploymentsCommand, ListTasksCommand, StopTaskCommand } from '@aws-sdk/client-ecs';
import { DescribeImagesCommand, DescribeRepositoriesCommand, ECRClient } from '@aws-sdk/client-ecr';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';

export const handler = async ({ roleArn, externalId, region, cluster, other, task, repository }) => {
  const { Credentials } = await new STSClient().send(
    new AssumeRoleCommand({ RoleArn: roleArn, RoleSessionName: 'inventory', ExternalId: externalId }),
  );
  const credentials = {
    accessKeyId: Credentials.AccessKeyId,
    secretAccessKey: Credentials.SecretAccessKey,
    sessionToken: Credentials.SessionToken,
  };
  const ecs = new ECSClient({ region, credentials });
  const ecr = new ECRClient({ region, credentials });
  const outcomes = {};
  const attempt = async (name, call) => {
    outcomes[name] = await call().then(() => 'ok', (error) => error.name);
  };
  await attempt('ListClusters', () => ecs.send(new ListClustersCommand({})));
  await attempt('ListTasks', () => ecs.send(new ListTasksCommand({ cluster })));
  await attempt('ListTasks of another cluster', () => ecs.send(new ListTasksCommand({ cluster: other })));
  await attempt('DescribeTasks', () => ecs.send(new DescribeTasksCommand({ cluster, tasks: [task] })));
  await attempt('DescribeTasks elsewhere', () => ecs.send(new DescribeTasksCommand({ cluster: other, tasks: ['x'] })));
  await attempt('DescribeClusters', () => ecs.send(new DescribeClustersCommand({ clusters: [cluster] })));
  await attempt('DescribeServices', () => ecs.send(new DescribeServicesCommand({ cluster, services: ['web'] })));
  const listed = (service) => () => ecs.send(new ListServiceDeploymentsCommand({ cluster, service }));
  await attempt('ListServiceDeployments', listed('web'));
  await attempt('ListServiceDeployments of another service', listed('shop'));
  await attempt('StopTask', () => ecs.send(new StopTaskCommand({ cluster, task })));
  await attempt('DescribeRepositories', () => ecr.send(new DescribeRepositoriesCommand({ repositoryNames: [repository] })));
  await attempt('DescribeRepositories, all', () => ecr.send(new DescribeRepositoriesCommand({})));
  await attempt('DescribeImages', () => ecr.send(new DescribeImagesCommand({ repositoryName: repository })));
  return outcomes;
};`;

export default async function probe(cloud: ProbeCloud): Promise<void> {
  await declareOrganization(cloud, { id: ORGANIZATION, accounts: [{ id: MEMBER, name: 'member' }] });
  const seeded = await seed(cloud);
  const { region } = cloud.config;
  const roleArn = await memberRole(cloud, seeded);
  const hub = cloud.clients(cloud.hubAccount, region);
  const code = await bundled(SOURCE);
  const inventoryOf = async (role: string) => {
    const statements = [{ Action: 'sts:AssumeRole', Resource: role }];
    const Role = await makeRole(cloud, 'lambda.amazonaws.com', statements, hub);
    return await makeFunction(cloud, code, { Role, Timeout: 20 }, hub);
  };
  const inventory = await inventoryOf(roleArn);
  const ask = async (FunctionName: string, event: object) => {
    const Payload = Buffer.from(JSON.stringify({ roleArn, externalId: EXTERNAL_ID, region, ...seeded, ...event }));
    const reply = await new LambdaClient(hub).send(new InvokeCommand({ FunctionName, Payload }));
    return JSON.parse(Buffer.from(reply.Payload ?? []).toString());
  };

  assert.deepEqual(await ask(inventory, {}), {
    ListClusters: 'ok',
    ListTasks: 'ok',
    'ListTasks of another cluster': 'AccessDeniedException',
    DescribeTasks: 'ok',
    'DescribeTasks elsewhere': 'AccessDeniedException',
    DescribeClusters: 'ok',
    DescribeServices: 'ok',
    // It may be asked for, and is not there.
    ListServiceDeployments: 'ServiceNotFoundException',
    'ListServiceDeployments of another service': 'AccessDeniedException',
    StopTask: 'AccessDeniedException',
    DescribeRepositories: 'ok',
    'DescribeRepositories, all': 'AccessDeniedException',
    DescribeImages: 'ok',
  });

  assert.equal((await ask(inventory, { externalId: 'another' })).errorType, 'AccessDenied');
  const unlisted = await inventoryOf(`${roleArn}-of-another-stack`);
  assert.equal((await ask(unlisted, {})).errorType, 'AccessDenied');
  await declareOrganization(cloud, { id: 'o-probe00005', accounts: [{ id: MEMBER, name: 'member' }] });
  assert.equal((await ask(inventory, {})).errorType, 'AccessDenied');
  await readsPartitions(cloud);
}

/** A condition on partitions of a table holds for every item that a call names. */
async function readsPartitions(cloud: ProbeCloud): Promise<void> {
  const TableName = cloud.unique('ledger');
  const { TableDescription } = await new DynamoDBClient(cloud.config).send(
    new CreateTableCommand({
      ...{ TableName, BillingMode: 'PAY_PER_REQUEST' },
      KeySchema: [{ AttributeName: 'PK', KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName: 'PK', AttributeType: 'S' }],
    }),
  );
  const Action = ['dynamodb:BatchGetItem', 'dynamodb:GetItem'];
  const Condition = { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['IMAGE#*', 'POLICY'] } };
  const reader = new DynamoDBClient(
    await sessionThatMay(cloud, [{ Action, Resource: TableDescription?.TableArn ?? '', Condition }]),
  );
  const one = (PK: string) => reader.send(new GetItemCommand({ TableName, Key: { PK: { S: PK } } }));
  const many = (keys: readonly string[]) =>
    reader.send(new BatchGetItemCommand({ RequestItems: { [TableName]: { Keys: keys.map((S) => ({ PK: { S } })) } } }));
  await one('IMAGE#1');
  await many(['IMAGE#1', 'POLICY']);
  await assert.rejects(one('STREAM#1'), { name: 'AccessDeniedException' });
  await assert.rejects(many(['IMAGE#1', 'STREAM#1']), { name: 'AccessDeniedException' });
  await readsAttributes(cloud, TableName, TableDescription?.TableArn ?? '');
}

/** A condition on attributes holds for the projection of a batch; a batch without one reads whole items. */
async function readsAttributes(cloud: ProbeCloud, TableName: string, Resource: string): Promise<void> {
  const Condition = {
    'ForAllValues:StringEquals': { 'dynamodb:Attributes': ['PK', 'head'] },
    StringEqualsIfExists: { 'dynamodb:Select': 'SPECIFIC_ATTRIBUTES' },
  };
  const reader = new DynamoDBClient(
    await sessionThatMay(cloud, [{ Action: ['dynamodb:BatchGetItem'], Resource, Condition }]),
  );
  const read = (ProjectionExpression?: string) => {
    const Keys = [{ PK: { S: 'STREAM#1' } }];
    const wanted = ProjectionExpression === undefined ? { Keys } : { Keys, ProjectionExpression };
    return reader.send(new BatchGetItemCommand({ RequestItems: { [TableName]: wanted } }));
  };
  await read('PK, head');
  await assert.rejects(read('PK, taskToken'), { name: 'AccessDeniedException' });
  await assert.rejects(read(), { name: 'AccessDeniedException' });
}

interface Seeded {
  readonly cluster: string;
  readonly other: string;
  readonly task: string;
  readonly repository: string;
}

async function seed(cloud: ProbeCloud): Promise<Seeded> {
  const config = cloud.clients(MEMBER, cloud.config.region);
  const ecs = new ECSClient(config);
  const [cluster, other, family, repository] = ['mine', 'other', 'family', 'team/web'].map((name) =>
    cloud.unique(name),
  );
  assert.ok(cluster && other && family && repository);
  for (const clusterName of [cluster, other]) await ecs.send(new CreateClusterCommand({ clusterName }));
  const containerDefinitions = [{ name: 'web', image: 'web' }];
  await ecs.send(new RegisterTaskDefinitionCommand({ family, containerDefinitions }));
  const { tasks } = await ecs.send(new RunTaskCommand({ cluster, taskDefinition: family }));
  await new ECRClient(config).send(new CreateRepositoryCommand({ repositoryName: repository }));
  return { cluster, other, task: tasks?.[0]?.taskArn ?? '', repository };
}

async function memberRole(cloud: ProbeCloud, { cluster, repository }: Seeded): Promise<string> {
  const arn = (service: string, resource: string) => `arn:aws:${service}:*:${MEMBER}:${resource}`;
  const trust = {
    Principal: { AWS: `arn:aws:iam::${cloud.hubAccount}:root` },
    Condition: { StringEquals: { 'sts:ExternalId': EXTERNAL_ID, 'aws:PrincipalOrgID': ORGANIZATION } },
  };
  const inCluster = { ArnLike: { 'ecs:cluster': arn('ecs', `cluster/${cluster}`) } };
  const statements = [
    { Action: 'ecs:ListClusters', Resource: '*' },
    { Action: 'ecs:ListTasks', Resource: '*', Condition: inCluster },
    { Action: 'ecs:DescribeTasks', Resource: arn('ecs', `task/${cluster}/*`) },
    { Action: 'ecs:DescribeClusters', Resource: arn('ecs', `cluster/${cluster}`) },
    { Action: ['ecs:DescribeServices', 'ecs:ListServiceDeployments'], Resource: arn('ecs', `service/${cluster}/web`) },
    { Action: ['ecr:DescribeRepositories', 'ecr:DescribeImages'], Resource: arn('ecr', `repository/${repository}`) },
  ];
  return await makeRole(cloud, trust, statements, cloud.clients(MEMBER, cloud.config.region));
}
