import assert from 'node:assert/strict';
import { CloudFormationClient, CreateStackCommand, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { ECRClient, GetRegistryScanningConfigurationCommand } from '@aws-sdk/client-ecr';
import { DescribeArchiveCommand, DescribeEventBusCommand, EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { eventually, type ProbeCloud } from '../probe.ts';

const RECORDED = {
  Composite: { Type: 'AWS::CloudWatch::CompositeAlarm', Properties: { AlarmRule: 'FALSE' } },
  Anomalies: { Type: 'AWS::CloudWatch::AnomalyDetector', Properties: { Namespace: 'n', MetricName: 'm', Stat: 'Sum' } },
  Budget: { Type: 'AWS::Budgets::Budget', Properties: { Budget: { BudgetType: 'COST', TimeUnit: 'MONTHLY' } } },
  Deployed: { Type: 'AWS::CodeDeploy::Application', Properties: { ComputePlatform: 'Lambda' } },
  Group: { Type: 'AWS::ResourceGroups::Group', Properties: { Name: 'patchwave' } },
  Sampling: { Type: 'AWS::XRay::SamplingRule', Properties: {} },
};

export default async function probe(cloud: ProbeCloud): Promise<void> {
  // A Region of its own: a registry has one scanning configuration in each.
  const config = cloud.clients(cloud.config.credentials.accessKeyId, 'ap-southeast-2');
  const StackName = cloud.unique('stack');
  const bus = cloud.unique('bus');
  const template = {
    Resources: {
      ...RECORDED,
      Bus: { Type: 'AWS::Events::EventBus', Properties: { Name: bus } },
      Policy: {
        Type: 'AWS::Events::EventBusPolicy',
        Properties: {
          EventBusName: { Ref: 'Bus' },
          StatementId: 'organization',
          Statement: {
            Effect: 'Allow',
            Principal: '*',
            Action: 'events:PutEvents',
            Resource: { 'Fn::GetAtt': ['Bus', 'Arn'] },
            Condition: { StringEquals: { 'aws:PrincipalOrgID': 'o-probe00007' } },
          },
        },
      },
      Archive: {
        Type: 'AWS::Events::Archive',
        Properties: { ArchiveName: bus, SourceArn: { 'Fn::GetAtt': ['Bus', 'Arn'] }, RetentionDays: 7 },
      },
      Scanning: {
        Type: 'AWS::ECR::RegistryScanningConfiguration',
        Properties: {
          ScanType: 'BASIC',
          Rules: [
            {
              ScanFrequency: 'SCAN_ON_PUSH',
              RepositoryFilters: [{ Filter: 'team-*', FilterType: 'WILDCARD' }],
            },
          ],
        },
      },
    },
  };
  const cloudFormation = new CloudFormationClient(config);
  await cloudFormation.send(new CreateStackCommand({ StackName, TemplateBody: JSON.stringify(template) }));
  const status = await statusOf(cloudFormation, StackName);
  assert.equal(status, 'CREATE_COMPLETE');

  const events = new EventBridgeClient(config);
  const policy = JSON.parse((await events.send(new DescribeEventBusCommand({ Name: bus }))).Policy ?? '{}');
  assert.deepEqual(
    policy.Statement.map((statement: { Sid: string }) => statement.Sid),
    ['organization'],
  );
  assert.equal((await events.send(new DescribeArchiveCommand({ ArchiveName: bus }))).RetentionDays, 7);
  await bringsUpNoOther(cloudFormation, cloud.unique('stack'), cloud.unique('bus'));
  const scanning = await new ECRClient(config).send(new GetRegistryScanningConfigurationCommand({}));
  assert.equal(scanning.scanningConfiguration?.rules?.[0]?.repositoryFilters?.[0]?.filter, 'team-*');
}

/** A statement of a bus policy has an id that no other stack of the account and Region has, on whichever bus. */
async function bringsUpNoOther(cloudFormation: CloudFormationClient, StackName: string, bus: string): Promise<void> {
  const Bus = { Type: 'AWS::Events::EventBus', Properties: { Name: bus } };
  const Properties = {
    EventBusName: { Ref: 'Bus' },
    StatementId: 'organization',
    Principal: '*',
    Action: 'events:PutEvents',
  };
  const Resources = { Bus, Policy: { Type: 'AWS::Events::EventBusPolicy', Properties } };
  await cloudFormation.send(new CreateStackCommand({ StackName, TemplateBody: JSON.stringify({ Resources }) }));
  assert.equal(await statusOf(cloudFormation, StackName), 'ROLLBACK_COMPLETE');
}

async function statusOf(cloudFormation: CloudFormationClient, StackName: string): Promise<string> {
  return await eventually(async () => {
    const { Stacks } = await cloudFormation.send(new DescribeStacksCommand({ StackName }));
    const found = Stacks?.[0]?.StackStatus ?? '';
    return found.endsWith('IN_PROGRESS') ? undefined : found;
  }, 'the end of the stack operation');
}
