import {
  ClusterNotFoundException,
  DescribeServicesCommand,
  DescribeTaskDefinitionCommand,
  ECSClient,
  ListServicesCommand,
  type Service,
} from '@aws-sdk/client-ecs';
import { mockClient } from 'aws-sdk-client-mock';
import { EcsTemplates } from '../../../shared/adapters/ecs-templates.ts';
import { collect } from '../../../shared/concurrency.ts';
import { awsError } from './support.ts';

const ecs = mockClient(ECSClient);
beforeEach(() => ecs.reset());

const cluster = { account: '444455556666', region: 'eu-west-1', cluster: 'prod' };
// The paginators accept real clients only; the mock is built on the class.
const client = new ECSClient({ region: 'eu-west-1' });
const source = new EcsTemplates(() => client);

/** Lists them in pages of 100 and describes ten at a time, as ECS does. */
function serves(...services: readonly Service[]): void {
  const arnOf = ({ serviceName }: Service): string => `arn:${serviceName}`;
  ecs.on(ListServicesCommand).callsFake(({ nextToken = '0', maxResults = 10 }) => {
    const [from, to] = [Number(nextToken), Number(nextToken) + maxResults];
    return {
      serviceArns: services.slice(from, to).map(arnOf),
      ...(to < services.length && { nextToken: String(to) }),
    };
  });
  ecs.on(DescribeServicesCommand).callsFake(({ services: asked }) => {
    if (asked.length > 10) throw awsError('InvalidParameterException', 'at most 10');
    return { services: services.filter((one) => asked.includes(arnOf(one))), failures: [] };
  });
  ecs.on(DescribeTaskDefinitionCommand).callsFake(({ taskDefinition }) => ({
    taskDefinition: { containerDefinitions: [{ name: 'app', image: `image-of-${taskDefinition}` }, { name: 'side' }] },
  }));
}

const service = (serviceName: string, changes: Service = {}): Service => ({
  ...{ serviceName, status: 'ACTIVE', taskDefinition: 'web:1' },
  ...changes,
});

const images = async () =>
  (await collect(source.templates(cluster)))
    .flat()
    .map(({ workload, images }) => [workload, images.map(({ reference }) => reference)]);

test('each definition that a service may start is read, once', async () => {
  serves(
    service('web', {
      deployments: [{ taskDefinition: 'web:2' }, { taskDefinition: 'web:1' }],
      taskSets: [{ taskDefinition: 'web:3' }],
    }),
    service('api'),
    service('going', { status: 'DRAINING', taskDefinition: 'going:1' }),
  );
  expect(await images()).toEqual([
    ['web', ['image-of-web:1', undefined]],
    ['web', ['image-of-web:2', undefined]],
    ['web', ['image-of-web:3', undefined]],
    ['api', ['image-of-web:1', undefined]],
  ]);
  expect(ecs.commandCalls(DescribeTaskDefinitionCommand)).toHaveLength(3);
});

test('every page of services is read', async () => {
  serves(...Array.from({ length: 230 }, (_, n) => service(`s${n}`)));
  expect(await images()).toHaveLength(230);
});

test('a cluster that was deleted has none', async () => {
  ecs.on(ListServicesCommand).rejects(new ClusterNotFoundException({ $metadata: {}, message: 'gone' }));
  expect(await images()).toEqual([]);
});

test.each([
  [
    'a refusal',
    () => ecs.on(DescribeServicesCommand).rejects(awsError('AccessDeniedException', 'no')),
    'ScopeUnreachableError',
  ],
  [
    'a service that cannot be described',
    () => ecs.on(DescribeServicesCommand).resolves({ services: [], failures: [{ arn: 'arn:web', reason: 'ACCESS' }] }),
    'ServicesUnreadableError',
  ],
  [
    'a definition without a list of containers',
    () => ecs.on(DescribeTaskDefinitionCommand).resolves({ taskDefinition: {} }),
    'ServicesUnreadableError',
  ],
  [
    'a definition that may not be read',
    () => ecs.on(DescribeTaskDefinitionCommand).rejects(awsError('AccessDeniedException', 'no')),
    'ScopeUnreachableError',
  ],
])('%s is an error', async (_, arrange, name) => {
  serves(service('web'));
  arrange();
  await expect(images()).rejects.toMatchObject({ name });
});

test('a service that was deleted since it was listed is left out', async () => {
  serves(service('web'));
  ecs.on(DescribeServicesCommand).resolves({ services: [], failures: [{ arn: 'arn:web', reason: 'MISSING' }] });
  expect(await images()).toEqual([]);
});
