import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { UsageError } from '../../../../cli/errors.ts';
import { policyInitFor } from '../../../../cli/proposal/policy-init.ts';
import { readFacts } from '../../../../cli/proposal/read-facts.ts';
import type { ProposalSources } from '../../../../cli/proposal/sources.ts';
import type { Artifact, Digest } from '../../../../shared/domain/image/image.ts';
import { parsePolicy } from '../../../../shared/domain/policy/policy-document.ts';
import { digestOf } from '../../../support/samples.ts';

const ACCOUNT = '111122223333';
const PLACE = { account: ACCOUNT, region: 'eu-west-1' };
const HOST = `${ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com`;

const denied = (action: string): never => {
  throw Object.assign(new Error(`not authorized to perform: ${action}`), { name: 'AccessDeniedException' });
};

const LAYERS: Readonly<Record<string, readonly string[]>> = {
  'base/debian': ['1', '2'],
  'platform/node': ['1', '2', '3'],
  'apps/web': ['1', '2', '3', '4'],
};

/** An account with three tiers, each listed on a page of its own. */
const account = (changes: Partial<ProposalSources> = {}): ProposalSources => ({
  registry: {
    async *images({ repository }) {
      yield [{ digest: digestOf(repository), tags: ['1', '1-1'], pushedAtEpochMs: 1, archived: false }];
    },
    manifests: async ({ repository }, digests) => ({
      found: digests.map(
        (digest): Artifact => ({
          ...{ kind: 'image', digest, mediaType: '', configDigest: digestOf('config'), annotations: {} },
          layers: (LAYERS[repository] ?? []).map(digestOf),
        }),
      ),
      missing: [],
    }),
    config: async () => ({ labels: {} }),
  },
  workloads: [
    {
      async *clusters() {
        yield { ...PLACE, cluster: 'shop' };
        yield { ...PLACE, cluster: 'other' };
      },
      async *tasks({ cluster }) {
        const containers = [{ name: 'app', image: `${HOST}/apps/web:1` }];
        if (cluster === 'shop') yield [{ workloadKind: 'ecs-service', workload: 'web', containers }];
      },
    },
  ],
  async *repositories() {
    for (const repository of Object.keys(LAYERS)) yield [{ repository }];
  },
  resourceTags: async () => ({ team: 'web' }),
  caches: async () => ['docker-hub'],
  async *pipelines() {
    yield ['debian'];
    yield ['node'];
  },
  pushedBy: async (_, name): Promise<readonly Digest[]> => (name === 'debian' ? [digestOf('base/debian')] : []),
  ...changes,
});

let folder: string;
let text: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'patchwave-policy-'));
  text = '';
  jest.spyOn(process.stdout, 'write').mockImplementation((piece) => {
    text += String(piece);
    return true;
  });
  jest.spyOn(process.stderr, 'write').mockReturnValue(true);
});
afterEach(async () => {
  jest.restoreAllMocks();
  await rm(folder, { recursive: true });
});

const init = (flags: Readonly<Record<string, string | boolean>>, sources = account(), json = false) =>
  policyInitFor({ positionals: ['init'], flags, json }, { region: PLACE.region }, async () => ({
    account: ACCOUNT,
    sources,
  }));

test('every page is read, and the policy on standard output can be applied', async () => {
  expect(await init({})).toBe(0);
  const policy = parsePolicy(text);
  expect(policy).toMatchObject({ mode: 'report-only', scopes: [{ account: ACCOUNT, regions: ['eu-west-1'] }] });
  expect(policy.streams.map(({ id, tier, parents, owner }) => [id, tier, parents, owner])).toEqual([
    ['base-debian', 'base', undefined, 'web'],
    ['platform-node', 'platform', ['base-debian'], 'web'],
    ['apps-web', 'application', ['platform-node'], 'web'],
  ]);
  expect(policy.mirrors).toEqual([{ account: ACCOUNT, repositories: ['docker-hub/*'] }]);
  expect(text).toMatch(/tier: application # certain: its images run; built on platform\/node/);
});

test('what AWS refuses is named once, and costs nothing else', async () => {
  const sources = account({
    resourceTags: async () => denied('ecr:ListTagsForResource'),
    async *pipelines() {
      yield denied('codepipeline:ListPipelines');
    },
  });
  const facts = await readFacts(sources, [PLACE], () => undefined);
  expect(facts.repositories).toHaveLength(3);
  expect(facts.areRunsComplete).toBe(true);
  expect(facts.unread).toEqual([
    expect.stringMatching(/tags of repositories could not be read \(3 times\).*ecr:ListTagsForResource/),
    expect.stringMatching(/pipelines could not be read.*codepipeline:ListPipelines/),
  ]);
});

test('a cluster that refuses leaves the others, and no container is then known not to run', async () => {
  const [source] = account().workloads;
  if (!source) throw new Error('there is a source');
  const refusing = {
    ...source,
    tasks: (cluster: Parameters<typeof source.tasks>[0]) =>
      cluster.cluster === 'other' ? denied('ecs:ListTasks') : source.tasks(cluster),
  };
  const facts = await readFacts(account({ workloads: [refusing] }), [PLACE], () => undefined);
  expect(facts.runs).toHaveLength(1);
  expect(facts.areRunsComplete).toBe(false);
});

test('a place that was read does not make up for one before it that was not', async () => {
  const [source] = account().workloads;
  if (!source) throw new Error('the account has no source');
  const refusing = {
    ...source,
    clusters: (place: Parameters<typeof source.clusters>[0]) =>
      place.region === PLACE.region ? denied('ecs:ListClusters') : source.clusters(place),
  };
  const places = [PLACE, { ...PLACE, region: 'us-east-1' }];
  const facts = await readFacts(account({ workloads: [refusing] }), places, () => undefined);
  expect(facts.areRunsComplete).toBe(false);
});

test('any other error is no open question', async () => {
  const broken = account({
    caches: async () => {
      throw Object.assign(new Error('Rate exceeded'), { name: 'ThrottlingException' });
    },
  });
  await expect(init({}, broken)).rejects.toThrow('Rate exceeded');
});

test('--output writes a file once, and --force again', async () => {
  const output = join(folder, 'proposed.yaml');
  await init({ output });
  expect(text).toBe('');
  expect(parsePolicy(await readFile(output, 'utf8')).streams).toHaveLength(3);
  await writeFile(output, 'mine');
  await expect(init({ output })).rejects.toThrow(/exists, and was not changed/);
  expect(await readFile(output, 'utf8')).toBe('mine');
  await init({ output, force: true });
  expect(await readFile(output, 'utf8')).not.toBe('mine');
});

test.each([
  ['a folder that does not exist', 'none/proposed.yaml', /cannot be written \(ENOENT\)/],
  ['a folder', '.', /is a folder\. Name a file in it/],
  ['a file of another', 'mine.yaml', /exists, and was not changed/],
  ['below a file', 'mine.yaml/proposed.yaml', /cannot be written \(ENOTDIR\)/],
])('--output of %s is refused before anything is read', async (_, name, says) => {
  await writeFile(join(folder, 'mine.yaml'), 'mine');
  const unread = async (): Promise<never> => {
    throw new Error('an account was read');
  };
  const args = { positionals: ['init'], flags: { regions: 'eu-west-1', output: join(folder, name) }, json: false };
  await expect(policyInitFor(args, {}, unread)).rejects.toThrow(says);
});

test('--json counts what is proposed and has each open question', async () => {
  await init({}, account(), true);
  expect(JSON.parse(text)).toMatchObject({
    rules: 3,
    certain: 1,
    withParent: 2,
    withPipeline: 2,
    open: [{ field: 'pipeline' }],
  });
});

test.each([
  [{ accounts: '1' }, /--accounts is "1"/],
  [{ accounts: '444455556666' }, /--accounts and --role together/],
  [{ role: 'Auditor' }, /--accounts and --role together/],
  [{ regions: 'Ireland' }, /--regions is "Ireland"/],
])('%j is refused before anything is read', async (flags, message) => {
  const connect = jest.fn<() => Promise<never>>();
  const run = policyInitFor({ positionals: ['init'], flags, json: false }, { region: 'eu-west-1' }, connect);
  await expect(run).rejects.toThrow(UsageError);
  await expect(run).rejects.toThrow(message);
  expect(connect).not.toHaveBeenCalled();
});
