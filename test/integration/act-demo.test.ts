import {
  CodePipelineClient,
  GetPipelineExecutionCommand,
  ListPipelineExecutionsCommand,
} from '@aws-sdk/client-codepipeline';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DescribeServicesCommand, ECSClient } from '@aws-sdk/client-ecs';
import { DescribeExecutionCommand, SFNClient } from '@aws-sdk/client-sfn';
import { DynamoDBDocumentClient, GetCommand } from '@aws-sdk/lib-dynamodb';
import type { DemoResult } from '../../local/demo/result.ts';
import { actingFleet, CLUSTER, FLAW, HUB, serviceOf, streamOf, TEAM } from '../support/acting-fleet.ts';
import { withReviewedFleet } from './oracle/demo.ts';
import { packagesIn } from './oracle/layers.ts';
import { digestOfTag } from './oracle/registry.ts';
import { configOf, containersIn, type Home } from './oracle/running.ts';

const LIMIT_MS = 180_000;
/** A name that nobody has seen before: it is in every ARN and tag of the test. */
const APP = `app-${Date.now() % 1_000_000}`;
const HOME: Home = { ...TEAM, repository: `apps/${APP}` };

const only = <Item>(items: readonly Item[]): Item => {
  expect(items).toHaveLength(1);
  return items[0] as Item;
};

test(
  `what the demo claims to have done to ${APP} is what plain SDK calls find`,
  async () => {
    const fleet = actingFleet([{ name: APP, service: { count: 2, circuitBreaker: 'rollback' } }]);
    await withReviewedFleet(fleet, [], async ({ act, ...result }, { endpoint, ledgerTable }, { code }) => {
      expect(code).toBe(0);
      const rebuild = only(act.rebuilds);
      expect(rebuild).toMatchObject({ stream: streamOf(APP), outcome: expect.stringMatching(/^fixed/) });
      expect(act.reviews.map(({ status }) => status)).toEqual(['SUCCEEDED', 'SUCCEEDED']);
      expect(result.execution.arn).toBe(act.reviews[1]?.executionArn);
      await checkImages(endpoint, rebuild);
      await checkPipeline(endpoint, rebuild);
      await checkDeployment(endpoint, only(act.deployments));
      await checkCascade(endpoint, only(act.cascades));
      await checkClosure(endpoint, ledgerTable, act);
      expect(Object.fromEntries(act.calls.map(({ operation, count }) => [operation, count]))).toEqual({
        StartPipelineExecution: 1,
        PutImage: 0,
        RegisterTaskDefinition: 0,
        UpdateService: 1,
      });
    });
  },
  LIMIT_MS,
);

type Act = DemoResult['act'];

async function checkImages(endpoint: string, { headBefore = '', output = '' }: Act['rebuilds'][number]): Promise<void> {
  expect(output).not.toBe(headBefore);
  expect(await digestOfTag(endpoint, HOME, 'stable')).toBe(output);
  const running = await containersIn(endpoint, TEAM);
  expect(running.map(({ container }) => container.imageDigest)).toEqual([output, output]);
  expect((await packagesIn(endpoint, HOME, headBefore)).get(FLAW.package)).not.toBe(FLAW.fixedIn);
  const packages = await packagesIn(endpoint, HOME, output);
  expect(packages.get(FLAW.package)).toBe(FLAW.fixedIn);
  expect(packages.get(`${APP}-files`)).toBe('1.0');
}

async function checkPipeline(endpoint: string, rebuild: Act['rebuilds'][number]): Promise<void> {
  const client = new CodePipelineClient(configOf(endpoint, TEAM));
  const pipelineName = rebuild.pipeline.name;
  const { pipelineExecutionSummaries = [] } = await client.send(new ListPipelineExecutionsCommand({ pipelineName }));
  const { pipelineExecutionId, status } = only(pipelineExecutionSummaries);
  expect({ pipelineExecutionId, status }).toEqual({ pipelineExecutionId: rebuild.executionId, status: 'Succeeded' });
  const { pipelineExecution } = await client.send(
    new GetPipelineExecutionCommand({ pipelineName, pipelineExecutionId }),
  );
  const variables = pipelineExecution?.variables?.map(({ name, resolvedValue }) => [name, resolvedValue]) ?? [];
  expect(Object.fromEntries(variables)).toMatchObject({ PATCHWAVE_REBUILD_ID: rebuild.rebuildId });
}

async function checkDeployment(endpoint: string, deployment: Act['deployments'][number]): Promise<void> {
  expect(deployment).toMatchObject({ service: serviceOf(APP), mode: 'restart', state: 'completed' });
  const { services = [] } = await new ECSClient(configOf(endpoint, TEAM)).send(
    new DescribeServicesCommand({ cluster: CLUSTER, services: [APP] }),
  );
  const [current] = services[0]?.deployments ?? [];
  expect(current).toMatchObject({ id: deployment.deploymentId, status: 'PRIMARY', rolloutState: 'COMPLETED' });
}

async function checkCascade(endpoint: string, { cascadeId, executionArn, state }: Act['cascades'][number]) {
  expect(state).toBe('complete');
  const execution = await new SFNClient(configOf(endpoint, HUB)).send(new DescribeExecutionCommand({ executionArn }));
  expect(execution).toMatchObject({ name: cascadeId, status: 'SUCCEEDED' });
}

async function checkClosure(endpoint: string, TableName: string, { closures, reviews }: Act): Promise<void> {
  const closure = only(closures);
  const table = DynamoDBDocumentClient.from(new DynamoDBClient(configOf(endpoint, HUB)));
  const { Item: item } = await table.send(
    new GetCommand({ TableName, Key: { PK: `CLOSURE#${closure.cascadeId}`, SK: closure.stream } }),
  );
  expect(item).toMatchObject({ state: 'closed', output: closure.output, proof: { ...closure.proof } });
  expect(closure.proof).toMatchObject({ runId: reviews[1]?.runId, scopes: 2, usagesOfOutput: 1 });
  const { Item: cause } = await table.send(
    new GetCommand({ TableName, Key: { PK: `CAUSE#${closure.stream}`, SK: 'CAUSE' } }),
  );
  expect(cause).toMatchObject({ state: 'closed', facts: [] });
}
