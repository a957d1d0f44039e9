import { CloudWatchClient, DescribeAlarmsCommand, ListMetricsCommand } from '@aws-sdk/client-cloudwatch';
import { DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { ECRClient, paginateDescribeImages, paginateDescribeRepositories } from '@aws-sdk/client-ecr';
import { DeleteServiceCommand, ECSClient } from '@aws-sdk/client-ecs';
import { DisableRuleCommand, EventBridgeClient, ListRulesCommand } from '@aws-sdk/client-eventbridge';
import { paginateListObjectsV2, S3Client } from '@aws-sdk/client-s3';
import { DescribeExecutionCommand, SFNClient, StopExecutionCommand } from '@aws-sdk/client-sfn';
import { eventually } from '../../local/cloud/probe.ts';
import { loadFleet } from '../../local/fleet/load.ts';
import type { Fleet } from '../../local/fleet/schema.ts';
import type { Installation } from '../../local/installation.ts';
import * as keys from '../../shared/adapters/dynamodb/table/keys.ts';
import { collect } from '../../shared/concurrency.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import { findParents } from '../../shared/domain/lineage/find-parents.ts';
import { EVENTS } from '../../shared/events/index.ts';
import { safeParse } from '../../shared/schema.ts';
import { subscribe } from '../support/bus.ts';
import { useInstallation } from '../support/installation.ts';
import { callsOf, differences, factsOf, hubOf, itemsOf, lastReview } from '../support/readings.ts';

const LIMIT_MS = 120_000;
const STEP_LIMIT_MS = 30_000;

type BuiltPlatform = Fleet['images'][number]['platforms'][number];

/** The tests follow one another, as days do: each finds what the one before left. */
describe('the small fleet', () => {
  const installation = useInstallation(() => loadFleet('local/fleet/small.json'));

  test(
    'is inventoried, scanned, judged, reported and announced by one execution',
    async () => {
      const { context, review, deployment } = installation();
      const inbox = await subscribe(installation(), deployment.busArn, { source: ['patchwave'] });

      const startedAtEpochMs = Date.now();
      expect(await review()).toMatchObject({ status: 'SUCCEEDED' });

      const { state, totals, parts, runId } = await lastReview(installation());
      expect(state).toBe('succeeded');
      expect(totals?.scopes).toEqual({ complete: 4, skipped: 0, failed: 1 });
      const digests = await digestsInUse(installation());
      const outcomes = Object.values(totals?.outcomes ?? {}).reduce((sum, count) => sum + count, 0);
      expect([totals?.found, outcomes]).toEqual([digests.size, digests.size]);
      const below = Object.values(totals?.ancestors?.outcomes ?? {}).reduce((sum, count) => sum + count, 0);
      expect(below).toBeGreaterThan(0);
      expect(totals?.ancestors?.found).toBe(below);
      expect(parts.filter(({ kind }) => kind === 'scope')).toHaveLength(5);

      const images = await context.images.get([...digests]);
      expect([...images.values()].filter(({ verdict }) => !verdict)).toEqual([]);
      const report = JSON.parse(await context.reviews.report('json'));
      expect(JSON.parse(await context.reviews.report('json', runId))).toEqual(report);
      expect(await context.reviews.report('md')).toContain(runId);

      await checkAnnouncements(inbox, digests, runId);
      expect(await pulledSince(installation(), startedAtEpochMs)).toEqual([]);
      await checkMeasures(installation());
    },
    LIMIT_MS,
  );

  test('is known by what its images are built from', async () => {
    const { context, fleet, seeded } = installation();
    const { images, indexes } = await context.lineage();
    const parents = findParents(
      images.map(({ layered }) => layered),
      indexes,
    );
    const tiers = new Map(images.map(({ digest, tier }) => [digest, tier]));
    const builtFrom = new Map(fleet.images.map(({ name, parent, cachedFrom }) => [name, parent ?? cachedFrom]));
    const digestOf = (name: string, platform: BuiltPlatform) =>
      seeded.images.get(name)?.children.get(platform) as Digest;
    /** A base or platform image that the ledger knows; what is built from the cache has the content of what it was. */
    const expected = (name: string, platform: BuiltPlatform): Digest | undefined => {
      const below = builtFrom.get(name);
      if (below === undefined) return undefined;
      const isBearing = ['base', 'platform'].includes(tiers.get(digestOf(below, platform)) ?? '');
      return isBearing ? digestOf(below, platform) : expected(below, platform);
    };
    const known = fleet.images.flatMap(({ name, platforms }) =>
      platforms
        .filter((platform) => tiers.has(digestOf(name, platform)))
        .map((platform) => ({
          image: `${name} ${platform}`,
          parentDigest: expected(name, platform),
          found: parents.get(digestOf(name, platform))?.digest,
        })),
    );
    expect(known.filter(({ parentDigest: builtOn }) => builtOn).length).toBeGreaterThan(5);
    expect(known.filter(({ parentDigest: builtOn, found }) => builtOn !== found)).toEqual([]);

    const inUse = images.filter((image) => image.inUse);
    expect(inUse.map(({ digest, lineage }) => [digest, lineage?.parent])).toEqual(
      inUse.map(({ digest }) => [digest, parents.get(digest)]),
    );
    const byAnother = inUse.filter(({ verdict }) =>
      verdict?.reasons.some((reason) => reason.kind === 'age' && reason.decidedBy !== undefined),
    );
    expect(byAnother.length).toBeGreaterThan(0);
  });

  test(
    'reviewed again, requests no scan, writes no other fact and publishes no verdict',
    async () => {
      const { cloud, review, deployment } = installation();
      const before = await factsOf(installation());
      const inbox = await subscribe(installation(), deployment.busArn, { 'detail-type': ['ImageVerdictChanged'] });
      await cloud.admin.clearCalls();

      expect(await review()).toMatchObject({ status: 'SUCCEEDED' });

      expect(differences(before, await factsOf(installation()))).toEqual([]);
      const calls = await callsOf(installation());
      expect(calls.get('ecr:BatchGetImage') ?? 0).toBeLessThanOrEqual(refusedRegistries);
      expect((await lastReview(installation())).totals?.scans.requested).toBe(0);
      expect(await inbox.all()).toEqual([]);
    },
    LIMIT_MS,
  );

  test(
    'in a preview is read, without a write or a scan request',
    async () => {
      const { cloud, context } = installation();
      const [ledger, evidence] = [await itemsOf(installation()), await evidenceIn(installation())];
      await cloud.admin.clearCalls();

      const { executionArn, runId } = await context.reviews.start({ mode: 'preview' });
      const stepFunctions = new SFNClient(hubOf(installation()));
      const { status, output } = await eventually(
        async () => {
          const execution = await stepFunctions.send(new DescribeExecutionCommand({ executionArn }));
          return execution.status === 'RUNNING' ? undefined : execution;
        },
        'the end of the preview',
        LIMIT_MS,
      );
      // The command names the run before it has begun.
      expect([status, JSON.parse(output ?? '{}')]).toEqual(['SUCCEEDED', expect.objectContaining({ runId })]);

      expect(await itemsOf(installation())).toEqual(ledger);
      expect(await evidenceIn(installation())).toEqual(evidence);
      const calls = await callsOf(installation());
      expect(calls.get('ecs:DescribeTasks')).toBeGreaterThan(0);
      expect(calls.get('ecr:StartImageScan')).toBeUndefined();
    },
    LIMIT_MS,
  );

  test(
    'reviewed twice at once, is reviewed once',
    async () => {
      const { context, review } = installation();
      const runs = await runsIn(installation());

      const ends = await Promise.all([review(), review()]);

      expect(ends.map(({ status }) => status)).toEqual(['SUCCEEDED', 'SUCCEEDED']);
      const { ended } = await context.runs.latest();
      const outputs = ends.map(({ output }) => output as { runId: string; alreadyRunning: boolean });
      expect(outputs.map(({ runId }) => runId)).toEqual([ended?.runId, ended?.runId]);
      expect(outputs.map(({ alreadyRunning }) => alreadyRunning).sort()).toEqual([false, true]);
      expect((await runsIn(installation())) - runs).toBe(1);
    },
    LIMIT_MS,
  );

  test(
    'whose service was stopped has no such usage after the review',
    async () => {
      const { cloud, context, review, fleet } = installation();
      const workload = fleet.workloads.find(({ kind, name }) => kind === 'service' && name === 'search-api');
      const service = workload ?? fleet.workloads.find(({ kind }) => kind === 'service');
      if (!service) throw new Error('the fleet has no service');
      const scope = { account: service.account, region: service.region };
      const ofService = async () =>
        (await collect(context.usages.live(scope))).filter((usage) => usage.workload === service.name);
      const before = await ofService();
      expect(before.length).toBeGreaterThan(0);
      const ecs = new ECSClient(cloud.clients(service.account, service.region));
      await ecs.send(new DeleteServiceCommand({ cluster: service.cluster, service: service.name, force: true }));

      expect(await review()).toMatchObject({ status: 'SUCCEEDED' });

      expect(await ofService()).toEqual([]);
      const ended = (await itemsOf(installation())).filter(
        ({ kind, workload: name, endedAtEpochMs }) => kind === 'usage' && name === service.name && endedAtEpochMs,
      );
      expect(ended).toHaveLength(before.length);
      for (const { digest, inUse } of (await context.images.get(before.map((usage) => usage.digest))).values()) {
        expect({ digest, inUse }).toEqual({ digest, inUse: (await context.usages.ofImage(digest)).length > 0 });
      }
    },
    LIMIT_MS,
  );

  test(
    'whose review was stopped in the middle has it recorded as failed, and the next one begins',
    async () => {
      const { context, review } = installation();
      const stepFunctions = new SFNClient(hubOf(installation()));
      const { executionArn } = await context.reviews.start({});
      const opened = await eventually(
        async () => {
          const { running } = await context.runs.latest();
          return running && (await context.runs.get(running.runId));
        },
        'the lease of the review',
        STEP_LIMIT_MS,
      );
      expect(opened).toMatchObject({ executionArn, state: 'running' });

      await stepFunctions.send(new StopExecutionCommand({ executionArn }));

      const stopped = await eventually(
        async () => {
          const record = await context.runs.get(opened.runId);
          return record?.state === 'running' ? undefined : record;
        },
        'the record of the stopped review',
        STEP_LIMIT_MS,
      );
      expect(stopped).toMatchObject({ executionArn, state: 'failed', failure: { error: 'ABORTED' } });
      const { status } = await stepFunctions.send(new DescribeExecutionCommand({ executionArn }));
      expect(status).toBe('ABORTED');

      const next = await review();
      expect(next).toMatchObject({ status: 'SUCCEEDED', output: { alreadyRunning: false } });
      expect(await context.runs.get(opened.runId)).toEqual(stopped);
    },
    LIMIT_MS,
  );

  test(
    'whose review was stopped without an event is reviewed again after the lease has expired',
    async () => {
      const { cloud, context, review, fleet, deployment } = installation();
      const facts = await factsOf(installation());
      await loseEndsOfExecutions(installation());
      // Slow, so that its end is far away when it is stopped.
      await cloud.admin.setFaults({ seed: 1, latencyMs: 500 });
      const { executionArn } = await context.reviews.start({});
      await eventually(async () => (await context.runs.latest()).running, 'the lease of the review', LIMIT_MS);
      await new SFNClient(hubOf(installation())).send(new StopExecutionCommand({ executionArn }));
      await cloud.admin.endFaults();
      const { running } = await context.runs.latest();
      expect(running).toMatchObject({ executionArn, state: 'running' });
      expect(await review()).toMatchObject({ output: { alreadyRunning: true, runId: running?.runId } });
      const [account] = fleet.accounts;
      const other = await review({ scopes: [{ account: account?.id, regions: account?.regions }] });
      expect(other).toMatchObject({ status: 'FAILED', error: 'ReviewAlreadyRunningError' });

      await new DynamoDBClient(cloud.clients(fleet.hub.account, fleet.hub.region)).send(
        new UpdateItemCommand({
          TableName: deployment.ledgerTable,
          Key: { PK: { S: keys.currentRun.PK }, SK: { S: keys.currentRun.SK } },
          UpdateExpression: 'SET leaseUntilEpochMs = :past',
          ExpressionAttributeValues: { ':past': { N: String(Date.now() - 1) } },
        }),
      );

      expect(await review()).toMatchObject({ status: 'SUCCEEDED', output: { alreadyRunning: false } });
      expect(differences(facts, await factsOf(installation()))).toEqual([]);
    },
    LIMIT_MS,
  );
});

/** Events are best effort: from now on no rule gets the event of an aborted execution. */
async function loseEndsOfExecutions({ cloud, fleet }: Installation): Promise<void> {
  const client = new EventBridgeClient(cloud.clients(fleet.hub.account, fleet.hub.region));
  const { Rules = [] } = await client.send(new ListRulesCommand({ NamePrefix: 'patchwave-BrokenOffReviewRule' }));
  expect(Rules).toHaveLength(1);
  for (const { Name } of Rules) await client.send(new DisableRuleCommand({ Name }));
}

/** A registry that cannot tell of its images is asked again in each review: the archived, deleted and unreadable ones. */
const refusedRegistries = 4;

async function digestsInUse({ context }: Installation) {
  const scopes = (await collect(context.scopes.all())).map(({ scope }) => scope);
  const usages = await Promise.all(scopes.map((scope) => collect(context.usages.live(scope))));
  return new Set(usages.flat().map(({ digest }) => digest));
}

async function runsIn(installation: Installation): Promise<number> {
  return (await itemsOf(installation)).filter(({ kind }) => kind === 'run').length;
}

async function evidenceIn(installation: Installation): Promise<readonly unknown[]> {
  const client = new S3Client({ ...hubOf(installation), forcePathStyle: true });
  const pages = paginateListObjectsV2({ client }, { Bucket: installation.deployment.evidenceBucket });
  const objects = (await collect(pages)).flatMap(({ Contents = [] }) => Contents);
  return objects.map(({ Key, ETag, LastModified }) => ({ Key, ETag, LastModified }));
}

/** Every image in use has an event, and so has the review; each event matches its contract. */
async function checkAnnouncements(
  inbox: Awaited<ReturnType<typeof subscribe>>,
  digests: ReadonlySet<string>,
  runId: string,
): Promise<void> {
  const published = (type: string, member: string) =>
    inbox.events.flatMap(({ 'detail-type': detailType, detail }) =>
      detailType === type ? [String(detail[member])] : [],
    );
  await inbox.until(() => published('FleetReviewed', 'runId').includes(runId));
  await inbox.until(() => digests.difference(new Set(published('ImageVerdictChanged', 'digest'))).size === 0);
  for (const event of inbox.events) {
    const contract = EVENTS.find(({ detailType }) => detailType === event['detail-type']);
    expect(contract && safeParse(contract.schema, event)).toMatchObject({ success: true });
  }
}

/** The metrics that alarms and the dashboard look at are there, and not more than fit in a house rule. */
async function checkMeasures(installation: Installation): Promise<void> {
  const cloudWatch = new CloudWatchClient(hubOf(installation));
  const { Metrics = [] } = await cloudWatch.send(new ListMetricsCommand({ Namespace: 'Patchwave' }));
  const names = new Set(Metrics.map(({ MetricName }) => MetricName));
  const { MetricAlarms = [] } = await cloudWatch.send(new DescribeAlarmsCommand({}));
  const watched = MetricAlarms.filter(({ Namespace }) => Namespace === 'Patchwave').map(({ MetricName }) => MetricName);
  expect(watched.length).toBeGreaterThan(0);
  // In these tests nothing is rebuilt, and no door lets a doubted image start.
  const others = ['AttemptsExhausted', 'RebuildsUnverified', 'WitnessDisagrees', 'ImagesDoubted'];
  const reviewed = watched.filter((name = '') => !others.includes(name));
  for (const name of [...reviewed, 'Images']) expect(names).toContain(name);
  expect(Metrics.length).toBeLessThanOrEqual(30);
}

/** Images of readable registries that were pulled since: what Patchwave reads renews no pull time. */
async function pulledSince({ cloud, fleet }: Installation, sinceEpochMs: number): Promise<readonly string[]> {
  const pulled: string[] = [];
  const places = fleet.accounts
    .filter(({ memberRole }) => memberRole)
    .flatMap(({ id, regions }) => regions.map((region) => cloud.clients(id, region)));
  for (const config of places) {
    const client = new ECRClient(config);
    for await (const { repositories = [] } of paginateDescribeRepositories({ client }, {})) {
      for (const { repositoryName } of repositories) {
        for await (const { imageDetails = [] } of paginateDescribeImages({ client }, { repositoryName })) {
          const late = imageDetails.filter((image) => (image.lastRecordedPullTime?.getTime() ?? 0) >= sinceEpochMs);
          pulled.push(...late.map(({ imageDigest }) => `${repositoryName} ${imageDigest}`));
        }
      }
    }
  }
  return pulled;
}
