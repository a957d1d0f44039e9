import { CodePipelineClient, StartPipelineExecutionCommand } from '@aws-sdk/client-codepipeline';
import { DeleteItemCommand, DeleteTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { BatchDeleteImageCommand, ECRClient, PutImageCommand } from '@aws-sdk/client-ecr';
import { ECSClient, RunTaskCommand, StopTaskCommand, UpdateServiceCommand } from '@aws-sdk/client-ecs';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand, UpdateAssumeRolePolicyCommand } from '@aws-sdk/client-iam';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { DeleteObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { SendTaskSuccessCommand, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import type { StackDeployment } from '../../local/deploy.ts';
import { generateDifficultFleet } from '../../local/fleet/difficult.ts';
import { Grants } from '../support/grants.ts';
import { useInstallation } from '../support/installation.ts';
import { hubOf } from '../support/readings.ts';

type Session = ReturnType<typeof hubOf>;

const image = { repositoryName: 'apps/web' };
const object = ({ evidenceBucket: Bucket }: StackDeployment, Key: string) => ({ Bucket, Key });
const s3 = (session: Session) => new S3Client({ ...session, forcePathStyle: true });

/** What no function may ever do under its own role: who acts takes a role of the member account for it. */
const FORBIDDEN: Readonly<Record<string, (session: Session, deployment: StackDeployment) => Promise<unknown>>> = {
  'change a service': (session) =>
    new ECSClient(session).send(new UpdateServiceCommand({ service: 'web', desiredCount: 0 })),
  'start a task': (session) => new ECSClient(session).send(new RunTaskCommand({ taskDefinition: 'web' })),
  'stop a task': (session) => new ECSClient(session).send(new StopTaskCommand({ task: 'a-task' })),
  'push an image': (session) => new ECRClient(session).send(new PutImageCommand({ ...image, imageManifest: '{}' })),
  'delete an image': (session) =>
    new ECRClient(session).send(new BatchDeleteImageCommand({ ...image, imageIds: [{ imageTag: 'stable' }] })),
  'delete the ledger': (session, { ledgerTable: TableName }) =>
    new DynamoDBClient(session).send(new DeleteTableCommand({ TableName })),
  'delete evidence': (session, deployment) =>
    s3(session).send(new DeleteObjectCommand(object(deployment, 'findings/any.json.gz'))),
  'change the policy': (session, deployment) =>
    s3(session).send(new PutObjectCommand({ ...object(deployment, 'policies/any.json'), Body: '{}' })),
  'widen its own role': (session) =>
    new IAMClient(session).send(
      new PutRolePolicyCommand({ RoleName: 'any', PolicyName: 'all', PolicyDocument: '{"Statement":[]}' }),
    ),
  'start a review': (session, { fleetReviewMachineArn: stateMachineArn }) =>
    new SFNClient(session).send(new StartExecutionCommand({ stateMachineArn })),
  'start a pipeline': (session) =>
    new CodePipelineClient(session).send(new StartPipelineExecutionCommand({ name: 'web-image' })),
  'take a role outside of the organization': (session) => takeRole(session, 'PatchwaveRead', OUTSIDE),
  'call another function': (session) =>
    new LambdaClient(session).send(new InvokeCommand({ FunctionName: 'patchwave-inventory' })),
};

/** Besides, each by its role: what only another one may do. */
const BESIDES: Readonly<Record<string, (session: Session, deployment: StackDeployment) => Promise<unknown>>> = {
  'delete from the ledger': (session, { ledgerTable: TableName }) =>
    new DynamoDBClient(session).send(new DeleteItemCommand({ TableName, Key: { PK: { S: 'a' }, SK: { S: 'b' } } })),
  'tell the bus': (session, { busArn: EventBusName }) =>
    new EventBridgeClient(session).send(
      new PutEventsCommand({ Entries: [{ EventBusName, Source: 'patchwave', DetailType: 'Any', Detail: '{}' }] }),
    ),
  'take another role': (session) => takeRole(session, 'Administrator'),
  'take the build role': (session) => takeRole(session, 'PatchwaveActBuild'),
  'take the rollout role': (session) => takeRole(session, 'PatchwaveActRollout'),
  'take the protect role': (session) => takeRole(session, 'PatchwaveActProtect'),
  'start a cascade': (session, { outputs }) =>
    new SFNClient(session).send(new StartExecutionCommand({ stateMachineArn: outputs.RebuildCascadeMachineArn })),
  'answer a waiting step': (session) =>
    new SFNClient(session).send(new SendTaskSuccessCommand({ taskToken: 'any', output: '{}' })),
};

/** An account of somebody else, with a role that anybody may take. */
const OUTSIDE = '666666666666';

const takeRole = (session: Session, name: string, account = '111122223333'): Promise<unknown> =>
  new STSClient(session).send(
    new AssumeRoleCommand({ RoleArn: `arn:aws:iam::${account}:role/${name}`, RoleSessionName: 'any' }),
  );

/** What of that is the task of which role. */
const TASKS: Readonly<Record<string, readonly string[]>> = {
  InventoryRole: [],
  LineageRole: [],
  ScanTriggerRole: [],
  PolicyEvaluationRole: [],
  CheckRole: [],
  RegistryEventsRole: [],
  ReportRole: [],
  ProtectionRole: ['delete from the ledger', 'take the protect role'],
  LedgerEventsRole: ['tell the bus'],
  FleetReviewRole: ['delete from the ledger'],
  CascadePlanRole: ['delete from the ledger', 'start a cascade'],
  RebuildDispatchRole: ['delete from the ledger', 'answer a waiting step', 'take the build role'],
  BuildResultRole: ['answer a waiting step', 'take the build role'],
  VerifyRebuildRole: ['take the build role'],
  CascadeReaperRole: ['delete from the ledger', 'take the build role'],
  RolloutRole: ['take the rollout role'],
};
const ROLES: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  Object.entries(TASKS).map(([role, own]) => [role, Object.keys(BESIDES).filter((what) => !own.includes(what))]),
);

const installation = useInstallation(() => generateDifficultFleet(11));

const ANYBODY = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { AWS: '*' }, Action: 'sts:AssumeRole' }],
});

beforeAll(async () => {
  const { cloud, fleet } = installation();
  const iam = new IAMClient(cloud.clients(OUTSIDE, fleet.hub.region));
  await iam.send(new CreateRoleCommand({ RoleName: 'PatchwaveRead', AssumeRolePolicyDocument: ANYBODY }));
});

/** Credentials of a role: for a moment it trusts its account. */
async function sessionOf(prefix: string): Promise<Session> {
  const config = hubOf(installation());
  const iam = new IAMClient(config);
  const RoleName = await new Grants(iam).role(prefix);
  await iam.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument: ANYBODY }));
  const RoleArn = await new Grants(iam).arn(RoleName);
  const { Credentials } = await new STSClient(config).send(new AssumeRoleCommand({ RoleArn, RoleSessionName: 'test' }));
  const { AccessKeyId: accessKeyId = '', SecretAccessKey: secretAccessKey = '', SessionToken = '' } = Credentials ?? {};
  const credentials = { accessKeyId, secretAccessKey, sessionToken: SessionToken };
  const { Arn } = await new STSClient({ ...config, credentials }).send(new GetCallerIdentityCommand({}));
  expect(Arn).toContain(RoleName);
  return { ...config, credentials };
}

test.each([...Object.keys(ROLES), 'PatchwaveRead'])('%s may not do what is not its to do', async (role) => {
  const session = await sessionOf(role === 'PatchwaveRead' ? role : `patchwave-${role}`);
  const { deployment } = installation();
  const besides = (ROLES[role] ?? Object.keys(BESIDES)).map((what) => [what, BESIDES[what]] as const);
  const allowed: string[] = [];
  for (const [what, attempt] of [...Object.entries(FORBIDDEN), ...besides]) {
    const refusal = await attempt?.(session, deployment).then(
      () => 'done',
      (error: Error) => error.name,
    );
    if (!/^AccessDenied(Exception)?$/.test(refusal ?? '')) allowed.push(`${what}: ${refusal}`);
  }
  expect(allowed).toEqual([]);
});
