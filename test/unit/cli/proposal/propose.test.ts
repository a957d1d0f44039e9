import { type FleetFacts, isDecided, type PipelineFact, type RepositoryFact } from '../../../../cli/proposal/facts.ts';
import { propose } from '../../../../cli/proposal/propose.ts';
import { proposedPolicy } from '../../../../cli/proposal/render.ts';
import { parsePolicy } from '../../../../shared/domain/policy/policy-document.ts';
import { MOST_HOSTILE } from '../../../support/hostile.ts';
import { digestOf as digestNamed } from '../../../support/samples.ts';

const PLACE = { account: '111122223333', region: 'eu-west-1' };
const HOST = '111122223333.dkr.ecr.eu-west-1.amazonaws.com';

const digestOf = (number: number) => digestNamed(String(number));
const chain = (layers: readonly number[]) => layers.map((each) => digestOf(each));

interface Sample {
  readonly layers?: readonly number[];
  readonly tags?: readonly string[];
  readonly resourceTags?: Readonly<Record<string, string>>;
  readonly digest?: number;
  readonly region?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

let count = 0;
const repository = (name: string, sample: Sample = {}): RepositoryFact => {
  const {
    layers = [],
    tags = ['1', '1-1'],
    resourceTags = { Owner: 'web' },
    digest,
    region = PLACE.region,
    labels,
  } = sample;
  count += 1;
  return {
    ...{ ...PLACE, region, repository: name, resourceTags },
    images: [
      {
        digest: digestOf(digest ?? 1000 + count),
        tags,
        pushedAtEpochMs: count,
        content: { layers: chain(layers), ...(labels && { labels }) },
      },
    ],
  };
};
const facts = (repositories: readonly RepositoryFact[], changes: Partial<FleetFacts> = {}): FleetFacts => ({
  ...{ repositories, runs: [], pipelines: [], caches: [], unread: [], areRunsComplete: true },
  ...changes,
});
const runsOf = (...names: readonly string[]) =>
  names.map((name) => ({ workload: name, reference: `${HOST}/${name}:1`, digest: digestOf(1) }));
const pipeline = (name: string, ...pushed: readonly RepositoryFact[]): PipelineFact => ({
  ...PLACE,
  name,
  pushed: pushed.flatMap(({ images }) => images.map(({ digest }) => digest)),
});

/** A base, a platform on it, and three applications that run. */
function threeTiers() {
  const base = repository('base/debian', { layers: [1, 2] });
  const platform = repository('platform/node', { layers: [1, 2, 3] });
  const apps = ['apps/web', 'apps/shop', 'apps/pay'].map((name, at) =>
    repository(name, { layers: [1, 2, 3, 10 + at] }),
  );
  return { base, platform, apps, all: [base, platform, ...apps], runs: runsOf('apps/web', 'apps/shop', 'apps/pay') };
}

test('three tiers: what layers and use show is certain, and a base is not', () => {
  const { base, all, runs } = threeTiers();
  const { rules } = propose(facts(all, { runs, pipelines: [pipeline('debian-build', base)] }));
  expect(
    rules.map(({ id, tier, parent }) => [id, tier.value, tier.certainty, isDecided(parent) && parent.value]),
  ).toEqual([
    ['base-debian', 'base', 'likely', false],
    ['platform-node', 'platform', 'certain', 'base-debian'],
    ['apps-web', 'application', 'certain', 'platform-node'],
    ['apps-shop', 'application', 'certain', 'platform-node'],
    ['apps-pay', 'application', 'certain', 'platform-node'],
  ]);
  expect(rules[0]?.pipeline).toMatchObject({ value: { name: 'debian-build' }, certainty: 'certain' });
});

test('where a cluster could not be read, a platform is not taken for one that does not run', () => {
  const { all, runs } = threeTiers();
  const { rules } = propose(facts(all, { runs, areRunsComplete: false, unread: ['a cluster could not be read'] }));
  expect(rules.find(({ id }) => id === 'platform-node')?.tier.certainty).toBe('likely');
});

test('an image that two others are built on may be an application that they are variants of', () => {
  const { base, platform, apps, runs } = threeTiers();
  const { rules } = propose(
    facts([base, platform, ...apps.slice(0, 2)], { runs, pipelines: [pipeline('debian', base)] }),
  );
  expect(rules.find(({ id }) => id === 'platform-node')?.tier).toMatchObject({
    value: 'platform',
    certainty: 'likely',
  });
});

test('neighbours of the name that are all applications leave a platform among them open', () => {
  const { base, all, runs } = threeTiers();
  const odd = repository('apps/node', { layers: [1, 2, 5] });
  const onOdd = ['a', 'b', 'c'].map((name, at) => repository(`more/${name}`, { layers: [1, 2, 5, 30 + at] }));
  const { open } = propose(
    facts([...all, odd, ...onOdd], {
      runs: [...runs, ...runsOf('more/a', 'more/b', 'more/c')],
      pipelines: [pipeline('debian', base)],
    }),
  );
  expect(open).toContainEqual(
    expect.objectContaining({
      resource: '111122223333/eu-west-1/apps/node',
      field: 'tier',
      reason: expect.stringMatching(/speaks for platform; but 3/),
    }),
  );
});

test('a copy of a vendor image that runs is an open question, not an application', () => {
  const { rules, open } = propose(facts([repository('redis', { layers: [7, 8] })], { runs: runsOf('redis') }));
  expect(rules).toEqual([]);
  expect(open).toEqual([
    expect.objectContaining({
      resource: '111122223333/eu-west-1/redis',
      field: 'tier',
      reason: expect.stringMatching(/copy of a vendor image/),
    }),
  ]);
});

test('an application that others are built on is open, unless its neighbours tell; no rule names it as a parent', () => {
  const { all, runs } = threeTiers();
  const worker = repository('apps/web-worker', { layers: [1, 2, 3, 10, 11] });
  const withWorker = facts([...all, worker], { runs: [...runs, ...runsOf('apps/web-worker')] });
  const { rules } = propose(withWorker);
  expect(rules.find(({ id }) => id === 'apps-web')?.tier).toMatchObject({ value: 'application', certainty: 'likely' });
  expect(rules.find(({ id }) => id === 'apps-web-worker')?.parent).toEqual({
    reason: expect.stringMatching(/built on apps\/web, for which no base or platform is proposed/),
  });
  const alone = propose({
    ...withWorker,
    repositories: withWorker.repositories.filter((one) => !/apps\/(shop|pay)/.test(one.repository)),
  });
  expect(alone.open).toContainEqual(
    expect.objectContaining({ field: 'tier', reason: expect.stringMatching(/application or platform/) }),
  );
});

test('a parent that is in two repositories is no parent for sure; a replica in another Region is', () => {
  const { base, all, runs } = threeTiers();
  const copyOf = (name: string, region?: string) =>
    repository(name, { layers: [1, 2, 3], digest: 1000 + count - 2, ...(region && { region }) });
  const platform = all[1] as RepositoryFact;
  const copy = { ...copyOf('copies/node'), images: platform.images };
  const doubled = propose(facts([...all, copy], { runs, pipelines: [pipeline('debian', base)] }));
  expect(doubled.rules.filter(({ parent }) => isDecided(parent) && parent.value === 'platform-node')).toEqual([]);
  expect(doubled.open.map(({ resource }) => resource)).toEqual(
    expect.arrayContaining(['111122223333/eu-west-1/apps/web', '111122223333/eu-west-1/apps/shop']),
  );
  const replica = { ...copyOf('platform/node', 'us-east-1'), images: platform.images };
  const replicated = propose(facts([...all, replica], { runs, pipelines: [pipeline('debian', base)] }));
  const web = replicated.rules.find(({ id }) => id === 'apps-web');
  expect(web?.parent).toMatchObject({ value: 'platform-node', certainty: 'certain' });
});

test('a label alone makes a parent likely', () => {
  const { base, runs } = threeTiers();
  const flat = repository('platform/flat', {
    layers: [20],
    labels: { 'org.opencontainers.image.base.name': `${HOST}/base/debian:1` },
  });
  const app = repository('apps/web', { layers: [20, 21] });
  const { rules } = propose(facts([base, flat, app], { runs, pipelines: [pipeline('debian', base)] }));
  expect(rules.find(({ id }) => id === 'platform-flat')).toMatchObject({
    tier: { value: 'platform', certainty: 'likely' },
    parent: { value: 'base-debian', certainty: 'likely' },
  });
});

test('several pipelines that push a repository, and several owners, are open questions', () => {
  const { all, apps, runs } = threeTiers();
  const [web] = apps;
  if (!web) throw new Error('there is an application');
  const owned = { ...web, resourceTags: { Owner: 'web', team: 'shop' } };
  const { rules, open } = propose(
    facts([...all.filter((one) => one !== web), owned], {
      runs,
      pipelines: [pipeline('one', web), pipeline('two', web)],
    }),
  );
  expect(rules.find(({ id }) => id === 'apps-web')).toMatchObject({
    owner: { reason: expect.any(String) },
    pipeline: { reason: expect.any(String) },
  });
  const reasons = open.filter(({ resource }) => resource.endsWith('apps/web')).map(({ reason }) => reason);
  expect(reasons).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/several pipelines.*one, two/),
      expect.stringMatching(/Owner=web, team=shop/),
    ]),
  );
});

test('two release lines of a platform are two rules, and a child names the one that it is built on', () => {
  const base = repository('base/debian', { layers: [1, 2] });
  const platform: RepositoryFact = {
    ...repository('platform/node'),
    images: [
      { digest: digestOf(501), tags: ['22', '22-9'], pushedAtEpochMs: 1, content: { layers: chain([1, 2, 3]) } },
      { digest: digestOf(502), tags: ['20', '20-4'], pushedAtEpochMs: 1, content: { layers: chain([1, 2, 4]) } },
    ],
  };
  const app = repository('apps/web', { layers: [1, 2, 4, 9] });
  const { rules } = propose(
    facts([base, platform, app], { runs: runsOf('apps/web'), pipelines: [pipeline('debian', base)] }),
  );
  expect(rules.map(({ id }) => id)).toEqual(['base-debian', 'platform-node-20', 'platform-node-22', 'apps-web']);
  expect(rules.at(-1)?.parent).toMatchObject({ value: 'platform-node-20', certainty: 'certain' });
});

test('hostile tags of repositories and reasons of AWS add no line and no character of their own to the policy', () => {
  const { base, apps, all, runs } = threeTiers();
  const [web] = apps;
  if (!web) throw new Error('there is an application');
  const owner = `x${MOST_HOSTILE}`.slice(0, 120);
  const hostile = { ...web, resourceTags: { team: owner } };
  const unread = [`a cluster could not be read: ${MOST_HOSTILE}\nmode: enforce`];
  const text = proposedPolicy(
    propose(
      facts([...all.filter((one) => one !== web), hostile], { runs, unread, pipelines: [pipeline('debian', base)] }),
    ),
    [{ account: PLACE.account, regions: [PLACE.region] }],
  );
  expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  const policy = parsePolicy(text);
  expect(policy.mode).toBe('report-only');
  expect(policy.streams.find(({ id }) => id === 'apps-web')?.owner).toBe(owner);
});

test('nothing at all: a valid policy without streams', () => {
  const policy = parsePolicy(proposedPolicy(propose(facts([])), [{ account: PLACE.account, regions: [PLACE.region] }]));
  expect(policy.streams).toEqual([]);
});

test('a cache is named once, without the slash at its end; one without a prefix is an open question', () => {
  const own = { account: PLACE.account, prefix: 'docker-hub' };
  const caches = [
    { ...PLACE, prefix: 'docker-hub/' },
    { ...PLACE, region: 'us-east-1', prefix: 'docker-hub' },
    { ...PLACE, prefix: 'ROOT' },
  ];
  const cached = repository('docker-hub/library/debian', { layers: [1] });
  const { mirrors, open, rules } = propose(facts([cached], { caches }));
  expect(mirrors).toEqual([own]);
  expect(rules).toEqual([]);
  expect(open).toEqual([
    expect.objectContaining({
      resource: `${PLACE.account}/eu-west-1`,
      field: 'tier',
      reason: expect.stringContaining('any'),
    }),
  ]);
});

test.each(['Owner\n  - {}', 'owner\u0085#', 'team\u2028:'])(
  'the key %j of a tag adds no line to the evidence, and a value too long for an owner is none',
  (key) => {
    const { base, platform, apps, runs } = threeTiers();
    const named = { ...platform, resourceTags: { [key]: 'web' } };
    const unnamed = { ...base, resourceTags: { owner: 'x'.repeat(129) } };
    const proposal = propose(facts([unnamed, named, ...apps], { runs, pipelines: [pipeline('debian', base)] }));
    const yaml = proposedPolicy(proposal, [{ account: PLACE.account, regions: [PLACE.region] }]);
    const { streams } = parsePolicy(yaml);
    expect(streams.map(({ owner }) => owner)).toEqual(['unassigned', 'web', 'web', 'web', 'web']);
    expect(yaml.split(/[\n\u0085\u2028]/).filter((line) => /^ *[-#:]? *(?:\{\})? of the/.test(line))).toEqual([]);
  },
);
