import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import {
  CreateRoleCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  IAMClient,
  ListAttachedRolePoliciesCommand,
  ListRolePoliciesCommand,
  ListRolesCommand,
  PutRolePolicyCommand,
} from '@aws-sdk/client-iam';
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { GetFunctionCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { jest } from '@jest/globals';
import type { Cloud } from '../../local/cloud.ts';
import { type DeployOptions, type DeployTarget, deploy, type StackDeployment } from '../../local/deploy.ts';
import { declareOrganization } from '../../local/fleet/organization.ts';
import { createStack } from '../../local/stack.ts';
import { hubFunctionNames } from '../../scripts/bundle.ts';
import { useCloud } from '../support/cloud.ts';

// A deployment has some hundred resources; its duration is not under test.
jest.setTimeout(60_000);

const HUB = { account: '111122223333', region: 'us-east-1' };
const MEMBER = '444455556666';
const OUT_OF_REACH = '777788889999';
const target: DeployTarget = {
  hub: HUB,
  organization: { id: 'o-a1b2c3d4e5' },
  accounts: [
    { id: HUB.account, name: 'hub', regions: ['us-east-1'], memberRole: true, state: 'ACTIVE' },
    { id: MEMBER, name: 'member', regions: ['us-east-1', 'eu-west-1'], memberRole: true, state: 'ACTIVE' },
    { id: OUT_OF_REACH, name: 'apart', regions: ['us-east-1'], memberRole: false, state: 'ACTIVE' },
  ],
};

/** Deploys into an organization: the bus takes events from inside it, and is a target for rules inside it, only. */
async function deployInside(cloud: Cloud, to: DeployTarget, options?: DeployOptions): Promise<StackDeployment> {
  await declareOrganization(cloud.endpoint, to);
  return await deploy(cloud, to, options);
}

describe('with the defaults', () => {
  const cloud = useCloud();
  let deployment: StackDeployment;
  beforeAll(async () => {
    deployment = await deployInside(cloud(), target);
  });

  test('the ledger streams its changes and has its indexes', async () => {
    const client = new DynamoDBClient(cloud().clients(HUB.account, HUB.region));
    const { Table } = await client.send(new DescribeTableCommand({ TableName: deployment.ledgerTable }));
    expect(Table?.StreamSpecification).toEqual({ StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' });
    expect(Table?.GlobalSecondaryIndexes?.map(({ IndexName }) => IndexName).sort()).toEqual([
      'age',
      'open',
      'scope',
      'verdict',
    ]);
  });

  test.each([HUB.account, MEMBER])('account %s has the role that the hub may take', async (account) => {
    const { Role } = await new IAMClient(cloud().clients(account, 'us-east-1')).send(
      new GetRoleCommand({ RoleName: 'PatchwaveRead' }),
    );
    expect(decodeURIComponent(Role?.AssumeRolePolicyDocument ?? '')).toContain(
      `${HUB.account}:role/patchwave/reader/*`,
    );
  });

  test('each Region of a member has its stack; an account out of reach has none', async () => {
    const stacks = async (account: string, region: string) => {
      const client = new CloudFormationClient(cloud().clients(account, region));
      const { Stacks = [] } = await client.send(new DescribeStacksCommand({}));
      return Stacks.map(({ StackName, StackStatus }) => [StackName, StackStatus]);
    };
    const complete = [['patchwave-member', 'CREATE_COMPLETE']];
    expect(await stacks(MEMBER, 'us-east-1')).toEqual(complete);
    expect(await stacks(MEMBER, 'eu-west-1')).toEqual(complete);
    expect(await stacks(OUT_OF_REACH, 'us-east-1')).toEqual([]);
  });

  test('a template that does not come up is reported with the resource and its reason', async () => {
    const body = JSON.stringify({
      Resources: {
        Mapping: {
          Type: 'AWS::CloudWatch::Alarm',
          Properties: { Metrics: [{ Id: 'a', Expression: '1' }], EvaluationPeriods: 1, ComparisonOperator: 'x' },
        },
      },
    });
    const client = new CloudFormationClient(cloud().clients(HUB.account, HUB.region));
    const creation = createStack(client, { name: 'broken', template: { body }, parameters: {} });
    await expect(creation).rejects.toMatchObject({
      name: 'StackError',
      message: expect.stringMatching(/broken is ROLLBACK_COMPLETE[\s\S]*Mapping \(AWS::CloudWatch::Alarm\): .+/),
    });
  });
});

describe('with a key and traces', () => {
  const cloud = useCloud();

  test('every function sends traces, and may send them and use the key', async () => {
    const config = cloud().clients(HUB.account, HUB.region);
    const { KeyMetadata } = await new KMSClient(config).send(new CreateKeyCommand({}));
    const KmsKeyArn = KeyMetadata?.Arn ?? '';
    await deployInside(cloud(), target, { parameters: { KmsKeyArn, Tracing: 'on' } });
    const lambda = new LambdaClient(config);
    const iam = new IAMClient(config);
    expect(hubFunctionNames().length).toBeGreaterThan(0);
    for (const name of hubFunctionNames()) {
      const { Configuration } = await lambda.send(new GetFunctionCommand({ FunctionName: `patchwave-${name}` }));
      expect(Configuration).toMatchObject({
        TracingConfig: { Mode: 'Active' },
        Environment: { Variables: { POWERTOOLS_TRACE_ENABLED: 'true' } },
      });
      const RoleName = Configuration?.Role?.split('/').at(-1) ?? '';
      const { PolicyNames } = await iam.send(new ListRolePoliciesCommand({ RoleName }));
      expect(PolicyNames?.sort()).toEqual([name, 'use-key'].sort());
      const { AttachedPolicies } = await iam.send(new ListAttachedRolePoliciesCommand({ RoleName }));
      expect(AttachedPolicies?.map(({ PolicyArn }) => PolicyArn)).toEqual([expect.stringContaining('TracesPolicy')]);
    }
  });
});

describe('for a fleet with a pipeline', () => {
  const cloud = useCloud();

  test('only the account of the pipeline lets it be started, and only by the path that builds', async () => {
    await deployInside(cloud(), {
      ...target,
      pipelines: [{ account: MEMBER, region: 'eu-west-1', name: 'web-image' }],
    });
    const rolesOf = async (account: string) => {
      const { Roles = [] } = await new IAMClient(cloud().clients(account, 'us-east-1')).send(new ListRolesCommand({}));
      return Roles.filter(({ RoleName = '' }) => RoleName.startsWith('PatchwaveAct'));
    };
    expect((await rolesOf(HUB.account)).map(({ RoleName }) => RoleName).sort()).toEqual([
      'PatchwaveActProtect',
      'PatchwaveActRollout',
    ]);
    const roles = await rolesOf(MEMBER);
    expect(roles.map(({ RoleName }) => RoleName).sort()).toEqual([
      'PatchwaveActBuild',
      'PatchwaveActProtect',
      'PatchwaveActRollout',
    ]);
    const { PolicyDocument = '' } = await new IAMClient(cloud().clients(MEMBER, 'us-east-1')).send(
      new GetRolePolicyCommand({ RoleName: 'PatchwaveActBuild', PolicyName: 'build' }),
    );
    expect(JSON.parse(decodeURIComponent(PolicyDocument)).Statement[0]).toMatchObject({
      Action: 'codepipeline:StartPipelineExecution',
      Resource: [`arn:aws:codepipeline:eu-west-1:${MEMBER}:web-image`],
    });
  });

  test('a build reports by the role of its account, if the account lists it, and by no other role', async () => {
    const member = cloud().clients(MEMBER, HUB.region);
    const iam = new IAMClient(member);
    const build = async (RoleName: string): Promise<string> => {
      const anybody = { Effect: 'Allow', Principal: { AWS: '*' }, Action: 'sts:AssumeRole' };
      const may = { Effect: 'Allow', Action: ['events:PutEvents', 'sts:AssumeRole'], Resource: '*' };
      const AssumeRolePolicyDocument = JSON.stringify({ Statement: [anybody] });
      const { Role } = await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument }));
      const PolicyDocument = JSON.stringify({ Statement: [may] });
      await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: 'may', PolicyDocument }));
      return Role?.Arn ?? '';
    };
    const [listed, other] = [await build('build-of-web'), await build('build-of-blog')];
    const { outputs } = await deployInside(cloud(), target, { name: 'reported', parameters: reported(listed) });
    const take = async (RoleArn: string, config: Session = member): Promise<Session> => {
      const assumed = await new STSClient(config).send(new AssumeRoleCommand({ RoleArn, RoleSessionName: 'build' }));
      const {
        AccessKeyId: accessKeyId = '',
        SecretAccessKey: secretAccessKey = '',
        SessionToken,
      } = assumed.Credentials ?? {};
      return {
        ...member,
        credentials: { accessKeyId, secretAccessKey, ...(SessionToken && { sessionToken: SessionToken }) },
      };
    };
    const put = (config: Session, Source: string, DetailType: string) =>
      new EventBridgeClient(config).send(
        new PutEventsCommand({ Entries: [{ EventBusName: outputs.BusArn, Source, DetailType, Detail: '{}' }] }),
      );
    const reporter = `arn:aws:iam::${MEMBER}:role/${REPORTER}`;
    const session = await take(reporter, await take(listed));
    expect(await put(session, 'patchwave.pipeline', 'RebuildReported')).toMatchObject({ FailedEntryCount: 0 });
    const denied = { name: 'AccessDeniedException' };
    await expect(put(session, 'patchwave', 'RebuildNeeded')).rejects.toMatchObject(denied);
    await expect(put(await take(listed), 'patchwave.pipeline', 'RebuildReported')).rejects.toMatchObject(denied);
    await expect(take(reporter, await take(other))).rejects.toMatchObject({ name: 'AccessDenied' });
  });
});

const REPORTER = 'OtherReportBuild';
type Session = Omit<ReturnType<Cloud['clients']>, 'credentials'> & {
  readonly credentials: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
};

/** Names of roles that the first installation of the account does not have. */
const reported = (ReporterArns: string) => ({
  ReporterArns,
  ReportRoleName: REPORTER,
  ReadRoleName: 'OtherRead',
  ForwardRoleName: 'OtherForward',
});
