import { spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import {
  CodePipelineClient,
  GetPipelineExecutionCommand,
  StartPipelineExecutionCommand,
} from '@aws-sdk/client-codepipeline';
import {
  BatchGetImageCommand,
  DescribeImagesCommand,
  ECRClient,
  GetAuthorizationTokenCommand,
  PutImageCommand,
} from '@aws-sdk/client-ecr';
import {
  CreateClusterCommand,
  CreateServiceCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
} from '@aws-sdk/client-ecs';
import { IAMClient, ListRolesCommand, UpdateAssumeRolePolicyCommand } from '@aws-sdk/client-iam';
import { CreateTopicCommand, SetTopicAttributesCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import { CreateQueueCommand, ReceiveMessageCommand, SetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { jest } from '@jest/globals';
import { untilSettled } from '../../local/acting.ts';
import { buildImage } from '../../local/builds/image.ts';
import { buildIndex } from '../../local/builds/image-index.ts';
import type { ImageOs } from '../../local/builds/packages.ts';
import { hostOf, RegistryClient } from '../../local/builds/registry.ts';
import type { PipelineJob, PipelineReport, ProjectBuild } from '../../local/cloud/admin-types.ts';
import { eventually } from '../../local/cloud/probe.ts';
import type { ClientConfig, Cloud } from '../../local/cloud.ts';
import { parseFleet } from '../../local/fleet/load.ts';
import { type Installation, install } from '../../local/installation.ts';
import { runBuilder } from '../../local/pipelines/builder.ts';
import { buildProject, type ProjectTools } from '../../local/pipelines/project-build.ts';
import { createStack } from '../../local/stack.ts';
import { digestOfTag } from '../integration/oracle/registry.ts';
import { cascadesIn, causeOf, PLANNING, rebuildsOf, rebuiltTimes, wakePlanner } from '../support/acting.ts';
import { HUB } from '../support/acting-fleet.ts';
import { runBuildPhase } from '../support/build-spec.ts';
import { OciRegistry, type RegistryRefusal } from '../support/oci-registry.ts';
import { RegistryGateways } from '../support/registry-gateways.ts';

/*
 * registry/import.yaml, deployed in the embedded cloud with IAM on. Its build is real: the commands of its build
 * specification, with skopeo, the AWS CLI and the session of its role, between a hostile registry and the one of the cloud.
 */

jest.setTimeout(120_000);

const LIMIT_MS = 60_000;
const SOURCE = 'library/alpine';
const TAG = '3.24';
const UPSTREAM = { ...HUB, repository: 'upstream/alpine-3.24' };
const BASE = { ...HUB, repository: 'base/alpine-3' };
const UPSTREAM_STREAM = `${HUB.account}/${HUB.region}/${UPSTREAM.repository}:^stable$`;
const BASE_STREAM = `${HUB.account}/${HUB.region}/${BASE.repository}:^stable$`;
const CONNECTION = `arn:aws:codeconnections:${HUB.region}:${HUB.account}:connection/0a1b2c3d`;
const HOUR_MS = 3_600_000;

let folder = '';
let installation: Installation | undefined;
const upstream = new OciRegistry();
const gateways = new RegistryGateways({ needsLogin: true });

const installed = (): Installation => {
  if (installation === undefined) throw new Error('nothing is installed');
  return installation;
};
const configOf = (): ClientConfig => installed().cloud.clients(HUB.account, HUB.region);

/** Pushes an index over images of both platforms, each with its attestation. */
async function publish(tags: readonly string[], version: string, changes: Partial<Published> = {}): Promise<string> {
  const { hoursAgo = 0, architectures = ['amd64', 'arm64'], os = 'alpine' } = changes;
  const createdEpochMs = Date.now() - hoursAgo * HOUR_MS;
  const images = architectures.map((architecture) =>
    buildImage({ name: version, architecture, format: 'oci', createdEpochMs }, { os, packages: { musl: version } }),
  );
  const index = buildIndex({ format: 'oci', holds: 'images', finishedEpochMs: createdEpochMs }, images);
  const place = { ...HUB, repository: SOURCE };
  const registry = new RegistryClient(`http://${upstream.host}`);
  const attached = index.attestations.flatMap(({ blobs }) => blobs);
  for (const image of images) for (const blob of [...image.layers, image.config]) await registry.pushBlob(place, blob);
  for (const blob of attached) await registry.pushBlob(place, blob);
  for (const { manifest } of [...images, ...index.attestations])
    await registry.pushManifest(place, manifest.digest, manifest);
  for (const tag of tags) await registry.pushManifest(place, tag, index.manifest);
  return index.manifest.digest;
}
interface Published {
  readonly hoursAgo: number;
  readonly architectures: readonly ('amd64' | 'arm64')[];
  readonly os: ImageOs;
}

/** What upstream.yaml says; YAML has JSON in it. */
let entries: readonly object[] = [];
const entry = (changes: object = {}) => ({
  ...{ repository: UPSTREAM.repository, source: `${upstream.host}/${SOURCE}`, tags: [TAG] },
  ...{ platforms: ['linux/amd64', 'linux/arm64'], signature: 'unsigned', ...changes },
});

const VENDOR_KEY = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'pem' });

/** What the last import wrote. */
let log = '';
/** The build of an import in a source of its own; the others are made as in the demo. */
async function build(tools: ProjectTools, job: PipelineJob, project: ProjectBuild): Promise<PipelineReport> {
  if (job.pipeline !== 'import') return buildProject(tools, job, project);
  const source = mkdtempSync(join(folder, 'source-'));
  cpSync('registry', join(source, project.environment.CONTEXT ?? ''), { recursive: true });
  writeFileSync(join(source, project.environment.CONTEXT ?? '', 'upstream.yaml'), JSON.stringify({ images: entries }));
  writeFileSync(join(source, project.environment.CONTEXT ?? '', 'vendor.pub'), VENDOR_KEY);
  const { accessKeyId, secretAccessKey, sessionToken } = project.credentials;
  const { status, output } = await runBuildPhase(project.buildSpec, {
    folder: source,
    env: {
      ...{ PATH: `${folder}${delimiter}${process.env.PATH}`, HOME: folder },
      ...project.environment,
      // The names of the registries lead to AWS.
      REGISTRY: gateways.addresses[hostOf(HUB)] ?? '',
      REGISTRY_AUTH_FILE: join(source, 'auth.json'),
      ...{ AWS_ENDPOINT_URL: tools.endpoint, AWS_REGION: job.region, AWS_DEFAULT_REGION: job.region },
      ...{ AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: sessionToken },
      ...{ BACKOFF_MS: '1', SCAN_ATTEMPTS: '100', SCAN_PAUSE_SECONDS: '0.1' },
    },
  });
  log = output;
  return { status: status === 0 ? 'Succeeded' : 'Failed' };
}

async function prepare(cloud: Cloud) {
  const config = cloud.clients(HUB.account, HUB.region);
  const formation = new CloudFormationClient(config);
  const deploy = (name: string, file: string, parameters: Readonly<Record<string, string>>) =>
    createStack(formation, { name, template: { body: readFileSync(join('registry', file), 'utf8') }, parameters });
  const OrganizationId = 'o-a1b2c3d4e5';
  await deploy('registry', 'registry.yaml', {
    ...{ OrganizationId, SharedRepositories: BASE.repository, ApplicationRepositories: 'apps/sample' },
  });
  const source = { ConnectionArn: CONNECTION, SourceRepository: 'my-org/images' };
  await deploy('import', 'import.yaml', {
    ...{ OrganizationId, ...source, Repositories: UPSTREAM.repository, FailureTopicArn: await failureTopic(config) },
  });
  expect(await importEnd(config)).toMatchObject({ status: 'Succeeded', answers: [{ answer: 'imported' }] });
  await deploy('pipeline-base', 'pipeline.yaml', {
    ...{ ...source, Repository: BASE.repository, Dockerfile: 'base/alpine/Dockerfile', Candidate: 'true' },
    ...{ Parent: `${hostOf(HUB)}/${UPSTREAM.repository}`, ParentTag: 'stable' },
  });
  expect(await pipelineEnd(config, 'pipeline-base')).toEqual(['Succeeded', '']);
  const ecs = new ECSClient(config);
  await ecs.send(new CreateClusterCommand({ clusterName: 'main' }));
  const containerDefinitions = [
    { name: 'app', image: `${hostOf(HUB)}/${BASE.repository}:${await buildTag(config)}`, memory: 256 },
  ];
  await ecs.send(new RegisterTaskDefinitionCommand({ family: 'app', containerDefinitions }));
  await ecs.send(
    new CreateServiceCommand({ cluster: 'main', serviceName: 'app', taskDefinition: 'app', desiredCount: 1 }),
  );
  return [{ ...HUB, name: 'pipeline-base' }];
}

async function buildTag(config: ClientConfig): Promise<string> {
  const { imageDetails = [] } = await new ECRClient(config).send(
    new DescribeImagesCommand({ repositoryName: BASE.repository, imageIds: [{ imageTag: 'stable' }] }),
  );
  return imageDetails[0]?.imageTags?.find((tag) => tag.startsWith('build-')) ?? '';
}

let failures = '';
/** A topic that EventBridge may publish to, with a queue that keeps what is published. */
async function failureTopic(config: ClientConfig): Promise<string> {
  const [sns, sqs] = [new SNSClient(config), new SQSClient(config)];
  const { TopicArn = '' } = await sns.send(new CreateTopicCommand({ Name: 'import-failures' }));
  const allow = (Service: string, Action: string, Resource: string) =>
    JSON.stringify({
      ...{ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: { Service }, Action, Resource }] },
    });
  const policy = allow('events.amazonaws.com', 'sns:Publish', TopicArn);
  await sns.send(new SetTopicAttributesCommand({ TopicArn, AttributeName: 'Policy', AttributeValue: policy }));
  const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: 'import-failures' }));
  const Endpoint = `arn:aws:sqs:${HUB.region}:${HUB.account}:import-failures`;
  const Policy = allow('sns.amazonaws.com', 'sqs:SendMessage', Endpoint);
  await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { Policy } }));
  await sns.send(new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint }));
  failures = QueueUrl;
  return TopicArn;
}

/** Starts a pipeline and waits for its end. */
async function pipelineEnd(config: ClientConfig, pipelineName: string) {
  const client = new CodePipelineClient(config);
  const { pipelineExecutionId } = await client.send(new StartPipelineExecutionCommand({ name: pipelineName }));
  return eventually(
    async () => {
      const { pipelineExecution } = await client.send(
        new GetPipelineExecutionCommand({ pipelineName, pipelineExecutionId }),
      );
      const { status = '', statusSummary = '' } = pipelineExecution ?? {};
      return status === 'InProgress' ? undefined : [status, statusSummary];
    },
    `the end of ${pipelineName}`,
    LIMIT_MS,
  );
}

/** Runs the pipeline of imports, as its schedule or a commit does. */
async function importEnd(config = configOf()) {
  log = '';
  const [status, summary] = await pipelineEnd(config, 'import');
  const lines = log.split('\n').filter((line) => line.startsWith('{'));
  const answers = lines.map((line): Answer => JSON.parse(line));
  return { status, answers, ...(answers.length === 0 && { summary, log }) };
}
interface Answer {
  readonly answer: string;
  readonly digest?: string;
  readonly findings?: object;
}

const tagsOf = async (repositoryName: string): Promise<Readonly<Record<string, string>>> => {
  const { imageDetails = [] } = await new ECRClient(configOf()).send(new DescribeImagesCommand({ repositoryName }));
  const pairs = imageDetails.flatMap(({ imageTags = [], imageDigest = '' }) =>
    imageTags.map((tag) => [tag, imageDigest] as const),
  );
  return Object.fromEntries(pairs);
};
const promoted = (digest: string) => ({
  ...{ stable: digest, 'stable-candidate': digest, [`upstream-${TAG}`]: digest },
  [`build-${digest.slice('sha256:'.length, 'sha256:'.length + 32)}`]: digest,
});

/** Waits until each image of the head of a stream has a verdict. */
const headJudged = (stream: string): Promise<true> =>
  eventually(
    async () => {
      const { context } = installed();
      const images = Object.values((await context.streams.streams([stream])).get(stream)?.head?.images ?? {});
      const known = [...(await context.images.get(images)).values()];
      return known.length > 0 && known.every(({ judgedAtEpochMs }) => judgedAtEpochMs !== undefined) ? true : undefined;
    },
    `a verdict on the head of ${stream}`,
    LIMIT_MS,
  );

let first = '';
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'patchwave-import-pipeline-'));
  await Promise.all([upstream.start(), gateways.open(HUB)]);
  mkdirSync(join(folder, '.config', 'containers'), { recursive: true });
  const insecure = [upstream.host, ...Object.values(gateways.addresses)];
  writeFileSync(
    join(folder, '.config', 'containers', 'registries.conf'),
    insecure.map((host) => `[[registry]]\nlocation = "${host}"\ninsecure = true\n`).join('\n'),
  );
  if (spawnSync('cosign', ['version']).status !== 0) {
    writeFileSync(join(folder, 'cosign'), '#!/bin/sh\necho "Error: no signatures found" >&2; exit 10\n');
    chmodSync(join(folder, 'cosign'), 0o755);
  }
  first = await publish([TAG], '1.2.5-r20', { hoursAgo: 48 });
  entries = [entry()];
  const streams = { account: HUB.account, regions: [HUB.region], headTags: ['^stable$'], owner: 'images' };
  const fleet = parseFleet(
    {
      name: 'imports',
      hub: HUB,
      organization: { id: 'o-a1b2c3d4e5' },
      accounts: [{ id: HUB.account, name: 'images', regions: [HUB.region] }],
      policy: {
        version: 1,
        mode: 'enforce',
        ages: { default: { limitDays: 30, warnAtPercent: 80 } },
        severities: [{ id: 'no-critical', severities: ['critical'], graceDays: 0 }],
        guards: { coolDownMinutes: 0 },
        streams: [
          { ...streams, id: 'upstream-alpine', tier: 'mirrored', repositories: [UPSTREAM.repository] },
          {
            ...{ ...streams, id: 'base-alpine', tier: 'base', repositories: [BASE.repository] },
            ...{ parents: ['upstream-alpine'], promotes: true, pipeline: { name: 'pipeline-base' }, rollout: 'none' },
          },
        ],
      },
    },
    'the imports',
  );
  installation = await install(fleet, {
    parameters: { ScanPollSeconds: '1', ...PLANNING },
    prepare,
    startBuilder: (endpoint) => {
      gateways.endpoint = endpoint;
      // A cloud that stops may refuse the question for work.
      const ended = runBuilder(endpoint, { project: build }).then(
        () => true,
        () => true,
      );
      return { ended: () => ended };
    },
  });
});

afterAll(async () => {
  await installation?.stop();
  await Promise.all([gateways.close(), upstream.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

test('the first import has all images by digest, and the base is built on it', async () => {
  expect(await tagsOf(UPSTREAM.repository)).toEqual(promoted(first));
  const held = await new ECRClient(configOf()).send(new DescribeImagesCommand({ repositoryName: UPSTREAM.repository }));
  expect(new Set(held.imageDetails?.map(({ imageDigest }) => imageDigest))).toEqual(
    new Set(upstream.digestsOf(SOURCE)),
  );
  expect(await installed().review()).toMatchObject({ status: 'SUCCEEDED' });
  expect(await untilSettled(installed().context, LIMIT_MS)).toMatchObject({ causes: [], cascades: [] });
  expect(await rebuildsOf(installed(), BASE_STREAM)).toEqual([]);
});

test('an import without anything new changes nothing', async () => {
  expect(await importEnd()).toMatchObject({ status: 'Succeeded', answers: [{ answer: 'unchanged' }] });
});

test('when upstream moves, the base is rebuilt once, for all images of the index', async () => {
  const before = await digestOfTag(installed().cloud.endpoint, BASE, 'stable');
  const second = await publish([TAG], '1.2.5-r21', { hoursAgo: 24 });
  expect(await importEnd()).toMatchObject({ status: 'Succeeded', answers: [{ answer: 'imported', digest: second }] });
  expect(await tagsOf(UPSTREAM.repository)).toMatchObject(promoted(second));

  await headJudged(UPSTREAM_STREAM);
  // Its schedule wakes it every 15 minutes.
  await wakePlanner(installed());
  await rebuiltTimes(installed(), BASE_STREAM, 1);
  expect(await untilSettled(installed().context, LIMIT_MS)).toMatchObject({ cascades: [] });
  const rebuilds = await rebuildsOf(installed(), BASE_STREAM);
  expect(rebuilds).toMatchObject([
    { facts: [{ kind: 'parent-moved', parent: UPSTREAM_STREAM }], outcome: { result: 'fixed' } },
  ]);
  // The number of facts that were ever added.
  expect(await causeOf(installed(), BASE_STREAM)).toMatchObject({ version: 1 });
  expect(await cascadesIn(installed())).toHaveLength(1);
  expect(await rebuildsOf(installed(), UPSTREAM_STREAM)).toEqual([]);
  const after = await digestOfTag(installed().cloud.endpoint, BASE, 'stable');
  expect(after).not.toBe(before);
  expect(rebuilds[0]?.parentHead).toBe(second);
});

describe('nothing is promoted', () => {
  type Change = () => unknown;
  const REFUSED: RegistryRefusal = { status: 429, headers: { 'retry-after': '0' } };
  let head = '';
  beforeAll(async () => {
    head = (await tagsOf(UPSTREAM.repository)).stable ?? '';
    expect(head).not.toBe(first);
  });
  afterEach(async () => {
    upstream.refuse = () => undefined;
    entries = [entry()];
    upstream.tag(SOURCE, TAG, head);
  });

  test.each<[string, string, Change]>([
    ['the tag was deleted upstream', 'tag-gone', () => upstream.removeTag(SOURCE, TAG)],
    ['the tag moved back', 'moved-back', () => upstream.tag(SOURCE, TAG, first)],
    ['the tag moved to an older image', 'moved-back', () => publish([TAG], '1.2.5-r1', { hoursAgo: 99 })],
    ['the index lacks a platform', 'platform-missing', () => publish([TAG], '1.2.5-r22', { architectures: ['amd64'] })],
    [
      'the signature is wrong',
      'wrong-signature',
      async () => {
        await publish([TAG], '1.2.5-r23');
        entries = [entry({ signature: { key: 'vendor.pub', log: 'none' } })];
      },
    ],
    [
      'the registry answers 429',
      'throttled',
      async () => {
        await publish([TAG], '1.2.5-r24');
        upstream.refuse = (_, path) => (path.includes('/manifests/') ? REFUSED : undefined);
      },
    ],
    ['an image cannot be scanned', 'scan-failed', () => publish([TAG], '1.2.5-r25', { os: 'unknown' })],
    [
      'the repository belongs to another pipeline',
      'invalid-entry',
      async () => {
        await publish([TAG], '1.2.5-r26');
        entries = [entry({ repository: BASE.repository })];
      },
    ],
    [
      'the repository does not exist',
      'not-copied',
      () => {
        entries = [entry({ repository: 'upstream/other' })];
      },
    ],
  ])('if %s: %s', async (_, answer, change) => {
    const before = await tagsOf(UPSTREAM.repository);
    const base = await tagsOf(BASE.repository);
    await change();
    expect(await importEnd()).toMatchObject({ status: 'Failed', answers: [{ answer }] });
    const after = await tagsOf(UPSTREAM.repository);
    expect({ ...after, 'stable-candidate': '' }).toEqual({ ...before, 'stable-candidate': '' });
    expect(after.stable).toBe(head);
    expect(await tagsOf(BASE.repository)).toEqual(base);
  });

  test('and the base is not rebuilt', async () => {
    expect(await installed().review()).toMatchObject({ status: 'SUCCEEDED' });
    await untilSettled(installed().context, LIMIT_MS);
    expect(await rebuildsOf(installed(), BASE_STREAM)).toHaveLength(1);
  });

  test('and the topic has an event of each import that failed', async () => {
    const sqs = new SQSClient(configOf());
    const bodies: string[] = [];
    for (;;) {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({ QueueUrl: failures, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 }),
      );
      if (Messages.length === 0) break;
      bodies.push(...Messages.map(({ Body = '' }) => Body));
    }
    const states = bodies.map((body) => JSON.parse(JSON.parse(body).Message).detail);
    expect(states).toHaveLength(9);
    for (const detail of states) expect(detail).toMatchObject({ pipeline: 'import', state: 'FAILED' });
  });
});

describe('with the rights that the template gives', () => {
  const iam = () => new IAMClient(configOf());
  /** A session of a role of a stack: the test lets the account take it. */
  async function sessionOf(PathPrefix: string, name: string): Promise<ClientConfig> {
    const { Roles = [] } = await iam().send(new ListRolesCommand({ PathPrefix }));
    const found = Roles.filter(({ RoleName }) => RoleName?.startsWith(name));
    expect(found).toHaveLength(1);
    const { RoleName = '', Arn: RoleArn = '' } = found[0] ?? {};
    const Statement = [{ Effect: 'Allow', Principal: { AWS: HUB.account }, Action: 'sts:AssumeRole' }];
    const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
    await iam().send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument }));
    const { Credentials } = await new STSClient(configOf()).send(
      new AssumeRoleCommand({ RoleArn, RoleSessionName: 'test' }),
    );
    const { AccessKeyId: accessKeyId = '', SecretAccessKey: secretAccessKey = '', SessionToken } = Credentials ?? {};
    const credentials = { accessKeyId, secretAccessKey, sessionToken: SessionToken ?? '' };
    return { ...configOf(), credentials };
  }
  const putTag = async (config: ClientConfig, repositoryName: string, imageTag: string): Promise<unknown> => {
    const { images = [] } = await new ECRClient(configOf()).send(
      new BatchGetImageCommand({ repositoryName, imageIds: [{ imageTag: 'stable' }] }),
    );
    const imageManifest = images[0]?.imageManifest;
    return new ECRClient(config).send(new PutImageCommand({ repositoryName, imageManifest, imageTag }));
  };
  const DENIED = { name: 'AccessDeniedException' };

  test('the import tags its own repositories only, and moves no tag of a promoted image', async () => {
    const own = await sessionOf('/registry-build/upstream/', 'import-BuildRole');
    await putTag(own, UPSTREAM.repository, 'upstream-test');
    await expect(putTag(own, UPSTREAM.repository, `build-${first.slice(7, 39)}`)).rejects.toMatchObject({
      name: 'ImageTagAlreadyExistsException',
    });
    await expect(putTag(own, BASE.repository, 'mine')).rejects.toMatchObject(DENIED);
  });

  test('neither the build of a base nor an administrator tags an import', async () => {
    const base = await sessionOf(`/registry-build/${BASE.repository}/`, 'pipeline-base-BuildRole');
    await expect(putTag(base, UPSTREAM.repository, 'mine')).rejects.toMatchObject(DENIED);
    await expect(putTag(configOf(), UPSTREAM.repository, 'mine')).rejects.toMatchObject(DENIED);
  });

  test('the schedule starts the pipeline of imports and no other', async () => {
    const schedule = new CodePipelineClient(await sessionOf('/', 'import-StartRole'));
    await expect(schedule.send(new StartPipelineExecutionCommand({ name: 'pipeline-base' }))).rejects.toMatchObject(
      DENIED,
    );
    const { pipelineExecutionId } = await schedule.send(new StartPipelineExecutionCommand({ name: 'import' }));
    expect(pipelineExecutionId).toEqual(expect.any(String));
  });

  test('an account outside of the organization pulls nothing', async () => {
    const outside = installed().cloud.clients('999900000001', HUB.region);
    const { authorizationData } = await new ECRClient(outside).send(new GetAuthorizationTokenCommand({}));
    const registry = new RegistryClient(installed().cloud.endpoint, authorizationData?.[0]?.authorizationToken ?? '');
    await expect(registry.pullManifest(UPSTREAM, 'stable')).rejects.toThrow(/403.*DENIED.*ecr:BatchGetImage/);
  });
});
