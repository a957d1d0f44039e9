import {
  ContinueServiceDeploymentCommand,
  DescribeServiceDeploymentsCommand,
  DescribeServiceRevisionsCommand,
  DescribeServicesCommand,
  DescribeTaskDefinitionCommand,
  DescribeTasksCommand,
  ECSClient,
  InvalidParameterException,
  ListClustersCommand,
  ListServicesCommand,
  StopTaskCommand,
} from '@aws-sdk/client-ecs';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import { EcsPausedDeployments } from '../../../shared/adapters/ecs-paused-deployments.ts';
import { EcsServiceRevisions } from '../../../shared/adapters/ecs-service-revisions.ts';
import { EcsTasks } from '../../../shared/adapters/ecs-tasks.ts';
import { LambdaHubDoor } from '../../../shared/adapters/lambda-hub-door.ts';
import { answered, payload, thrown } from '../../support/eks-clusters.ts';
import { digestOf } from '../../support/samples.ts';
import { awsError, countingBackoff } from './support.ts';

const client = new ECSClient({ region: 'eu-west-1' });
const ecs = mockClient(client);
const lambdaClient = new LambdaClient({ region: 'eu-west-1' });
const lambda = mockClient(lambdaClient);
beforeEach(() => {
  ecs.reset();
  lambda.reset();
});

const PLACE = { account: '444455556666', region: 'eu-west-1', cluster: 'prod' };

describe('the images of a service revision', () => {
  const ARN = 'arn:aws:ecs:eu-west-1:444455556666:service-revision/prod/api/1';
  const revision = {
    taskDefinition: 'api:7',
    containerImages: [{ containerName: 'app', image: 'app:1', imageDigest: digestOf('1') }],
  };
  const revisions = (attempts = 1) => new EcsServiceRevisions(client, countingBackoff(attempts));
  const answers = (containerDefinitions: object[]) => {
    ecs.on(DescribeServiceRevisionsCommand).resolves({ serviceRevisions: [revision] });
    ecs
      .on(DescribeTaskDefinitionCommand, { taskDefinition: 'api:7' })
      .resolves({ taskDefinition: { containerDefinitions } });
  };

  test('are those of its task definition, by the digests that ECS found', async () => {
    answers([
      { name: 'app', image: 'app:1' },
      { name: 'log', image: 'log:1' },
    ]);
    expect(await revisions().imagesOf(ARN)).toEqual([
      { container: 'app', reference: `app:1@${digestOf('1')}` },
      { container: 'log', reference: 'log:1' },
    ]);
  });

  test('follow their tags where ECS was told not to resolve them', async () => {
    answers([{ name: 'app', image: 'app:1', versionConsistency: 'disabled' }]);
    expect(await revisions().imagesOf(ARN)).toEqual([{ container: 'app', reference: 'app:1' }]);
  });

  test('are read again while ECS does not know the revision yet', async () => {
    answers([{ name: 'app', image: 'app:1' }]);
    const missing = { serviceRevisions: [], failures: [{ arn: ARN, reason: 'MISSING' }] };
    ecs
      .on(DescribeServiceRevisionsCommand)
      .resolvesOnce(missing)
      .resolves({ serviceRevisions: [revision] });
    expect(await revisions(2).imagesOf(ARN)).toHaveLength(1);
    ecs.on(DescribeServiceRevisionsCommand).resolves(missing);
    await expect(revisions(2).imagesOf(ARN)).rejects.toThrow('MISSING');
  });

  test.each([
    ['the role may not', () => ecs.on(DescribeServiceRevisionsCommand).rejects(awsError('AccessDeniedException'))],
    ['there is no definition', () => ecs.on(DescribeServiceRevisionsCommand).resolves({ serviceRevisions: [{}] })],
    ['it has no containers', () => answers([])],
    [
      'the definition cannot be read',
      () => {
        answers([]);
        ecs.on(DescribeTaskDefinitionCommand).rejects(awsError('ClientException'));
      },
    ],
  ])('are an error if %s, never none', async (_, prepare) => {
    prepare();
    await expect(revisions().imagesOf(ARN)).rejects.toMatchObject({ name: 'ServiceRevisionUnreadableError' });
  });
});

describe('the door of the hub', () => {
  const ARN = 'arn:aws:lambda:us-east-1:111122223333:function:patchwave-ecs-door';
  const question = { kind: 'deployment' as const, ...PLACE, service: 'api', images: [] };
  const ask = (attempts = 1) => new LambdaHubDoor(lambdaClient, ARN, countingBackoff(attempts)).ask(question);

  test('is asked by its function, and answers a decision', async () => {
    const denied = { decision: 'deny', ruleId: 'image-recorded', message: 'No.' };
    lambda.on(InvokeCommand, { FunctionName: ARN }).resolves(answered({ ...denied, aLaterMember: 1 }));
    expect(await ask()).toEqual(denied);
  });

  test('is asked again after an error of the function, and of the call', async () => {
    lambda
      .on(InvokeCommand)
      .resolvesOnce(thrown('Error', 'out of memory'))
      .rejectsOnce(awsError('TooManyRequestsException'))
      .resolves(answered({ decision: 'allow' }));
    expect(await ask(3)).toEqual({ decision: 'allow' });
    expect(lambda.commandCalls(InvokeCommand)).toHaveLength(3);
  });

  test.each([
    ['nothing', {}],
    ['no decision', answered({})],
    ['a decision that there is not', answered({ decision: 'maybe' })],
    ['a refusal without a reason', answered({ decision: 'deny' })],
    ['no JSON', payload({}, 'allow')],
    ['an error', payload({ FunctionError: 'Unhandled' }, '{"decision":"allow"}')],
    ['an error that it handled', payload({ FunctionError: 'Handled' }, '{"decision":"allow"}')],
  ])('that answers %s gives no decision', async (_, output) => {
    lambda.on(InvokeCommand).resolves(output);
    await expect(ask()).rejects.toMatchObject({ name: 'HubDoorError' });
  });

  test.each([
    ['fails', () => lambda.on(InvokeCommand).resolves(thrown('Error', 'out of memory'))],
    ['cannot be called', () => lambda.on(InvokeCommand).rejects(awsError('TooManyRequestsException'))],
  ])('that %s is asked as often as the gate has time for, and not once more', async (_, prepare) => {
    prepare();
    await expect(ask(3)).rejects.toMatchObject({ name: 'HubDoorError' });
    expect(lambda.commandCalls(InvokeCommand)).toHaveLength(3);
  });

  test('says the mode that the gate remembers', async () => {
    lambda.on(InvokeCommand).resolves(answered({ decision: 'allow', mode: 'warn' }));
    expect(await ask()).toEqual({ decision: 'allow', mode: 'warn' });
  });

  test('that may not be called gives no decision', async () => {
    lambda.on(InvokeCommand).rejects(awsError('AccessDeniedException'));
    await expect(ask()).rejects.toThrow('AccessDeniedException');
  });
});

describe('a task', () => {
  const ARN = 'arn:aws:ecs:eu-west-1:444455556666:task/prod/1';
  const tasks = new EcsTasks(() => client);

  test('that ECS does not describe is no task that has ended', async () => {
    ecs.on(DescribeTasksCommand).resolves({ failures: [{ arn: ARN, reason: 'UNKNOWN' }] });
    await expect(tasks.containersOf(PLACE, ARN)).rejects.toMatchObject({ name: 'TaskUnreadableError' });
    ecs.on(DescribeTasksCommand).resolves({});
    await expect(tasks.containersOf(PLACE, ARN)).rejects.toMatchObject({ name: 'TaskUnreadableError' });
  });

  test('of a cluster that was deleted has ended', async () => {
    ecs.on(DescribeTasksCommand).rejects(awsError('ClusterNotFoundException'));
    expect(await tasks.containersOf(PLACE, ARN)).toBeUndefined();
  });

  test('that ECS stops already is over, and one that ECS does not know has ended', async () => {
    const containers = [{ name: 'app', image: 'app:1' }];
    ecs.on(DescribeTasksCommand).resolves({ tasks: [{ desiredStatus: 'STOPPED', lastStatus: 'RUNNING', containers }] });
    expect(await tasks.containersOf(PLACE, ARN)).toBeUndefined();
    ecs.on(DescribeTasksCommand).resolves({ failures: [{ arn: ARN, reason: 'MISSING' }] });
    expect(await tasks.containersOf(PLACE, ARN)).toBeUndefined();
    ecs.on(DescribeTasksCommand).resolves({ tasks: [{ desiredStatus: 'RUNNING', lastStatus: 'RUNNING', containers }] });
    expect(await tasks.containersOf(PLACE, ARN)).toEqual([{ name: 'app', image: 'app:1' }]);
  });

  test('of an account that does not list it is not ours', async () => {
    ecs.on(DescribeTasksCommand).rejects(awsError('AccessDeniedException'));
    await expect(tasks.containersOf(PLACE, ARN)).rejects.toMatchObject({ name: 'TaskNotOursError' });
    ecs.on(StopTaskCommand).rejects(awsError('AccessDeniedException'));
    await expect(tasks.stop(PLACE, ARN, 'x')).rejects.toMatchObject({ name: 'TaskNotOursError' });
  });

  test('that StopTask does not find is over, and any other refusal of its parameters is an error', async () => {
    const invalid = (message: string) => new InvalidParameterException({ message, $metadata: {} });
    ecs.on(StopTaskCommand).rejects(invalid('The referenced task was not found.'));
    expect(await tasks.stop(PLACE, ARN, 'x')).toBeUndefined();
    ecs.on(StopTaskCommand).rejects(invalid('The reason is not valid.'));
    await expect(tasks.stop(PLACE, ARN, 'x')).rejects.toThrow('The reason is not valid.');
  });

  test('is stopped with a reason that ECS takes', async () => {
    ecs.on(StopTaskCommand).resolves({});
    await tasks.stop(PLACE, ARN, 'x'.repeat(1000));
    const [call] = ecs.commandCalls(StopTaskCommand);
    expect(call?.args[0].input).toEqual({ cluster: 'prod', task: ARN, reason: 'x'.repeat(255) });
  });

  test('that cannot be stopped now is tried again by the caller', async () => {
    ecs.on(StopTaskCommand).rejects(awsError('ThrottlingException'));
    await expect(tasks.stop(PLACE, ARN, 'x')).rejects.toMatchObject({ name: 'ThrottlingException' });
  });
});

describe('a deployment that waits', () => {
  const ARN = 'arn:aws:ecs:eu-west-1:444455556666:service-deployment/prod/api/1';
  const deployments = new EcsPausedDeployments(() => client);
  const hook = (hookId: string, status = 'AWAITING_ACTION', targetType = 'PAUSE') => ({ hookId, status, targetType });
  const described = (changes: object = {}) => ({
    serviceDeployments: [
      {
        ...{ serviceDeploymentArn: ARN, lifecycleStage: 'PRE_SCALE_UP', lifecycleHookDetails: [hook('one')] },
        ...{
          clusterArn: 'arn:aws:ecs:eu-west-1:444455556666:cluster/prod',
          targetServiceRevision: { arn: 'revision' },
        },
        serviceArn: 'arn:aws:ecs:eu-west-1:444455556666:service/prod/api',
        ...changes,
      },
    ],
  });
  const answers = (changes: object) => ecs.on(DescribeServiceDeploymentsCommand).resolves(described(changes) as object);
  const waiting = { deploymentArn: ARN, hookIds: ['one'], cluster: 'prod', service: 'api', revisionArn: 'revision' };

  test.each<[string, object]>([
    ['after its first task', { lifecycleStage: 'POST_TEST_TRAFFIC_SHIFT' }],
    ['at no hook', { lifecycleHookDetails: [] }],
    ['at a hook that was answered', { lifecycleHookDetails: [hook('one', 'SUCCEEDED')] }],
    ['at a function', { lifecycleHookDetails: [hook('one', 'AWAITING_ACTION', 'AWS_LAMBDA')] }],
  ])('%s is not one to answer', async (_, changes) => {
    answers(changes);
    expect(await deployments.waiting(PLACE, ARN)).toBeUndefined();
  });

  test.each<[string, Error]>([
    ['may not be read', awsError('AccessDeniedException')],
    ['was deleted meanwhile', awsError('ClusterNotFoundException')],
  ])('is found, although another cluster %s', async (_, error) => {
    answers({});
    ecs.on(ListClustersCommand).resolves({ clusterArns: ['first', 'prod'] });
    ecs.on(ListServicesCommand, { cluster: 'first' }).rejects(error);
    ecs.on(ListServicesCommand, { cluster: 'prod' }).resolves({ serviceArns: ['api'] });
    const lifecycleHooks = [{ targetType: 'PAUSE', lifecycleStages: ['PRE_SCALE_UP'] }];
    const service = { deploymentConfiguration: { lifecycleHooks }, currentServiceDeployment: ARN };
    ecs.on(DescribeServicesCommand).resolves({ services: [service] } as object);
    const found: unknown[] = [];
    const read = async () => {
      for await (const deployment of deployments.all(PLACE)) found.push(deployment);
    };
    await expect(read()).rejects.toBeInstanceOf(Error);
    expect(found).toEqual([waiting]);
  });

  test('at two hooks gets two answers', async () => {
    answers({ lifecycleHookDetails: [hook('one'), hook('two')] });
    ecs.on(ContinueServiceDeploymentCommand).resolves({});
    const found = await deployments.waiting(PLACE, ARN);
    expect(found).toEqual({ ...waiting, hookIds: ['one', 'two'] });
    if (found) await deployments.answer(PLACE, found, 'ROLLBACK');
    expect(ecs.commandCalls(ContinueServiceDeploymentCommand).map(({ args }) => args[0].input)).toEqual([
      { serviceDeploymentArn: ARN, hookId: 'one', action: 'ROLLBACK' },
      { serviceDeploymentArn: ARN, hookId: 'two', action: 'ROLLBACK' },
    ]);
  });

  test('and that another one answered first is answered; one that still waits is an error', async () => {
    const refused = new InvalidParameterException({ message: 'The hook is not awaiting action.', $metadata: {} });
    ecs.on(ContinueServiceDeploymentCommand).rejects(refused);
    answers({ lifecycleHookDetails: [hook('one', 'SUCCEEDED')] });
    expect(await deployments.answer(PLACE, waiting, 'CONTINUE')).toBe(false);
    answers({});
    await expect(deployments.answer(PLACE, waiting, 'CONTINUE')).rejects.toThrow('not awaiting action');
  });

  test('and that cannot be answered now is tried again by the caller', async () => {
    ecs.on(ContinueServiceDeploymentCommand).rejects(awsError('ThrottlingException'));
    await expect(deployments.answer(PLACE, waiting, 'CONTINUE')).rejects.toMatchObject({ name: 'ThrottlingException' });
  });
});
