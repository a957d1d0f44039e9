/**
 * An installation of an earlier release, upgraded by the steps of docs/operations.md and docs/doors.md while its doors deny, a
 * cascade runs and a closure is open: nothing that ran is refused, built twice, closed wrongly or left open by it.
 */
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import {
  CreateClusterCommand,
  CreateServiceCommand,
  ECSClient,
  ListServiceDeploymentsCommand,
  RegisterTaskDefinitionCommand,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import { afterAll, beforeAll } from '@jest/globals';
import { contextOf } from '../../cli/context.ts';
import { untilSettled } from '../../local/acting.ts';
import { eventually } from '../../local/cloud/probe.ts';
import { type Cloud, startCloud } from '../../local/cloud.ts';
import { deploy, deployMembers, EXTERNAL_ID, packaged } from '../../local/deploy.ts';
import { applyWebhook } from '../../local/doors.ts';
import { policyAt } from '../../local/fleet/policy.ts';
import { seedFleet } from '../../local/fleet/seed.ts';
import { type Execution, type Installation, reviewWith } from '../../local/installation.ts';
import { type AdminApi, KubernetesRefusal } from '../../local/kubernetes/admin-api.ts';
import { administratorOf } from '../../local/kubernetes/eks.ts';
import { RESOURCES } from '../../local/kubernetes/objects.ts';
import { startBuilder } from '../../local/pipelines/start.ts';
import { changeParameters, updateStack } from '../../local/stack.ts';
import { collect } from '../../shared/concurrency.ts';
import { type Mode, type Policy, policySchema } from '../../shared/domain/policy/policy.ts';
import { parse } from '../../shared/schema.ts';
import { heldIn, NOTHING_HELD, PLANNING, rebuildsOf, rebuiltTimes, runsStarted } from '../support/acting.ts';
import { actingFleet, HUB, streamOf, TEAM } from '../support/acting-fleet.ts';
import { approve } from '../support/acts-of-persons.ts';
import { hasRelease, type InstalledRelease, installRelease } from '../support/earlier-release.ts';
import { pathKey } from '../support/path-key.ts';
import { untilIn } from '../support/stopping.ts';

const LIMIT_MS = 120_000;
const PARAMETERS = { ScanPollSeconds: '1', ScanWaitMinutes: '1', CatchUpMinutes: '0', ...PLANNING };
const EKS = { ...TEAM, name: 'shop-eks' };
const SHOP = { ...TEAM, cluster: EKS.name, namespace: 'shop' };
/** An ECS cluster whose services ask the gate before their first task. */
const GATED = { ...TEAM, cluster: 'gated' };

/**
 * `closing` is rebuilt and deployed before the upgrade, and its closure is open; the build of `waiting` waits for a person all
 * through it. `running` has the flaw and runs in the EKS cluster; `unknown-there` has it and never ran there.
 */
const fleet = actingFleet(
  [
    { name: 'closing' },
    { name: 'waiting', pipeline: { approval: 'before-build' } },
    { name: 'running' },
    { name: 'unknown-there' },
  ],
  {
    doors: {
      mode: 'off',
      rules: [
        { clusters: [EKS.name], namespaces: [SHOP.namespace], mode: 'deny' },
        { clusters: [GATED.cluster], mode: 'deny' },
      ],
    },
  },
  {
    kubernetesClusters: [EKS],
    kubernetesWorkloads: [
      { ...SHOP, name: 'running', kind: 'deployment', containers: [{ name: 'app', image: 'running' }] },
    ],
  },
);

let cloud: Cloud;
let release: InstalledRelease;
let installation: Installation;
let cluster: AdminApi;
let pods = 0;
/** Of the service with the gate. */
let lastDeployment: string | undefined;

const enforcing = (...apps: readonly string[]): Policy => {
  const policy = parse(policySchema, policyAt(fleet, Date.now()));
  const mode = (id: string): Mode => (apps.includes(id) ? 'enforce' : 'report-only');
  return { ...policy, streams: policy.streams.map((rule) => ({ ...rule, mode: mode(rule.id) })) };
};

async function webhookPath(): Promise<string> {
  const [configuration] = await cluster.list(RESOURCES.validatingWebhookConfigurations);
  const { webhooks } = configuration as unknown as { readonly webhooks: readonly [{ clientConfig: { url: string } }] };
  return new URL(webhooks[0].clientConfig.url).pathname;
}

/** `started`, or the answer of the door. */
async function start(image: string): Promise<string> {
  const name = `pod-${++pods}`;
  try {
    await cluster.create(RESOURCES.pods, {
      ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: SHOP.namespace } },
      spec: { containers: [{ name: 'app', image }] },
    });
    return 'started';
  } catch (error) {
    if (error instanceof KubernetesRefusal) return error.answer;
    throw error;
  }
}

const stacksOf = ({ account, region }: typeof TEAM | typeof HUB) =>
  new CloudFormationClient(cloud.clients(account, region));
const ecs = () => new ECSClient(cloud.clients(TEAM.account, TEAM.region));

/** Deploys an image to the service with the gate, which is created with the first one. @returns how the deployment ended */
async function deployGated(image: string): Promise<string> {
  const { cluster } = GATED;
  const { taskDefinition: { taskDefinitionArn: taskDefinition = '' } = {} } = await ecs().send(
    new RegisterTaskDefinitionCommand({
      family: 'gated',
      ...{ requiresCompatibilities: ['FARGATE'], networkMode: 'awsvpc', cpu: '256', memory: '512' },
      containerDefinitions: [{ name: 'app', image, essential: true }],
    }),
  );
  if (lastDeployment) await ecs().send(new UpdateServiceCommand({ cluster, service: 'gated', taskDefinition }));
  else {
    await ecs().send(new CreateClusterCommand({ clusterName: cluster }));
    const { Stacks: [{ Outputs = [] } = {}] = [] } = await stacksOf(TEAM).send(
      new DescribeStacksCommand({ StackName: 'patchwave-ecs-gate' }),
    );
    const output = (key: string) => Outputs.find(({ OutputKey }) => OutputKey === key)?.OutputValue ?? '';
    const hook = { hookTargetArn: output('FunctionArn'), roleArn: output('HookRoleArn') };
    await ecs().send(
      new CreateServiceCommand({
        ...{ cluster, serviceName: 'gated', taskDefinition, desiredCount: 1, launchType: 'FARGATE' },
        deploymentConfiguration: {
          strategy: 'BLUE_GREEN',
          lifecycleHooks: [{ ...hook, lifecycleStages: ['PRE_SCALE_UP'] }],
        },
      }),
    );
  }
  const ended = async () => {
    const { serviceDeployments: [newest] = [] } = await ecs().send(
      new ListServiceDeploymentsCommand({ cluster, service: 'gated' }),
    );
    const { serviceDeploymentArn, status = '' } = newest ?? {};
    if (serviceDeploymentArn === lastDeployment || !/SUCCESSFUL|STOPPED$/.test(status)) return undefined;
    lastDeployment = serviceDeploymentArn;
    return status;
  };
  return await eventually(ended, 'the end of the deployment', LIMIT_MS);
}

async function expectGated(): Promise<void> {
  expect(await deployGated(await outputOf('closing'))).toBe('SUCCESSFUL');
  expect(await deployGated(seededImage('unknown-there'))).toBe('ROLLBACK_SUCCESSFUL');
}

const named = (app: string, digest: string): string =>
  `${TEAM.account}.dkr.ecr.${TEAM.region}.amazonaws.com/apps/${app}@${digest}`;
const seededImage = (app: string): string => named(app, installation.seeded.images.get(app)?.digest ?? '');
const outputOf = async (app: string): Promise<string> =>
  named(app, (await rebuildsOf(installation, streamOf(app)))[0]?.output ?? '');

const closures = async () =>
  (await collect(installation.context.rollouts.openClosures())).map(({ stream }) => stream).sort();

async function expectReviewed(review: Promise<Execution>): Promise<void> {
  const { status, error, cause } = await review;
  expect([status, error, cause]).toEqual(['SUCCEEDED', undefined, undefined]);
}

const FROM = '0.2.0';
const isThere = hasRelease(FROM);
if (!isThere) process.stdout.write(`skipped: the upgrade from ${FROM}: git fetch --unshallow brings its history\n`);
const step = isThere ? test : test.skip;

beforeAll(async () => {
  if (!isThere) return;
  cloud = await startCloud({ hubAccount: fleet.hub.account });
  const seeded = await seedFleet(cloud, fleet);
  const builder = startBuilder(cloud.endpoint);
  const policy = enforcing();
  release = await installRelease(FROM, cloud, { fleet, policy, parameters: PARAMETERS, doors: [SHOP, GATED] });
  const { deployment } = release;
  const config = cloud.clients(fleet.hub.account, fleet.hub.region);
  const context = contextOf(deployment, config);
  const stop = async () => {
    release.end();
    cluster?.close();
    await cloud.stop();
    await builder.ended();
    await seeded.kubernetes?.ended();
  };
  installation = {
    ...{ cloud, fleet, seeded, deployment, policy, context },
    ...{ review: (input = {}) => reviewWith(context, config, input), admit: async () => {} },
    ...{ stop, [Symbol.asyncDispose]: stop },
  };
  cluster = await administratorOf(cloud, { account: TEAM.account, region: TEAM.region, cluster: EKS.name });
}, 3 * LIMIT_MS);
afterAll(async () => installation?.stop());

step(
  'before the upgrade: a closure is open, a build waits for a person, and the door denies',
  async () => {
    await expectReviewed(installation.review());
    await untilSettled(installation.context, LIMIT_MS);
    await release.apply(enforcing('closing'));
    await rebuiltTimes(installation, streamOf('closing'), 1);
    await untilSettled(installation.context, LIMIT_MS);
    await release.apply(enforcing('closing', 'waiting'));
    await untilIn(installation, streamOf('waiting'), 'StartBuild', LIMIT_MS);
    await eventually(
      // A rebuild is recorded before its pipeline is started.
      async () => ((await runsStarted(installation)) > 1 ? true : undefined),
      'the start of the pipeline of waiting',
      LIMIT_MS,
    );

    expect(await closures()).toEqual([streamOf('closing')]);
    expect(await runsStarted(installation)).toBe(2);
    expect(await start(seededImage('running'))).toBe('started');
    expect(await start(seededImage('unknown-there'))).toMatch(/no-critical/);
    expect(await start(await outputOf('closing'))).toBe('started');
    await expectGated();
  },
  3 * LIMIT_MS,
);

step(
  'members, hub and doors are upgraded in this order, and nothing that may start is refused in between',
  async () => {
    const { deployment } = installation;
    const expectSame = async () => {
      expect(await start(seededImage('running'))).toBe('started');
      expect(await start(await outputOf('closing'))).toBe('started');
      expect(await start(seededImage('unknown-there'))).toMatch(/no-critical/);
      await expectGated();
    };
    const options = { parameters: PARAMETERS, isUpgrade: true };
    await deployMembers(cloud, fleet, deployment, options);
    await expectSame();
    await deploy(cloud, fleet, options);
    await expectSame();
    const upgrade = async (stack: string, file: string, place: typeof TEAM | typeof HUB, parameters = {}) => {
      const url = await packaged(cloud.clients(place.account, place.region), file, `${stack}-artifacts-2`);
      return await updateStack(stacksOf(place), { name: stack, template: { url }, parameters });
    };
    const { FunctionArn, CallerRoleArn } = await upgrade('patchwave-ecs-door', 'ecs-door.yaml', HUB);
    await expectSame();
    const gate = { HubDoorArn: FunctionArn, HubDoorRoleArn: CallerRoleArn };
    await upgrade('patchwave-ecs-gate', 'ecs-gate.yaml', TEAM, gate);
    await expectSame();
    const name = 'patchwave-doors';
    const { publicKey, sign } = pathKey(1);
    const { ApiId = '' } = await upgrade(name, 'doors.yaml', HUB, {
      ...{ PathPublicKey: publicKey, ReadRoleExternalId: EXTERNAL_ID },
    });
    await expectSame();
    const earlier = await webhookPath();
    const url = `https://${ApiId}.execute-api.${TEAM.region}.amazonaws.com`;
    await applyWebhook(installation, SHOP, { url, sign });
    await expectSame();
    expect(await webhookPath()).not.toBe(earlier);
    await changeParameters(stacksOf(HUB), name, { PathSecretHash: '' });
    await expectSame();
  },
  3 * LIMIT_MS,
);

step(
  'the build that waited is approved, proven once and rolled out; the open closures close',
  async () => {
    await approve(cloud, 'waiting', 'Approved');
    await rebuiltTimes(installation, streamOf('waiting'), 1);
    await untilSettled(installation.context, LIMIT_MS);
    for (const app of ['closing', 'waiting'])
      expect((await rebuildsOf(installation, streamOf(app))).map(({ outcome }) => outcome)).toEqual([
        { result: 'fixed' },
      ]);
    expect(await closures()).toEqual([streamOf('closing'), streamOf('waiting')]);

    await expectReviewed(installation.review());
    await untilSettled(installation.context, LIMIT_MS);
    expect(await closures()).toEqual([]);
    expect(await runsStarted(installation)).toBe(2);
    expect(await heldIn(installation)).toEqual(NOTHING_HELD);
    expect(await start(seededImage('running'))).toBe('started');
    expect(await start(seededImage('unknown-there'))).toMatch(/no-critical/);
    await expectReviewed(installation.review());
    expect(await start(seededImage('running'))).toBe('started');
  },
  3 * LIMIT_MS,
);
