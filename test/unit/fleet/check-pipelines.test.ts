import { FleetError, parseFleet } from '../../../local/fleet/load.ts';

const HUB = { account: '111122223333', region: 'us-east-1' };

/** A sound fleet with one pipeline, in which each case below breaks one thing. */
function problemsWith(pipeline: object, more: object = {}): string[] {
  const fleet = {
    name: 'sound',
    hub: HUB,
    organization: { id: 'o-a1b2c3d4e5' },
    accounts: [{ id: '111122223333', name: 'platform', regions: ['us-east-1'] }],
    repositories: [
      { ...HUB, name: 'base' },
      { ...HUB, name: 'app', tagMutability: 'IMMUTABLE' },
    ],
    images: [
      { name: 'base', ...HUB, repository: 'base', tags: ['12'], os: 'debian', pushedDaysAgo: 20 },
      { name: 'untagged', ...HUB, repository: 'base', os: 'debian', pushedDaysAgo: 20 },
      { name: 'app', ...HUB, repository: 'app', tags: ['1'], parent: 'base', pushedDaysAgo: 10 },
      { name: 'again', ...HUB, repository: 'app', tags: ['2'], cachedFrom: 'app', pushedDaysAgo: 9 },
      { name: 'empty', ...HUB, repository: 'base', tags: ['0'], os: 'debian', index: 'empty', pushedDaysAgo: 9 },
      {
        ...{ name: 'mixed', ...HUB, repository: 'app', tags: ['4'], parent: 'base', pushedDaysAgo: 10 },
        parentOn: { 'linux/amd64': 'untagged' },
      },
      { name: 'orphan', ...HUB, repository: 'app', tags: ['3'], parent: 'untagged', pushedDaysAgo: 10 },
    ],
    clusters: [{ ...HUB, name: 'main' }],
    workloads: [
      { name: 'web', ...HUB, cluster: 'main', kind: 'service', containers: [{ name: 'web', image: 'app' }] },
      { name: 'job', ...HUB, cluster: 'main', kind: 'standalone', containers: [{ name: 'web', image: 'app' }] },
    ],
    policy: {},
    ...more,
    pipelines: [{ name: 'app', ...HUB, builds: 'app', tags: ['c0ffee0-{build}'], ...pipeline }],
  };
  try {
    parseFleet(fleet, 'test.json');
  } catch (error) {
    if (error instanceof FleetError) return error.problems.map(({ path, message }) => `${path}: ${message}`);
    throw error;
  }
  return [];
}

test.each<[string, object]>([
  ['as it is', {}],
  ['from another place', { from: { ...HUB, repository: 'base', tag: '12' } }],
  ['on the very parent it had', { pinsParent: true }],
  ['from a parent without a tag, pinned', { builds: 'orphan', pinsParent: true }],
  ['that deploys', { deploys: [{ cluster: 'main', service: 'web' }] }],
  ['of a base', { builds: 'base', tags: ['12', '12-{build}'] }],
])('a pipeline %s is sound', (_name, pipeline) => {
  expect(problemsWith(pipeline)).toEqual([]);
});

test.each<[string, object, string]>([
  ['an image without that name', { builds: 'x' }, 'pipelines[0].builds: no image is named "x"'],
  [
    'a repeated build',
    { builds: 'again' },
    'pipelines[0].builds: "again" repeats the layers of "app" (cachedFrom). Name that image: only it can be built',
  ],
  [
    'a parent on a platform without a tag',
    { builds: 'mixed' },
    'pipelines[0].builds: "untagged" has no tag to build FROM',
  ],
  [
    'one place for a parent on each platform',
    { builds: 'mixed', from: { ...HUB, repository: 'base', tag: '12' } },
    'pipelines[0].from: "mixed" has parents by platform (parentOn), so one "from" cannot replace them; leave it out',
  ],
  ['an empty index', { builds: 'empty', tags: ['0'] }, 'pipelines[0].builds: the index of "empty" contains no image'],
  [
    'a parent without a tag',
    { builds: 'orphan' },
    'pipelines[0].from: "untagged" has no tag to build FROM. Give it a tag, or give "from"',
  ],
  [
    'a parent of an image from scratch',
    { builds: 'base', tags: ['12'], from: { ...HUB, repository: 'base', tag: '12' } },
    'pipelines[0].from: "base" is built from scratch; leave "from" out',
  ],
  [
    'a pinned parent of an image from scratch',
    { builds: 'base', tags: ['12'], pinsParent: true },
    'pipelines[0].pinsParent: "base" is built from scratch; leave "pinsParent" out',
  ],
  [
    'a tag that was never pushed',
    { from: { ...HUB, repository: 'base', tag: '13' } },
    'pipelines[0].from: no image was pushed to "111122223333/us-east-1/base" with the tag "13"',
  ],
  [
    'a moving and a pinned parent',
    { from: { ...HUB, repository: 'base', tag: '12' }, pinsParent: true },
    'pipelines[0].pinsParent: give either "from" or "pinsParent"',
  ],
  [
    'a moving tag where tags are immutable',
    { tags: ['c0ffee0-{build}', 'stable'] },
    'pipelines[0].tags[1]: every build pushes "stable", but tags of this repository are IMMUTABLE. Use {build} in the tag',
  ],
  [
    'a deployment of what is no service',
    { deploys: [{ cluster: 'main', service: 'job' }] },
    'pipelines[0].deploys[0]: no workload of kind "service" is "111122223333/us-east-1/main/job"',
  ],
  ['no tag', { tags: ['{number}'] }, 'pipelines[0].tags[0]: must be a tag that OCI allows'],
  [
    'a Region that is not enabled',
    { region: 'eu-west-1' },
    'pipelines[0].region: Region "eu-west-1" is not enabled in account "111122223333"',
  ],
])('%s is named with its JSON path', (_name, pipeline, problem) => {
  expect(problemsWith(pipeline)).toContain(problem);
});

test('only a service has another controller than ECS', () => {
  const containers = [{ name: 'web', image: 'app' }];
  const job = { name: 'job', ...HUB, cluster: 'main', kind: 'standalone', controller: 'CODE_DEPLOY', containers };
  expect(problemsWith({}, { workloads: [job] })).toContain(
    'workloads[0].controller: only a workload of kind "service" can have another controller than ECS',
  );
});
