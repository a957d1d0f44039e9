import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
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
import { loadFleet } from '../../local/fleet/load.ts';
import type { Fleet } from '../../local/fleet/schema.ts';
import { HUB, TEAM } from '../support/acting-fleet.ts';
import { withReviewedFleet } from './oracle/demo.ts';
import { packagesIn } from './oracle/layers.ts';
import { podContainersIn } from './oracle/pods.ts';
import { digestOfTag, madeOf } from './oracle/registry.ts';
import { configOf, containersIn, type Home, homeOf, imagesOf, manifestOf } from './oracle/running.ts';
import { checkStory } from './oracle/story.ts';

const LIMIT_MS = 180_000;
/** A new name that is in every ARN and tag of an application. */
const APP = `app-${Date.now() % 1_000_000}`;
const [FLAWED, FIXED] = ['3.0.13-1~deb12u1', '3.0.15-1~deb12u1'];

const at = (repository: string): Home => ({ ...(repository.startsWith('apps/') ? TEAM : HUB), repository });
const [BASE, NODE, ARM] = [at('base/debian'), at('platform/node'), at('platform/node-arm')];
const [SHOP, CHECKOUT, SEARCH, REPORTS] = [
  at(`apps/${APP}`),
  at('apps/checkout'),
  at('apps/search'),
  at('apps/reports'),
];

const TAGS: Readonly<Record<string, string>> = {
  'base/debian': '12',
  'platform/node': '22',
  'platform/node-arm': '22',
};
const tagOf = ({ repository }: Home): string => TAGS[repository] ?? 'stable';
const streamOf = (home: Home): string => `${home.account}/${home.region}/${home.repository}:^${tagOf(home)}$`;
const serviceOf = (name: string): string => `${TEAM.account}/${TEAM.region}/shop/${name}`;
const KUBE = { ...TEAM, cluster: 'shop-eks' };
const WORKER = `${TEAM.account}/${TEAM.region}/shop-eks/eks-deployment:payments/checkout-worker`;

/** What is built on what, bottom first; the diamond is built on both platforms. */
const PLANNED: readonly (readonly [stream: Home, wave: number, parents: readonly Home[]])[] = [
  [BASE, 0, []],
  [NODE, 1, [BASE]],
  [ARM, 1, [BASE]],
  [SHOP, 2, [NODE]],
  [CHECKOUT, 2, [NODE, ARM]],
  [SEARCH, 2, [ARM]],
];
const VERIFIED = PLANNED.map(([home]) => home).filter((home) => home !== SEARCH);
const PATCHED = [SHOP, CHECKOUT];
/** Verified, while something that is built on their old images runs: a service of a stream that is on hold. */
const STILL_RUN = [
  [BASE, ['reports', 'search']],
  [NODE, ['reports']],
  [ARM, ['search']],
] as const;

type Act = DemoResult['act'];
type Stream = Act['streams'][number];

const only = <Item>(items: readonly Item[]): Item => {
  expect(items).toHaveLength(1);
  return items[0] as Item;
};
const streamIn = ({ streams }: Act, home: Home): Stream =>
  only(streams.filter(({ stream }) => stream === streamOf(home)));

test(
  `what the demo claims to have done to three tiers and ${APP} is what plain SDK calls find`,
  async () => {
    const fleet = JSON.parse(
      JSON.stringify(await loadFleet('local/fleet/tiers.json')).replaceAll('storefront', APP),
    ) as Fleet;
    const picture = join(await mkdtemp(join(tmpdir(), 'patchwave-picture-')), 'plan.svg');
    await withReviewedFleet(
      fleet,
      ['--svg', picture],
      async ({ act, ...result }, { endpoint, ledgerTable }, { code, stderr }) => {
        expect(code).toBe(0);
        expect(stderr).toContain(`The picture of the plan is in ${picture}`);
        await checkStory(stderr, { act, ...result }, endpoint, fleet);
        await rm(dirname(picture), { recursive: true });
        expect(act.reviews.map(({ status }) => status)).toEqual(['SUCCEEDED', 'SUCCEEDED']);
        expect(result.execution.arn).toBe(act.reviews[1]?.executionArn);
        checkPlan(act);
        await checkCascade(endpoint, only(act.cascades));
        await checkPipelines(endpoint, fleet.pipelines, act);
        for (const [home, , parents] of PLANNED) await checkBuilt(endpoint, act, home, parents);
        for (const home of PATCHED) await checkClosed(endpoint, ledgerTable, act, home);
        for (const [home, services] of STILL_RUN) checkOpen(act, home, services);
        expect(result.doors.map(({ door, which, started }) => [door, which, started])).toEqual([
          ['eks', 'old', false],
          ['ecs', 'old', false],
          ['eks', 'rebuilt', true],
          ['ecs', 'rebuilt', true],
        ]);
        await checkServices(endpoint, act);
        await checkRunning(endpoint, act);
        await checkNotPatched(endpoint, act, result.images);
        expect(Object.fromEntries(act.calls.map(({ operation, count }) => [operation, count]))).toEqual({
          StartPipelineExecution: PLANNED.length,
          PutImage: 3,
          RegisterTaskDefinition: 0,
          UpdateService: 3,
          'patch deployments': 1,
          'patch statefulsets': 0,
          'patch daemonsets': 0,
        });
      },
    );
  },
  LIMIT_MS,
);

function checkPlan(act: Act): void {
  const { nodes } = only(act.cascades);
  const nodesOfPlan = nodes.map(({ stream, wave, parents }) => ({ stream, wave, parents: parents.toSorted() }));
  const planned = PLANNED.map(([home, wave, parents]) => ({
    ...{ stream: streamOf(home), wave, parents: parents.map(streamOf).sort() },
  }));
  expect(nodesOfPlan).toHaveLength(planned.length);
  expect(nodesOfPlan).toEqual(expect.arrayContaining(planned));
}

/** One stream of it is not fixed, and no error path ends green. */
async function checkCascade(endpoint: string, { cascadeId, executionArn, detail }: Act['cascades'][number]) {
  const execution = await new SFNClient(configOf(endpoint, HUB)).send(new DescribeExecutionCommand({ executionArn }));
  expect(execution).toMatchObject({ name: cascadeId, status: 'FAILED', error: 'CascadeIncomplete' });
  expect(detail).toContain(streamOf(SEARCH));
  for (const home of VERIFIED) expect(detail).not.toContain(streamOf(home));
}

/** Each pipeline of the fleet ran once, for the rebuild that the demo tells of. */
async function checkPipelines(endpoint: string, pipelines: Fleet['pipelines'], { rebuilds }: Act): Promise<void> {
  const ran: unknown[] = [];
  for (const { account, region, name: pipelineName } of pipelines) {
    const client = new CodePipelineClient(configOf(endpoint, { account, region }));
    const { pipelineExecutionSummaries = [] } = await client.send(new ListPipelineExecutionsCommand({ pipelineName }));
    const { pipelineExecutionId, status } = only(pipelineExecutionSummaries);
    const { pipelineExecution } = await client.send(
      new GetPipelineExecutionCommand({ pipelineName, pipelineExecutionId }),
    );
    const asked = pipelineExecution?.variables?.find(({ name }) => name === 'PATCHWAVE_REBUILD_ID')?.resolvedValue;
    ran.push({ account, region, name: pipelineName, executionId: pipelineExecutionId, rebuildId: asked, status });
  }
  const recorded = rebuilds.map(({ pipeline, executionId, rebuildId }) => ({
    ...{ ...pipeline, executionId, rebuildId, status: 'Succeeded' },
  }));
  expect(recorded).toHaveLength(PLANNED.length);
  expect(ran).toHaveLength(PLANNED.length);
  expect(recorded).toEqual(expect.arrayContaining(ran));
}

/** By platform: what an index holds, or the one image. */
async function imagesIn(endpoint: string, home: Home, digest = ''): Promise<ReadonlyMap<string, string>> {
  const manifest = await manifestOf(endpoint, home, digest);
  const children = manifest?.manifests?.filter(({ platform }) => platform?.os !== 'unknown');
  if (children) return new Map(children.map((child) => [child.platform?.architecture ?? '', child.digest]));
  return new Map([[(await madeOf(endpoint, home, digest))?.architecture ?? '', digest]]);
}

/** What was built begins with the layers of what was built below it, on each platform: so that was there before. */
async function checkBuilt(endpoint: string, act: Act, home: Home, parents: readonly Home[]): Promise<void> {
  const isFixed = home !== SEARCH;
  const { before, after } = streamIn(act, home);
  expect(after).not.toBe(before);
  expect(await digestOfTag(endpoint, home, tagOf(home))).toBe(after);
  for (const digest of (await imagesIn(endpoint, home, before)).values())
    expect((await packagesIn(endpoint, home, digest)).get('libssl3')).toBe(FLAWED);
  const images = await imagesIn(endpoint, home, after);
  expect(images.size).toBe(home === BASE || home === CHECKOUT ? 2 : 1);
  for (const [architecture, digest] of images) {
    expect((await packagesIn(endpoint, home, digest)).get('libssl3')).toBe(isFixed ? FIXED : FLAWED);
    const own = (await madeOf(endpoint, home, digest))?.layers ?? [];
    const below = await Promise.all(
      parents.map(async (parent) => {
        const under = (await imagesIn(endpoint, parent, streamIn(act, parent).after)).get(architecture);
        return under === undefined ? [] : [(await madeOf(endpoint, parent, under))?.layers ?? []];
      }),
    );
    const builtOn = below.flat().filter((layers) => layers.join() === own.slice(0, layers.length).join());
    expect({ digest, parentDigest: builtOn.length }).toEqual({
      digest,
      parentDigest: isFixed && home !== BASE ? 1 : 0,
    });
  }
}

async function checkClosed(endpoint: string, TableName: string, act: Act, home: Home): Promise<void> {
  const stream = streamIn(act, home);
  const closure = only(act.closures.filter((one) => one.stream === stream.stream));
  const table = DynamoDBDocumentClient.from(new DynamoDBClient(configOf(endpoint, HUB)));
  const itemAt = async (PK: string, SK: string) =>
    (await table.send(new GetCommand({ TableName, Key: { PK, SK } }))).Item;
  expect(await itemAt(`CLOSURE#${closure.cascadeId}`, closure.stream)).toMatchObject({
    ...{ state: 'closed', output: stream.after, proof: { ...closure.proof } },
  });
  expect(closure.proof).toMatchObject({ runId: act.reviews[1]?.runId, scopes: 3, usagesOfOutput: stream.runs.length });
  expect(stream).toMatchObject({ state: 'patched', provenBy: act.reviews[1]?.runId });
  expect(await itemAt(`CAUSE#${closure.stream}`, 'CAUSE')).toMatchObject({ state: 'closed', facts: [] });
}

/** Nothing is called proven while plain SDK calls find old content of it running (`checkRunning`). */
function checkOpen(act: Act, home: Home, services: readonly string[]): void {
  const names = services.map((name) => `ecs-service ${serviceOf(name)}`).join(', ');
  const expected = {
    state: 'open',
    reason: 'closing',
    detail: `these workloads still run an image that needs the fix: ${names}. Deploy images with the fix, or stop them. To see what an image waits for: patchwave why IMAGE`,
  };
  expect(streamIn(act, home)).toMatchObject(expected);
}

/** Exactly what was verified was deployed: the services of the ineffective and the on hold one never were. */
async function checkServices(endpoint: string, { deployments }: Act): Promise<void> {
  const { services = [] } = await new ECSClient(configOf(endpoint, TEAM)).send(
    new DescribeServicesCommand({ cluster: 'shop', services: [APP, 'checkout', 'checkout-arm', 'search', 'reports'] }),
  );
  const current = new Map(services.map(({ serviceName = '', deployments: [primary] = [] }) => [serviceName, primary]));
  expect(deployments.map(({ service }) => service).sort()).toEqual(
    [...[APP, 'checkout', 'checkout-arm'].map(serviceOf), WORKER].sort(),
  );
  for (const { service, mode, state, deploymentId } of deployments) {
    expect({ mode, state }).toEqual({ mode: 'restart', state: 'completed' });
    if (service === WORKER) continue;
    const primary = current.get(service.split('/').at(-1) ?? '');
    expect(primary).toMatchObject({ id: deploymentId, status: 'PRIMARY', rolloutState: 'COMPLETED' });
  }
}

/** Every running task and pod, by the digest of its own platform's image. */
async function checkRunning(endpoint: string, act: Act): Promise<void> {
  const running = [...(await containersIn(endpoint, TEAM)), ...(await podContainersIn(endpoint, KUBE))];
  for (const [home, images] of [
    [SHOP, 4],
    [CHECKOUT, 5],
    [SEARCH, 1],
    [REPORTS, 1],
  ] as const) {
    const own = running.filter(({ container }) => homeOf(container)?.repository === home.repository);
    const digests = (await Promise.all(own.map((seen) => imagesOf(endpoint, seen)))).flat();
    const { runs, after, before } = streamIn(act, home);
    const runningDigests = runs.flatMap(({ digest, count }) => Array.from({ length: count }, () => digest));
    expect(digests).toHaveLength(images);
    expect(runningDigests.toSorted()).toEqual(digests.toSorted());
    const expected = home === SEARCH ? before : home === REPORTS ? undefined : after;
    if (expected === undefined) continue;
    const allowed = [...(await imagesIn(endpoint, home, expected)).values()];
    expect(digests.filter((digest) => !allowed.includes(digest))).toEqual([]);
  }
}

async function checkNotPatched(endpoint: string, act: Act, images: DemoResult['images']): Promise<void> {
  expect(streamIn(act, SEARCH)).toMatchObject({ state: 'stopped', reason: 'ineffective' });
  const reports = streamIn(act, REPORTS);
  expect(reports).toMatchObject({ state: 'on-hold', reason: 'report-only' });
  expect(reports.runs.map(({ digest }) => digest)).toEqual([await digestOfTag(endpoint, REPORTS, 'stable')]);
  const notPatched = act.streams.filter(({ state }) => state !== 'patched').map(({ stream }) => stream);
  const open = STILL_RUN.map(([home]) => streamOf(home));
  expect(notPatched.sort()).toEqual([streamOf(SEARCH), streamOf(REPORTS), ...open].sort());
  const unknown = only(images.filter(({ outcome }) => outcome === 'unknown'));
  expect(unknown.locations.map(({ repository }) => repository)).toEqual(['apps/exchange-rates']);
}
