import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FleetError, loadFleet, parseFleet } from '../../../local/fleet/load.ts';
import { policyAt } from '../../../local/fleet/policy.ts';
import { fleetJsonSchema } from '../../../local/fleet/schema.ts';
import { policySchema } from '../../../shared/domain/policy/policy.ts';
import { parse, safeParse } from '../../../shared/schema.ts';

const FLEET_FOLDER = fileURLToPath(new URL('../../../local/fleet/', import.meta.url));
const SMALL = join(FLEET_FOLDER, 'small.json');
const HUB = { account: '111122223333', region: 'us-east-1' };

/** A sound fleet; each case below breaks one thing in it. */
function sound() {
  return {
    name: 'sound',
    hub: HUB,
    organization: { id: 'o-a1b2c3d4e5' },
    accounts: [{ id: '111122223333', name: 'platform', regions: ['us-east-1'] }],
    registries: [] as object[],
    repositories: [
      { ...HUB, name: 'base' },
      { ...HUB, name: 'app', tagMutability: 'MUTABLE' },
    ],
    images: [
      { name: 'base', ...HUB, repository: 'base', tags: ['12'], os: 'debian', pushedDaysAgo: 20 },
      { name: 'app', ...HUB, repository: 'app', tags: ['1'], parent: 'base', pushedDaysAgo: 10 },
    ] as Record<string, unknown>[],
    clusters: [{ ...HUB, name: 'main' }],
    kubernetesClusters: [{ ...HUB, name: 'main' }] as Record<string, unknown>[],
    kubernetesWorkloads: [
      { name: 'web', ...HUB, cluster: 'main', kind: 'deployment', containers: [{ name: 'web', image: 'app' }] },
    ] as Record<string, unknown>[],
    workloads: [
      { name: 'web', ...HUB, cluster: 'main', kind: 'service', containers: [{ name: 'web', image: 'app' }] },
    ] as Record<string, unknown>[],
    doorAttempts: [
      { ...HUB, cluster: 'main', namespace: 'staging', image: 'app' },
      { ...HUB, cluster: 'main', image: 'base' },
    ] as Record<string, unknown>[],
    policy: {} as unknown,
  };
}

type Draft = ReturnType<typeof sound>;

function problemsAfter(breakIt: (fleet: Draft) => void): string[] {
  const fleet = sound();
  breakIt(fleet);
  try {
    parseFleet(fleet, 'test.json');
  } catch (error) {
    if (error instanceof FleetError) return error.problems.map(({ path, message }) => `${path}: ${message}`);
    throw error;
  }
  return [];
}

const change =
  (
    list: 'images' | 'workloads' | 'kubernetesClusters' | 'kubernetesWorkloads' | 'doorAttempts',
    index: number,
    changes: object,
  ) =>
  (fleet: Draft) => {
    fleet[list][index] = { ...fleet[list][index], ...changes };
  };
const container = (changes: object) => change('workloads', 0, { containers: [{ name: 'web', ...changes }] });

test('a sound fleet has no problem, and its defaults are filled in', () => {
  const fleet = parseFleet(sound(), 'test.json');
  expect(fleet.images[1]).toMatchObject({
    platforms: ['linux/amd64'],
    index: 'auto',
    mediaType: 'oci',
    archived: false,
  });
  expect(fleet.accounts[0]).toMatchObject({ memberRole: true, state: 'ACTIVE' });
  expect(fleet.workloads[0]).toMatchObject({ count: 1, architecture: 'amd64', startedDaysAgo: 0 });
});

const CASES: [name: string, breakIt: (fleet: Draft) => void, problem: string][] = [
  ['an unknown parent', change('images', 1, { parent: 'x' }), 'images[1].parent: no image is named "x"'],
  [
    'a cycle',
    change('images', 0, { parent: 'app', os: undefined, pushedDaysAgo: 10 }),
    'images[0].parent: these images are built on one another in a circle: base -> app -> base',
  ],
  [
    'an image that is its own parent',
    change('images', 1, { parent: 'app' }),
    'images[1].parent: these images are built on one another in a circle: app -> app',
  ],
  [
    'a platform the parent lacks',
    change('images', 1, { platforms: ['linux/amd64', 'linux/arm64'] }),
    'images[1].platforms: "base" (parent) has no linux/arm64',
  ],
  [
    'an unknown parent on a platform',
    change('images', 1, { parentOn: { 'linux/amd64': 'x' } }),
    'images[1].parentOn: no image is named "x"',
  ],
  [
    'a platform that its own parent lacks',
    change('images', 1, { platforms: ['linux/amd64', 'linux/arm64'], parentOn: { 'linux/arm64': 'base' } }),
    'images[1].platforms: "base" (parent) has no linux/arm64',
  ],
  [
    'a circle through a platform',
    (fleet) => {
      fleet.images[0] = { ...fleet.images[0], os: undefined, parent: 'other', parentOn: { 'linux/amd64': 'app' } };
      fleet.images.push({ name: 'other', ...HUB, repository: 'base', os: 'debian', pushedDaysAgo: 20 });
      fleet.images[1] = { ...fleet.images[1], pushedDaysAgo: 20 };
    },
    'images[0].parent: these images are built on one another in a circle: base -> app -> base',
  ],
  [
    'a parent on a platform of an image from scratch',
    change('images', 0, { parentOn: { 'linux/amd64': 'app' }, pushedDaysAgo: 10 }),
    'images[0].parentOn: "parentOn" needs "parent"',
  ],
  [
    'a parent without images',
    change('images', 0, { index: 'empty' }),
    'images[1].parent: the index of "base" has no image to build on',
  ],
  [
    'a child older than its parent',
    change('images', 1, { pushedDaysAgo: 30 }),
    'images[1].pushedDaysAgo: the image would be pushed before "base" (parent), which was pushed 20 days ago',
  ],
  [
    'another os than the parent',
    change('images', 1, { os: 'alpine' }),
    'images[1].os: "alpine", but the image is built on "base", whose os is "debian"',
  ],
  ['no os', change('images', 0, { os: undefined }), 'images[0].os: an image without a parent needs an os'],
  [
    'packages without a database',
    change('images', 0, { os: 'scratch', packages: { bash: '5' } }),
    'images[0].packages: os "scratch" has no package database, so it can have no packages',
  ],
  [
    'packages without a layer',
    change('images', 1, { layers: 0, packages: { bash: '5' } }),
    'images[1].packages: packages need a layer of their own, but "layers" is 0',
  ],
  [
    'a cached rebuild with a parent',
    change('images', 1, { cachedFrom: 'base' }),
    'images[1].parent: parent comes from "base" (cachedFrom); leave it out',
  ],
  [
    'two birth dates',
    change('images', 1, { created: '1970-01-01T00:00:00Z', createdDaysAgo: 1 }),
    'images[1].created: give either "created" or "createdDaysAgo"',
  ],
  [
    'a repository that is not listed',
    change('images', 1, { repository: 'gone' }),
    'images[1].repository: no repository "111122223333/us-east-1/gone" is listed in repositories',
  ],
  [
    'a copy into a repository that is not listed',
    change('images', 1, { copies: [{ ...HUB, repository: 'gone', tags: [] }] }),
    'images[1].copies[0].repository: no repository "111122223333/us-east-1/gone" is listed in repositories',
  ],
  [
    'a Docker image with annotations',
    change('images', 1, { mediaType: 'docker', annotations: { a: 'b' } }),
    'images[1].annotations: a Docker manifest has no annotations; use "oci"',
  ],
  ['an image listed twice', (f) => f.images.push({ ...f.images[1] }), 'images[2]: image "app" is already images[1]'],
  [
    'an immutable tag pushed twice',
    (f) => {
      f.repositories[1] = { ...HUB, name: 'app', tagMutability: 'IMMUTABLE' };
      f.images.push({ ...f.images[1], name: 'app-2', pushedDaysAgo: 5 });
    },
    'images[2].tags[0]: app and app-2 push "1", but tags of this repository are IMMUTABLE',
  ],
  [
    'a scan in an ENHANCED registry',
    (f) => {
      f.registries.push({ ...HUB, scanType: 'ENHANCED' });
      f.images[1] = { ...f.images[1], lastScannedDaysAgo: 1 };
    },
    'images[1].lastScannedDaysAgo: the registry of the image is ENHANCED and makes no basic scan',
  ],
  [
    'a workload on an unknown cluster',
    change('workloads', 0, { cluster: 'other' }),
    'workloads[0].cluster: no cluster "111122223333/us-east-1/other" is listed in clusters',
  ],
  [
    'a pod on a cluster of ECS',
    (fleet) => {
      fleet.kubernetesClusters = [];
    },
    'kubernetesWorkloads[0].cluster: no cluster "111122223333/us-east-1/main" is listed in kubernetesClusters',
  ],
  [
    'a pod on a cluster that is being created',
    change('kubernetesClusters', 0, { status: 'CREATING' }),
    'kubernetesWorkloads[0].cluster: "main" is being created, so nothing runs in it',
  ],
  [
    'a pod that no node can run',
    change('kubernetesClusters', 0, { nodes: [{ name: 'node-1', architecture: 'arm64' }] }),
    'kubernetesWorkloads[0].architecture: "main" has no amd64 node',
  ],
  [
    'a node that is named twice',
    change('kubernetesClusters', 0, { nodes: [{ name: 'node-1' }, { name: 'node-1' }] }),
    'kubernetesClusters[0].nodes: a node is named twice',
  ],
  [
    'a container that is named twice in a pod',
    change('kubernetesWorkloads', 0, { initContainers: [{ name: 'web', image: 'app' }] }),
    'kubernetesWorkloads[0]: a container is named twice',
  ],
  [
    'an unknown image in a pod',
    change('kubernetesWorkloads', 0, { containers: [{ name: 'web', image: 'x' }] }),
    'kubernetesWorkloads[0].containers[0].image: no image is named "x"',
  ],
  [
    'an image that was pushed after the pod started',
    change('kubernetesWorkloads', 0, { startedDaysAgo: 11 }),
    'kubernetesWorkloads[0].containers[0].image: "app" was pushed 10 days ago, after the workload started',
  ],
  [
    'a Kubernetes workload that is listed twice',
    (fleet) => fleet.kubernetesWorkloads.push({ ...fleet.kubernetesWorkloads[0] }),
    'kubernetesWorkloads[1]: workload "111122223333/us-east-1/main/default/deployment/web" is already kubernetesWorkloads[0]',
  ],
  [
    'a door of an EKS cluster that is not there',
    change('doorAttempts', 0, { cluster: 'other' }),
    'doorAttempts[0].cluster: no cluster "111122223333/us-east-1/other" is listed in kubernetesClusters',
  ],
  [
    'a door of an ECS cluster that is not there',
    change('doorAttempts', 1, { cluster: 'other' }),
    'doorAttempts[1].cluster: no cluster "111122223333/us-east-1/other" is listed in clusters',
  ],
  [
    'an unknown image at a door',
    change('doorAttempts', 0, { image: 'x' }),
    'doorAttempts[0].image: no image is named "x"',
  ],
  [
    'an image at a door behind which it runs in a pod',
    change('doorAttempts', 0, { namespace: 'default' }),
    'doorAttempts[0].image: "app" runs there already',
  ],
  [
    'an image at a door behind which it runs in a task',
    change('doorAttempts', 1, { image: 'app' }),
    'doorAttempts[1].image: "app" runs there already',
  ],
  ['an unknown image', container({ image: 'x' }), 'workloads[0].containers[0].image: no image is named "x"'],
  [
    'a tag the image does not carry',
    container({ image: 'app', tag: '2' }),
    'workloads[0].containers[0].tag: "app" does not have the tag "2"',
  ],
  [
    'a tag that had moved on',
    (f) => f.images.push({ ...f.images[1], name: 'app-2', pushedDaysAgo: 5 }),
    'workloads[0].containers[0].tag: "1" named "app-2", not "app", when the workload started 0 days ago; change "tag", "image" or "startedDaysAgo"',
  ],
  [
    'a reference by tag to an image without tags',
    change('images', 1, { tags: [] }),
    'workloads[0].containers[0].reference: "app" has no tag; set "reference" to "digest"',
  ],
  [
    'an image pushed after the start',
    change('workloads', 0, { startedDaysAgo: 15 }),
    'workloads[0].containers[0].image: "app" was pushed 10 days ago, after the workload started',
  ],
  [
    'an architecture the image lacks',
    change('workloads', 0, { architecture: 'arm64' }),
    'workloads[0].containers[0].image: "app" has no image for linux/arm64',
  ],
  [
    'a copy that is not there',
    container({ image: 'app', from: { ...HUB, repository: 'base' } }),
    'workloads[0].containers[0].from: "app" has no copy in "111122223333/us-east-1/base"',
  ],
  [
    'a sidecar of an unknown image',
    container({ digestOnly: 'x' }),
    'workloads[0].containers[0].digestOnly: no image is named "x"',
  ],
  [
    'a container of two forms',
    container({ image: 'app', external: 'nginx' }),
    'workloads[0].containers[0].external: is not a known field',
  ],
  [
    'two containers of one name',
    change('workloads', 0, {
      containers: [
        { name: 'web', image: 'app' },
        { name: 'web', image: 'app' },
      ],
    }),
    'workloads[0].containers[1]: container "web" is already workloads[0].containers[0]',
  ],
  [
    'an account that is not listed',
    (f) => f.clusters.push({ account: '999999999999', region: 'us-east-1', name: 'x' }),
    'clusters[1].account: no account has the id "999999999999"',
  ],
  [
    'a Region that is not enabled',
    (f) => {
      f.hub = { account: '111122223333', region: 'eu-west-1' };
    },
    'hub.region: Region "eu-west-1" is not enabled in account "111122223333"',
  ],
  ['an unknown key', change('images', 1, { parents: ['base'] }), 'images[1].parents: is not a known field'],
  ['a count of nothing', change('workloads', 0, { count: 0 }), 'workloads[0].count: must be more than 0'],
];

test.each(CASES)('%s is named with its JSON path', (_name, breakIt, problem) => {
  expect(problemsAfter(breakIt)).toContain(problem);
});

test('one error names every problem', () => {
  const problems = problemsAfter((fleet) => {
    change('images', 1, { parent: 'x' })(fleet);
    change('workloads', 0, { cluster: 'other' })(fleet);
  });
  expect(problems).toHaveLength(2);
});

test('the fleet of three tiers loads, and what its policy enforces has a pipeline that builds it', async () => {
  const fleet = await loadFleet(join(FLEET_FOLDER, 'tiers.json'));
  const { streams, mode } = parse(policySchema, policyAt(fleet, Date.now()));
  expect(mode).toBe('enforce');
  const enforced = streams.filter((rule) => rule.mode !== 'report-only').map(({ pipeline }) => pipeline?.name);
  expect(enforced.sort()).toEqual(fleet.pipelines.map(({ name }) => name).sort());
});

test('the small fleet loads, and its policy is one Patchwave accepts', async () => {
  const fleet = await loadFleet(SMALL);
  expect(fleet.images.length).toBeGreaterThanOrEqual(14);
  expect(fleet.workloads.length).toBeGreaterThanOrEqual(18);
  const policy = policyAt(fleet, Date.parse('2026-03-01T00:00:00Z'));
  expect(safeParse(policySchema, policy).problems).toBeUndefined();
  expect(policy.waivers).toMatchObject([
    { created: '2026-02-09', expires: '2026-04-30' },
    { created: '2026-02-19', expires: '2026-03-31' },
  ]);
});

test('fleet.schema.json is the one schema.ts describes (else run local/fleet/write-schema.ts)', async () => {
  expect(JSON.parse(await readFile(join(FLEET_FOLDER, 'fleet.schema.json'), 'utf8'))).toEqual(fleetJsonSchema());
});

describe('a file that cannot be read', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fleet-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const load = async (content: string) => {
    const file = join(folder, 'fleet.json');
    await writeFile(file, content);
    return loadFleet(file);
  };

  test('that is not JSON says so', async () => {
    await expect(load('{')).rejects.toThrow('(the whole file): cannot be read as JSON');
  });
  test('that is not there says so', async () => {
    await expect(loadFleet(join(folder, 'none.json'))).rejects.toThrow(FleetError);
  });
  test('that names no policy file says which', async () => {
    await expect(load(JSON.stringify({ ...sound(), policy: 'none.yaml' }))).rejects.toThrow(
      'policy: "none.yaml" cannot be read as YAML',
    );
  });
  test('that is no object says so', async () => {
    await expect(load('[]')).rejects.toThrow('must be an object');
  });
});

test('the fleet on the page about fleets is one', async () => {
  const page = await readFile(join(FLEET_FOLDER, 'README.md'), 'utf8');
  const [, json = ''] = /```json\n([\s\S]*?)```/.exec(page) ?? [];
  const document = JSON.parse(json);
  const small = await loadFleet(SMALL);
  expect(document.policy).toBe('small.policy.yaml');
  expect(parseFleet({ ...document, policy: small.policy }, 'README.md').name).toBe('two-images');
});
