import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { CloudFormationClient, DescribeStackResourceCommand } from '@aws-sdk/client-cloudformation';
import {
  CodePipelineClient,
  GetPipelineExecutionCommand,
  ListPipelineExecutionsCommand,
  StartPipelineExecutionCommand,
} from '@aws-sdk/client-codepipeline';
import {
  BatchGetImageCommand,
  CreateRepositoryCommand,
  DescribeImagesCommand,
  ECRClient,
  GetAuthorizationTokenCommand,
  PutImageCommand,
} from '@aws-sdk/client-ecr';
import {
  GetRolePolicyCommand,
  IAMClient,
  ListRolesCommand,
  SimulateCustomPolicyCommand,
  UpdateAssumeRolePolicyCommand,
} from '@aws-sdk/client-iam';
import { DescribeExecutionCommand, SFNClient } from '@aws-sdk/client-sfn';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { MEDIA_TYPES } from '../../local/builds/blob.ts';
import { RegistryClient } from '../../local/builds/registry.ts';
import type { DemoResult } from '../../local/demo/result.ts';
import { loadFleet } from '../../local/fleet/load.ts';
import { createStack } from '../../local/stack.ts';
import { HUB } from '../support/acting-fleet.ts';
import { withReviewed } from './oracle/demo.ts';
import { packagesIn } from './oracle/layers.ts';
import { digestOfTag, madeOf, scanOf } from './oracle/registry.ts';
import { configOf, containersIn, type Home, homeOf, imagesOf, manifestOf } from './oracle/running.ts';
import { checkStory } from './oracle/story.ts';

const LIMIT_MS = 300_000;
const [FLAWED, FIXED] = ['3.5.4-r0', '3.5.5-r0'];
const CVE = 'CVE-2026-31001';
const OUTSIDE = { ...HUB, account: '999900000001' };

const at = (repository: string): Home => ({ ...HUB, repository });
const [BASE, PLATFORM, SAMPLE] = [at('base/alpine-3'), at('platform/node-24'), at('apps/sample')];
/** Lowest first. */
const TIERS = [
  { home: BASE, pipeline: 'pipeline-base', promotes: true },
  { home: PLATFORM, pipeline: 'pipeline-platform', promotes: true },
  { home: SAMPLE, pipeline: 'pipeline-sample', promotes: false },
] as const;

type Act = DemoResult['act'];

const streamIn = ({ streams }: Act, { repository }: Home): Act['streams'][number] => {
  const found = streams.filter(({ stream }) => stream.includes(`/${repository}:`));
  expect(found).toHaveLength(1);
  return found[0] as Act['streams'][number];
};

/** The image of the only platform. */
async function imageIn(endpoint: string, home: Home, digest = ''): Promise<string> {
  const manifest = await manifestOf(endpoint, home, digest);
  const images = (manifest?.manifests ?? []).filter(({ platform }) => platform?.os === 'linux');
  expect(images).toHaveLength(1);
  return images[0]?.digest ?? '';
}

test(
  'what the demo claims to have done to the tiers of the registry templates is what plain SDK calls find',
  async () => {
    await withReviewed(['--registry'], async ({ act, ...result }, { endpoint }, { code, stderr }) => {
      expect(code).toBe(0);
      await checkStory(stderr, { act, ...result }, endpoint, await loadFleet('local/fleet/registry.json'));
      expect(act.reviews.map(({ status }) => status)).toEqual(['SUCCEEDED', 'SUCCEEDED']);
      await checkCascade(endpoint, act);
      for (const [tier, { home, pipeline, promotes }] of TIERS.entries()) {
        await checkPipeline(endpoint, pipeline);
        await checkBuilt(endpoint, act, home, promotes, TIERS[tier - 1]?.home);
        expect(streamIn(act, home)).toMatchObject({ state: 'patched', provenBy: act.reviews[1]?.runId });
      }
      await checkRunning(endpoint, act);
      await checkPulls(endpoint);
      await checkPushes(endpoint, act);
      await checkArtifacts(endpoint);
      await checkLongName(endpoint);
    });
  },
  LIMIT_MS,
);

async function checkCascade(endpoint: string, { cascades }: Act): Promise<void> {
  expect(cascades).toHaveLength(1);
  expect(cascades[0]?.nodes.map(({ wave, state }) => [wave, state])).toEqual(
    [0, 1, 2].map((wave) => [wave, 'verified']),
  );
  const { executionArn } = cascades[0] ?? {};
  const execution = await new SFNClient(configOf(endpoint, HUB)).send(new DescribeExecutionCommand({ executionArn }));
  expect(execution.status).toBe('SUCCEEDED');
}

/** A pipeline ran for its first image, and once for Patchwave. */
async function checkPipeline(endpoint: string, pipelineName: string): Promise<void> {
  const client = new CodePipelineClient(configOf(endpoint, HUB));
  const { pipelineExecutionSummaries = [] } = await client.send(new ListPipelineExecutionsCommand({ pipelineName }));
  expect(pipelineExecutionSummaries.map(({ status }) => status)).toEqual(['Succeeded', 'Succeeded']);
  const starters = pipelineExecutionSummaries.map(({ trigger }) => trigger?.triggerDetail);
  expect(starters).toEqual([
    expect.stringContaining('assumed-role/PatchwaveActBuild/'),
    expect.stringContaining(':root'),
  ]);
}

async function checkBuilt(endpoint: string, act: Act, home: Home, promotes: boolean, below?: Home): Promise<void> {
  const { before, after } = streamIn(act, home);
  expect(after).not.toBe(before);
  expect(await digestOfTag(endpoint, home, 'stable')).toBe(promotes ? after : undefined);
  expect(await digestOfTag(endpoint, home, 'stable-candidate')).toBe(promotes ? after : undefined);
  const [old, fresh] = [await imageIn(endpoint, home, before), await imageIn(endpoint, home, after)];
  expect((await packagesIn(endpoint, home, old)).get('libcrypto3')).toBe(FLAWED);
  expect((await packagesIn(endpoint, home, fresh)).get('libcrypto3')).toBe(FIXED);
  expect((await scanOf(endpoint, home, old)).findings.map(({ name }) => name)).toEqual([CVE]);
  expect(await scanOf(endpoint, home, fresh)).toMatchObject({ status: 'COMPLETE', findings: [] });
  if (!below) return;
  const under = await imageIn(endpoint, below, streamIn(act, below).after);
  const layers = (await madeOf(endpoint, below, under))?.layers ?? [];
  expect(layers.length).toBeGreaterThan(1);
  expect((await madeOf(endpoint, home, fresh))?.layers.slice(0, layers.length)).toEqual(layers);
}

async function checkRunning(endpoint: string, act: Act): Promise<void> {
  const running = await containersIn(endpoint, HUB);
  expect(running.map(({ container }) => homeOf(container)?.repository)).toEqual(['apps/sample', 'apps/sample']);
  const fresh = await imageIn(endpoint, SAMPLE, streamIn(act, SAMPLE).after);
  expect((await Promise.all(running.map((seen) => imagesOf(endpoint, seen)))).flat()).toEqual([fresh, fresh]);
}

type Config = ConstructorParameters<typeof ECRClient>[0];

async function logIn(endpoint: string, config: Config): Promise<RegistryClient> {
  const { authorizationData } = await new ECRClient(config ?? {}).send(new GetAuthorizationTokenCommand({}));
  return new RegistryClient(endpoint, authorizationData?.[0]?.authorizationToken ?? '');
}

/** Only accounts of the organization pull. */
async function checkPulls(endpoint: string): Promise<void> {
  const inside = await logIn(endpoint, configOf(endpoint, HUB));
  expect((await inside.pullManifest(BASE, 'stable')).digest).toBe(await digestOfTag(endpoint, BASE, 'stable'));
  const outside = await logIn(endpoint, configOf(endpoint, OUTSIDE));
  await expect(outside.pullManifest(BASE, 'stable')).rejects.toThrow(/403.*DENIED.*ecr:BatchGetImage/);
}

/** A session of the role that builds a repository: the test lets the account take it. */
async function buildSession(endpoint: string, { repository }: Home): Promise<NonNullable<Config>> {
  const iam = new IAMClient(configOf(endpoint, HUB));
  const { Roles = [] } = await iam.send(new ListRolesCommand({ PathPrefix: `/registry-build/${repository}/` }));
  expect(Roles).toHaveLength(1);
  const { RoleName = '', Arn: RoleArn = '' } = Roles[0] ?? {};
  const Statement = [{ Effect: 'Allow', Principal: { AWS: HUB.account }, Action: 'sts:AssumeRole' }];
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
  await iam.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument }));
  const sts = new STSClient(configOf(endpoint, HUB));
  const { Credentials } = await sts.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: 'test' }));
  const { AccessKeyId: accessKeyId = '', SecretAccessKey: secretAccessKey = '', SessionToken } = Credentials ?? {};
  const sessionToken = SessionToken ?? '';
  return { endpoint, region: HUB.region, credentials: { accessKeyId, secretAccessKey, sessionToken } };
}

/** Only the role of a repository pushes to it, and it moves no tag but the two that may move. */
async function checkPushes(endpoint: string, act: Act): Promise<void> {
  const { before = '', after = '' } = streamIn(act, BASE);
  const ecr = new ECRClient(configOf(endpoint, HUB));
  const { images = [] } = await ecr.send(
    new BatchGetImageCommand({ repositoryName: BASE.repository, imageIds: [{ imageDigest: after }] }),
  );
  const { imageManifest = '' } = images[0] ?? {};
  const manifest = { digest: after, mediaType: MEDIA_TYPES.oci.index, bytes: Buffer.from(imageManifest) };
  const { imageDetails = [] } = await ecr.send(
    new DescribeImagesCommand({ repositoryName: BASE.repository, imageIds: [{ imageDigest: before }] }),
  );
  const fixedTag = imageDetails[0]?.imageTags?.find((tag) => tag.startsWith('build-')) ?? '';

  const build = await buildSession(endpoint, BASE);
  const own = await logIn(endpoint, build);
  await own.pushManifest(BASE, 'stable-candidate', manifest);
  await expect(own.pushManifest(BASE, fixedTag, manifest)).rejects.toThrow(/TAG_INVALID.*immutable/);
  const put = { repositoryName: BASE.repository, imageManifest, imageTag: fixedTag };
  await expect(new ECRClient(build).send(new PutImageCommand(put))).rejects.toMatchObject({
    name: 'ImageTagAlreadyExistsException',
  });
  expect(await digestOfTag(endpoint, BASE, fixedTag)).toBe(before);

  const other = await logIn(endpoint, await buildSession(endpoint, PLATFORM));
  const blob = { digest: `sha256:${'0'.repeat(64)}`, bytes: Buffer.from('hello') };
  await expect(other.pushBlob(BASE, blob)).rejects.toThrow(/403.*DENIED.*ecr:InitiateLayerUpload/);
  await expect(other.pushManifest(BASE, 'other', manifest)).rejects.toThrow(/403.*DENIED.*ecr:PutImage/);
  // The administrator of the account neither.
  await expect((await logIn(endpoint, configOf(endpoint, HUB))).pushManifest(BASE, 'other', manifest)).rejects.toThrow(
    /403.*DENIED.*ecr:PutImage/,
  );
  await expect(ecr.send(new PutImageCommand({ ...put, imageTag: 'other' }))).rejects.toMatchObject({
    name: 'AccessDeniedException',
  });
}

const LOGICAL = { BuildRole: 'build', PipelineRole: 'run' } as const;

/** The policy of a role of a stack, as plain calls find it. */
async function policyOf(endpoint: string, StackName: string, LogicalResourceId: keyof typeof LOGICAL): Promise<string> {
  const { StackResourceDetail } = await new CloudFormationClient(configOf(endpoint, HUB)).send(
    new DescribeStackResourceCommand({ StackName, LogicalResourceId }),
  );
  const role = { RoleName: StackResourceDetail?.PhysicalResourceId, PolicyName: LOGICAL[LogicalResourceId] };
  const { PolicyDocument = '' } = await new IAMClient(configOf(endpoint, HUB)).send(new GetRolePolicyCommand(role));
  return decodeURIComponent(PolicyDocument);
}

/** A pipeline and its build reach the artifacts of this pipeline only; the build writes none. */
async function checkArtifacts(endpoint: string): Promise<void> {
  const iam = new IAMClient(configOf(endpoint, HUB));
  const { StackResourceDetail } = await new CloudFormationClient(configOf(endpoint, HUB)).send(
    new DescribeStackResourceCommand({ StackName: 'registry', LogicalResourceId: 'Artifacts' }),
  );
  const bucket = `arn:aws:s3:::${StackResourceDetail?.PhysicalResourceId}`;
  const allowed = async (policy: string, folder: string): Promise<string[]> => {
    const { EvaluationResults = [] } = await iam.send(
      new SimulateCustomPolicyCommand({
        PolicyInputList: [policy],
        ActionNames: ['s3:GetObject', 's3:GetObjectVersion', 's3:PutObject', 's3:DeleteObject'],
        ResourceArns: [`${bucket}/${folder}/source/0a1b2c3`],
      }),
    );
    return EvaluationResults.flatMap(({ EvalActionName = '', EvalDecision }) =>
      EvalDecision === 'allowed' ? [EvalActionName] : [],
    );
  };
  const reads = ['s3:GetObject', 's3:GetObjectVersion'];
  for (const { pipeline } of TIERS) {
    const [build, run] = [
      await policyOf(endpoint, pipeline, 'BuildRole'),
      await policyOf(endpoint, pipeline, 'PipelineRole'),
    ];
    for (const folder of [...TIERS.map((tier) => tier.pipeline), `${pipeline}-2`, 'import']) {
      const isOwn = folder === pipeline;
      expect([folder, await allowed(build, folder)]).toEqual([folder, isOwn ? reads : []]);
      expect([folder, await allowed(run, folder)]).toEqual([folder, isOwn ? [...reads, 's3:PutObject'] : []]);
    }
  }
}

/** CodePipeline shortens the name of a pipeline in its folder to 20 characters, to which a longer name has no right. */
async function checkLongName(endpoint: string): Promise<void> {
  const config = configOf(endpoint, HUB);
  const repositoryName = 'base/of-names';
  await new ECRClient(config).send(new CreateRepositoryCommand({ repositoryName }));
  const run = async (name: string): Promise<string> => {
    await createStack(new CloudFormationClient(config), {
      name,
      template: { body: await readFile('registry/pipeline.yaml', 'utf8') },
      parameters: {
        ...{ Repository: repositoryName, Dockerfile: 'base/alpine/Dockerfile', Candidate: 'true' },
        ...{ Parent: 'public.ecr.aws/docker/library/alpine', ParentTag: '3.24', SourceRepository: 'my-org/images' },
        ConnectionArn: `arn:aws:codeconnections:${HUB.region}:${HUB.account}:connection/0a1b2c3d`,
      },
    });
    const client = new CodePipelineClient(config);
    const { pipelineExecutionId } = await client.send(new StartPipelineExecutionCommand({ name }));
    for (;;) {
      const { pipelineExecution } = await client.send(
        new GetPipelineExecutionCommand({ pipelineName: name, pipelineExecutionId }),
      );
      const { status, statusSummary = '' } = pipelineExecution ?? {};
      if (status !== 'InProgress') return `${status} ${statusSummary}`;
      await sleep(100);
    }
  };
  expect(await run('pipeline-of-20-chars')).toMatch(/^Succeeded/);
  expect(await run('pipeline-with-21-char')).toMatch(
    /^Failed .*not authorized to perform: s3:PutObject .*\/pipeline-with-21-cha\/source\//,
  );
}
