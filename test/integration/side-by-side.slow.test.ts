import {
  CloudFormationClient,
  DescribeStackResourcesCommand,
  DescribeStacksCommand,
} from '@aws-sdk/client-cloudformation';
import { CloudWatchClient, DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch';
import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient, ListEventBusesCommand } from '@aws-sdk/client-eventbridge';
import { IAMClient, ListRolesCommand } from '@aws-sdk/client-iam';
import { LambdaClient, ListFunctionsCommand } from '@aws-sdk/client-lambda';
import { GetObjectCommand, ListBucketsCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { ListQueuesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { contextOf } from '../../cli/context.ts';
import { deploy, packaged } from '../../local/deploy.ts';
import { loadFleet } from '../../local/fleet/load.ts';
import { reviewWith } from '../../local/installation.ts';
import { createStack } from '../../local/stack.ts';
import { useInstallation } from '../support/installation.ts';
import { hubOf } from '../support/readings.ts';

const LIMIT_MS = 240_000;
const STAGING = {
  ReadRoleName: 'StagingRead',
  ForwardRoleName: 'StagingForwardScanEvents',
  ActBuildRoleName: 'StagingActBuild',
  ActRolloutRoleName: 'StagingActRollout',
  ActProtectRoleName: 'StagingActProtect',
  ReportRoleName: 'StagingReportBuild',
  PlanningState: 'DISABLED',
  ScanPollSeconds: '1',
  ScanWaitMinutes: '1',
  CatchUpMinutes: '0',
};

describe('two stacks in one account and Region', () => {
  const installation = useInstallation(() => loadFleet('local/fleet/small.json'));

  test(
    'review the same fleet, each into its own ledger, and come to the same verdicts',
    async () => {
      const { cloud, fleet, context, policy, review } = installation();
      const config = hubOf(installation());
      const deployment = await deploy(cloud, fleet, { name: 'staging', parameters: STAGING });
      const staging = contextOf(deployment, config);
      await staging.policies.publish(policy, { author: 'a test', atEpochMs: Date.now() });

      expect(await review()).toMatchObject({ status: 'SUCCEEDED' });
      expect(await reviewWith(staging, config)).toMatchObject({ status: 'SUCCEEDED' });
      const judgedBy = async ({ runs }: typeof context) => {
        // The requester of a scan differs, because each digest is scanned once a day.
        const { scans: _, ...judged } = (await runs.latest()).ended?.totals ?? {};
        return judged;
      };
      const [first, second] = await Promise.all([context, staging].map(judgedBy));
      expect(first).toHaveProperty('scopes.complete');
      expect(second).toEqual(first);

      const { MetricAlarms = [] } = await new CloudWatchClient(config).send(new DescribeAlarmsCommand({}));
      const of = (stack: string) =>
        MetricAlarms.filter(({ AlarmName = '' }) => AlarmName.startsWith(`${stack}-`)).length;
      expect(of('staging')).toBe(of('patchwave'));
    },
    LIMIT_MS,
  );

  test(
    'a creation that fails at its last resource leaves nothing behind',
    async () => {
      const { fleet } = installation();
      const config = hubOf(installation());
      const before = await everythingIn(config);
      const Bucket = `patchwave-artifacts-${fleet.hub.account}`;
      await packaged(config, 'template.yaml', Bucket);
      const s3 = new S3Client({ ...config, forcePathStyle: true });
      const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key: 'packaged.json' }));
      const text = (await Body?.transformToString()) ?? '';
      const template = JSON.parse(text) as { readonly Resources: Readonly<Record<string, object>> };
      const { Resources } = template;
      const Last = {
        Type: 'AWS::CloudWatch::Alarm',
        DependsOn: Object.keys(Resources).filter((id) => !isConditional(Resources[id])),
        Properties: { Metrics: [{ Id: 'a', Expression: '1' }], EvaluationPeriods: 1, ComparisonOperator: 'x' },
      };
      const broken = JSON.stringify({ ...template, Resources: { ...Resources, Last } });
      await s3.send(new PutObjectCommand({ Bucket, Key: 'broken.json', Body: broken }));
      const client = new CloudFormationClient(config);
      const creation = createStack(client, {
        name: 'broken',
        template: { url: `${config.endpoint}/${Bucket}/broken.json` },
        parameters: { OrganizationId: fleet.organization?.id ?? '', ReadRoleExternalId: 'of-a-stack-that-fails' },
      });
      await expect(creation).rejects.toThrow(/broken is ROLLBACK_COMPLETE[\s\S]*Last /);
      const { StackResources = [] } = await client.send(new DescribeStackResourcesCommand({ StackName: 'broken' }));
      expect(StackResources.filter(({ ResourceStatus }) => ResourceStatus !== 'DELETE_COMPLETE')).toEqual([]);
      expect(await everythingIn(config)).toEqual(before);
      expect((await client.send(new DescribeStacksCommand({ StackName: 'patchwave' }))).Stacks?.[0]?.StackStatus).toBe(
        'CREATE_COMPLETE',
      );
    },
    LIMIT_MS,
  );
});

const isConditional = (resource: object = {}): boolean => 'Condition' in resource;

/** What an account holds of the kinds that a stack makes and that could outlive it. */
async function everythingIn(config: ReturnType<typeof hubOf>): Promise<readonly string[]> {
  const s3 = new S3Client({ ...config, forcePathStyle: true });
  const [tables, buckets, queues, buses, roles, functions] = await Promise.all([
    new DynamoDBClient(config).send(new ListTablesCommand({})),
    s3.send(new ListBucketsCommand({})),
    new SQSClient(config).send(new ListQueuesCommand({})),
    new EventBridgeClient(config).send(new ListEventBusesCommand({})),
    new IAMClient(config).send(new ListRolesCommand({})),
    new LambdaClient(config).send(new ListFunctionsCommand({})),
  ]);
  return [
    ...(tables.TableNames ?? []),
    ...(buckets.Buckets ?? []).map(({ Name = '' }) => Name),
    ...(queues.QueueUrls ?? []),
    ...(buses.EventBuses ?? []).map(({ Name = '' }) => Name),
    ...(roles.Roles ?? []).map(({ RoleName = '' }) => RoleName),
    ...(functions.Functions ?? []).map(({ FunctionName = '' }) => FunctionName),
  ].sort();
}
