/** Re-derives each sentence that the demo prints, by plain SDK calls. A sentence that no check knows fails. */

import { readFile } from 'node:fs/promises';
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { CloudWatchClient, DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch';
import { CodePipelineClient, paginateListPipelineExecutions } from '@aws-sdk/client-codepipeline';
import { DescribeServicesCommand, ECSClient } from '@aws-sdk/client-ecs';
import { GetRoleCommand, IAMClient } from '@aws-sdk/client-iam';
import { DescribeExecutionCommand, paginateListExecutions, SFNClient } from '@aws-sdk/client-sfn';
import type { DemoResult } from '../../../local/demo/result.ts';
import { SUMMARY_LINES } from '../../../local/demo/summary.ts';
import type { Fleet } from '../../../local/fleet/schema.ts';
import { DOOR_CHECKS } from './doors.ts';
import { scanOf } from './registry.ts';
import type { Home, RunningPlace } from './running.ts';
import { configOf } from './running.ts';
import { type Page, pageOf } from './story-page.ts';
import { type Sighting, StoryWorld } from './story-world.ts';

const STORY_LINES = 40;
const DAY_MS = 86_400_000;

export interface Told {
  readonly world: StoryWorld;
  readonly fleet: Fleet;
  readonly result: DemoResult;
  readonly page: Page;
}

/** The story has its lines, beside those that say for what the demo waits; the result has its own; none comes late. */
export function checkLimits(page: Page): void {
  const waiting = page.story.filter((sentence) => sentence.text.startsWith('Still waits for '));
  expect(page.storyLines - waiting.reduce((sum, { lines }) => sum + lines, 0)).toBeLessThanOrEqual(STORY_LINES);
  expect(page.resultLines).toBeLessThanOrEqual(SUMMARY_LINES);
  expect(page.longestSilenceSeconds).toBeLessThanOrEqual(10);
}

/** Checks the limits of the story and of the result, and each of their sentences. */
export async function checkStory(text: string, result: DemoResult, endpoint: string, fleet: Fleet): Promise<void> {
  const page = pageOf(text);
  checkLimits(page);
  const told: Told = { world: await StoryWorld.of(endpoint, fleet), fleet, result, page };
  const [title, description] = page.title;
  expect([title, description]).toEqual([`Patchwave in a local AWS, with the fleet "${fleet.name}"`, fleet.description]);
  for (const sentence of [...page.story.map((one) => one.text), ...page.result]) await checkSentence(sentence, told);
}

type Check = (told: Told, ...groups: string[]) => Promise<void> | void;

async function checkSentence(sentence: string, told: Told): Promise<void> {
  // With two cascades, a sentence begins with the name of its own.
  const [, cascadeId, text = sentence] = /^([0-9a-f]{12}-g\d+): (.*)$/.exec(sentence) ?? [];
  if (cascadeId !== undefined) await execution(told, cascadeId);
  for (const [pattern, check] of CHECKS) {
    const match = pattern.exec(text);
    if (!match) continue;
    try {
      await check(told, ...match.slice(1).map((group) => group ?? ''));
    } catch (error) {
      throw new Error(`The demo says what the SDK does not: ${sentence}`, { cause: error });
    }
    return;
  }
  throw new Error(`No check knows this sentence of the demo: ${sentence}`);
}

/** `a, b and 2 others`: the names. */
const namesIn = (text: string): string[] => text.split(/, | and /).filter((name) => !/^\d+ others?$/.test(name));

const ends = { SUCCEEDED: 'done' } as const;

async function execution({ result, fleet, world }: Told, cascadeId: string) {
  const { executionArn } = result.act.cascades.find((one) => one.cascadeId === cascadeId) ?? {};
  const found = await new SFNClient(configOf(world.endpoint, fleet.hub)).send(
    new DescribeExecutionCommand({ executionArn }),
  );
  expect(found.name).toBe(cascadeId);
  return found;
}

const each =
  (check: (told: Told, name: string, ...others: string[]) => Promise<void> | void): Check =>
  async (told, names = '', ...others) => {
    for (const name of namesIn(names)) await check(told, name, ...others);
  };

/** Some image of each name, whether it runs or not. */
const someImage = (test: (image: Sighting, told: Told, ...groups: string[]) => Promise<boolean> | boolean): Check =>
  each(async (told, name, ...groups) => {
    const images = await told.world.imagesNamed(name);
    const tested = await Promise.all(images.map((image) => test(image, told, ...groups)));
    expect({ name, holds: tested.includes(true) }).toEqual({ name, holds: true });
  });

const hasFinding = async ({ home, digest }: Sighting, { world }: Told, vulnerability = ''): Promise<boolean> =>
  home !== undefined && (await world.findings(home, digest)).includes(vulnerability);

const isOlder = (created: number | undefined, days: string): boolean =>
  created !== undefined && Date.now() - created > Number(days) * DAY_MS;

/** The scan that AWS reports is not complete; an image in no registry has none. */
const isNotScanned = async ({ home, digest }: Sighting, { world }: Told): Promise<boolean> =>
  home === undefined || (await scanOf(world.endpoint, home, digest)).status !== 'COMPLETE';

const hasNoDate = ({ made }: Sighting, { world }: Told): boolean =>
  [made, ...(made ? world.below(made) : [])].some((one) => (one?.createdEpochMs ?? 0) < Date.UTC(2013, 0, 1));

const modeOf = ({ fleet }: Told, home: Home | undefined): string | undefined => {
  const { streams = [], mode } = fleet.policy as unknown as { streams?: PolicyStream[]; mode?: string };
  const rule = streams.find((one) => home !== undefined && covers(one, home));
  return rule && (rule.mode ?? mode);
};

interface PolicyStream {
  readonly account: string;
  readonly regions: readonly string[];
  readonly repositories: readonly string[];
  readonly headTags: readonly string[];
  readonly mode?: string;
}

const covers = ({ account, regions, repositories }: PolicyStream, home: Home): boolean =>
  account === home.account &&
  regions.includes(home.region) &&
  repositories.some((glob) => new RegExp(`^${glob.replaceAll('*', '[^/]*')}$`).test(home.repository));

const onlyReports = each((told, name) => {
  const modes = told.world.homesNamed(name).map((home) => modeOf(told, home));
  expect({ name, modes: new Set(modes) }).toEqual({ name, modes: new Set(['report-only']) });
});

/** The pipeline of a stream ran for Patchwave: its executions, the last one first. */
async function runsOf({ fleet, world, result }: Told, name: string) {
  const homes = world.homesNamed(name);
  const { pipeline } =
    result.act.rebuilds.find(({ stream }) =>
      homes.some(({ account, region, repository }) => stream.startsWith(`${account}/${region}/${repository}:`)),
    ) ?? {};
  const place: RunningPlace = pipeline ?? fleet.hub;
  const client = new CodePipelineClient(configOf(world.endpoint, place));
  const runs = [];
  for await (const page of paginateListPipelineExecutions({ client }, { pipelineName: pipeline?.name }))
    runs.push(...(page.pipelineExecutionSummaries ?? []));
  return runs.filter(({ trigger }) => trigger?.triggerDetail?.includes('PatchwaveActBuild'));
}

const isRebuilt = each(async (told, name) => {
  const runs = await runsOf(told, name);
  expect({ name, statuses: runs.map(({ status }) => status) }).toEqual({ name, statuses: ['Succeeded'] });
});

/** The order of a plan: a pipeline starts after those of the part before have ended. */
const planned: Check = async (told, cascadeId = '', parts = '') => {
  await execution(told, cascadeId);
  let endedBefore = 0;
  for (const part of parts.split('; then ')) {
    const runs = (await Promise.all(namesIn(part).map((name) => runsOf(told, name)))).flat();
    expect(runs.length).toBeGreaterThanOrEqual(namesIn(part).length);
    const starts = runs.map(({ startTime }) => startTime?.getTime() ?? 0);
    expect(Math.min(...starts)).toBeGreaterThanOrEqual(endedBefore);
    endedBefore = Math.max(...runs.map(({ lastUpdateTime }) => lastUpdateTime?.getTime() ?? 0));
  }
};

/** The newest image of each platform has it no more, by a complete scan. */
const isGone = each(async ({ world }, name, vulnerability = '') => {
  const heads = await world.newest(name);
  expect(heads.length).toBeGreaterThan(0);
  for (const { home, digest } of heads) {
    expect(await scanOf(world.endpoint, home, digest)).toMatchObject({ status: 'COMPLETE' });
    expect(await world.findings(home, digest)).not.toContain(vulnerability);
  }
});

const stillHas = each(async ({ world }, name, vulnerability = '') => {
  const heads = await world.newest(name);
  for (const { home, digest } of heads) expect(await world.findings(home, digest)).toContain(vulnerability);
  const digests = new Set(heads.map(({ digest }) => digest));
  expect(world.runningNamed(name).filter((one) => digests.has(one.digest))).toEqual([]);
});

/** Every container of a service runs a newest image of its repository. */
const runsNew = each(async ({ world, fleet }, service) => {
  const running = world.runningIn(service);
  expect({ service, runs: running.length > 0 }).toEqual({ service, runs: true });
  const repositories = new Set(running.flatMap(({ home }) => home?.repository ?? []));
  const newest = (await Promise.all([...repositories].map((name) => world.newest(name)))).flat();
  const digests = newest.map(({ digest }) => digest);
  expect(running.some(({ digest }) => digests.includes(digest))).toBe(true);
  if (service.includes('/')) return;
  const [workload] = fleet.workloads.filter(({ name, kind }) => name === service && kind === 'service');
  const { account, region, cluster } = workload ?? { ...fleet.hub, cluster: 'sample' };
  const { services = [] } = await new ECSClient(configOf(world.endpoint, { account, region })).send(
    new DescribeServicesCommand({ cluster, services: [service] }),
  );
  expect(services[0]?.deployments?.map(({ rolloutState }) => rolloutState)).toEqual(['COMPLETED']);
});

const fails: Check = async (told, cascadeId = '', error = '', names = '', alarm = '') => {
  const found = await execution(told, cascadeId);
  expect(found).toMatchObject({ status: 'FAILED', error });
  for (const name of namesIn(names)) expect(found.cause).toContain(name);
  const { MetricAlarms = [] } = await new CloudWatchClient(configOf(told.world.endpoint, told.fleet.hub)).send(
    new DescribeAlarmsCommand({ AlarmNames: [alarm] }),
  );
  const machine = found.stateMachineArn;
  expect(MetricAlarms).toMatchObject([
    { MetricName: 'ExecutionsFailed', Threshold: 0, Dimensions: [{ Name: 'StateMachineArn', Value: machine }] },
  ]);
};

const memberRole = async ({ world, fleet, result }: Told, account = ''): Promise<void> => {
  expect(result.act.admitted).toContain(account);
  const { Role } = await new IAMClient(configOf(world.endpoint, { account, region: fleet.hub.region })).send(
    new GetRoleCommand({ RoleName: 'PatchwaveRead' }),
  );
  const [first] = result.act.reviews;
  const review = await new SFNClient(configOf(world.endpoint, fleet.hub)).send(
    new DescribeExecutionCommand({ executionArn: first?.executionArn }),
  );
  expect(Role?.CreateDate?.getTime()).toBeGreaterThan((review.stopDate?.getTime() ?? 0) - 1000);
};

/** All that runs of a stream is its newest image. */
const noOldRuns = each(async ({ world }, name) => {
  const newest = new Set((await world.newest(name)).map(({ digest }) => digest));
  expect(world.runningNamed(name).filter(({ digest }) => !newest.has(digest))).toEqual([]);
});

/** Something that runs is an old image of it, or has the layers of one below its own. */
const oldRuns = each(async ({ world }, name) => {
  const newest = new Set((await world.newest(name)).map(({ digest }) => digest));
  const old = (await world.imagesNamed(name)).filter(({ digest, made }) => made && !newest.has(digest));
  const layers = (await world.runningMade()).map((made) => made.layers.join());
  const isRun = old.some(({ made }) => layers.some((one) => one.startsWith(made?.layers.join() ?? '-')));
  expect({ name, isRun }).toEqual({ name, isRun: true });
});

const reviews: Check = async ({ world, fleet, result }, ordinal = '') => {
  const [arn = ''] = result.act.reviews.map(({ executionArn }) => executionArn);
  const stateMachineArn = arn.replace(':execution:', ':stateMachine:').replace(/:[^:]+$/, '');
  const client = new SFNClient(configOf(world.endpoint, fleet.hub));
  let count = 0;
  for await (const { executions = [] } of paginateListExecutions({ client }, { stateMachineArn }))
    count += executions.filter(({ status }) => status === 'SUCCEEDED').length;
  expect(count).toBe(result.act.reviews.length);
  expect(['First', 'Second', 'Third', 'Fourth'].indexOf(ordinal)).toBeLessThan(count);
};

const deployed: Check = async ({ world, fleet }) => {
  const { Stacks = [] } = await new CloudFormationClient(configOf(world.endpoint, fleet.hub)).send(
    new DescribeStacksCommand({ StackName: 'patchwave' }),
  );
  expect(Stacks[0]?.StackStatus).toMatch(/^(CREATE|UPDATE)_COMPLETE$/);
};

/** Of the running images: the row of the result that names one has what is wrong with it. */
const risk: Check = async (told, names = '', what = '', why = '') => {
  const wrong = RISKS.find(([pattern]) => pattern.test(what));
  if (!wrong) throw new Error(`No check knows this reason: ${what}`);
  for (const name of namesIn(names)) {
    const running = told.world.runningNamed(name);
    const groups = wrong[0].exec(what)?.slice(1) ?? [];
    const tested = await Promise.all(running.map(async (one) => wrong[1](await told.world.seen(one), told, ...groups)));
    expect({ name, what, holds: tested.includes(true) }).toEqual({ name, what, holds: true });
    await checkWhy(told, name, why);
  }
};

const RISKS: readonly [RegExp, (image: Sighting, told: Told, ...groups: string[]) => Promise<boolean> | boolean][] = [
  [/^(CVE-[\d-]+)(?: and \d+ more)?$/, hasFinding],
  [/^older than (\d+) days(?: and \d+ more)?$/, ({ made }, _told, days = '') => isOlder(made?.createdEpochMs, days)],
  [
    /^built on an old image(?: and \d+ more)?$/,
    ({ made }, { world }) => made !== undefined && world.below(made).length > 0,
  ],
  [/^unknown, (?:not scannable|no scan result) \([a-z-]+\)(?: and \d+ more)?$/, isNotScanned],
  [/^unknown, age not known(?: and \d+ more)?$/, hasNoDate],
];

/** Something that runs is built on an image that is older than the limit of the policy. */
async function standsOnOld({ world, fleet }: Told, name: string): Promise<boolean> {
  const { default: limit } = fleet.policy.ages as { readonly default: { readonly limitDays: number } };
  const running = await Promise.all(world.runningNamed(name).map((one) => world.seen(one)));
  return running.some(
    ({ made }) =>
      made && world.below(made).some(({ createdEpochMs }) => isOlder(createdEpochMs, String(limit.limitDays))),
  );
}

async function checkWhy(told: Told, name: string, why: string): Promise<void> {
  const homes = told.world.homesNamed(name);
  const rules = (told.fleet.policy.streams as unknown as PolicyStream[]).filter((rule) =>
    homes.some((home) => covers(rule, home)),
  );
  if (why === 'its policy only reports') await onlyReports(told, name);
  else if (why === 'not in the policy') expect(rules).toEqual([]);
  else if (why === 'its tags match no rule') expect(rules.length).toBeGreaterThan(0);
  else if (why === 'its build pins an old parent') {
    const images = told.fleet.images.filter((image) => image.repository === name).map((image) => image.name);
    const pipelines = told.fleet.pipelines.filter(({ builds }) => images.includes(builds));
    expect(pipelines.map(({ pinsParent }) => pinsParent)).toEqual([true]);
  } else if (why === 'nothing is planned' || why === 'that image must be rebuilt first') {
    const open = told.result.act.answers.filter(({ stream }) => stream.includes(`/${name}:`));
    expect(open).toEqual([]);
    if (why === 'that image must be rebuilt first') expect(await standsOnOld(told, name)).toBe(true);
  } else expect(why).toBe('');
}

const rebuilt: Check = async ({ world }, name = '', before = '', after = '') => {
  const images = await world.digestsNamed(name);
  for (const digest of [before, after]) expect(images.filter((one) => one.startsWith(digest)).length).toBe(1);
  expect((await world.tagged(name)).filter((one) => one.startsWith(after)).length).toBeGreaterThan(0);
};

const sums: Check = ({ world, result }, good = '', found = '', bad = '') => {
  const running = new Set(world.running.map(({ digest }) => digest));
  expect(result.images.map(({ digest }) => digest).filter((digest) => !running.has(digest))).toEqual([]);
  expect(Number(good) + Number(bad)).toBe(Number(found));
  expect(result.images).toHaveLength(Number(found));
};

/** The picture has each stream of the first cascade as planned, in its wave. */
const drawn: Check = async ({ result }, file = '') => {
  const texts = [...(await readFile(file, 'utf8')).matchAll(/<text[^>]*>([^<]*)/g)].map(([, text]) => text);
  const nodes = result.act.cascades[0]?.nodes ?? [];
  const shown = nodes.map(({ stream }) => {
    const name = stream.split('/').slice(2).join('/');
    return { name, mark: texts[texts.indexOf(name) + 1]?.split(' · ')[0] };
  });
  const expected = nodes.map(({ stream, wave }) => ({
    name: stream.split('/').slice(2).join('/'),
    mark: `wave ${wave + 1}`,
  }));
  expect(nodes.length).toBeGreaterThan(0);
  expect(shown).toEqual(expected);
};

const faultOf: Check = someImage(hasFinding);

/** The policy of the samples warns at 80 % of 30 days. */
const isNearItsLimit = someImage(({ made }) => isOlder(made?.createdEpochMs, '24'));

/** Some image of it has the layers of an image of the parent that is not the newest one. */
const onOldParent = each(async ({ world }, name, parent = '') => {
  const newest = new Set((await world.newest(parent)).map(({ digest }) => digest));
  const parents = (await world.imagesNamed(parent)).map(({ digest }) => digest).filter((digest) => !newest.has(digest));
  const images = (await world.imagesNamed(name)).flatMap(({ made }) => (made ? [made] : []));
  const isBuilt = images.some((made) => world.below(made).some(({ digest }) => parents.includes(digest)));
  expect({ name, parent, isBuilt }).toEqual({ name, parent, isBuilt: true });
});

/** Each platform of its newest image has below it only newest images. */
const onNewParents = each(async ({ world }, name) => {
  for (const { home, digest } of await world.newest(name)) {
    const { made } = await world.seen({ home, digest, group: '' });
    const below = made ? world.below(made) : [];
    expect(below.length).toBeGreaterThan(0);
    for (const one of below) {
      const newest = (await world.newest(one.home.repository)).map((image) => image.digest);
      expect(newest).toContain(one.digest);
    }
  }
});

const isYoung = each(async ({ world }, name) => {
  for (const { home, digest } of await world.newest(name)) {
    const { made } = await world.seen({ home, digest, group: '' });
    expect(isOlder(made?.createdEpochMs ?? 0, '1')).toBe(false);
  }
});

const CHECKS: readonly [RegExp, Check][] = [
  ...DOOR_CHECKS,
  [/^Bundles Patchwave's functions$/, () => undefined],
  [/^Starts a local AWS \(files and log: (\S+)\)$/, ({ result }, dir) => expect(result.kept?.stateDir).toBe(dir)],
  [
    /^Creates the fleet: (\d+) repositor(?:y|ies), (\d+) images?, (\d+) workloads?$/,
    ({ fleet, world }, repositories, images, workloads) => {
      expect(world.homes.length).toBe(Number(repositories));
      expect(fleet.images.length).toBe(Number(images));
      expect(fleet.workloads.length + fleet.kubernetesWorkloads.length).toBe(Number(workloads));
    },
  ],
  [/^Creates the fleet: an account with nothing in it$/, ({ fleet }) => expect(fleet.repositories).toEqual([])],
  [/^Deploys template\.yaml, member-account\.yaml and the policy$/, deployed],
  [
    /^Deploys registry\.yaml and pipeline\.yaml, whose pipelines build three tiers$/,
    ({ world }) => expect(world.homes.length).toBeGreaterThanOrEqual(3),
  ],
  [/^(\w+) review: (?:which images run, and what is wrong with them|does an old image still run)\?$/, reviews],
  [
    /^(\d+) containers run (\d+) images?: (\d+) in order, (\d+) against the policy, (\d+) unknown$/,
    ({ result }, containers, images, good, bad, unknown) => {
      expect(Number(containers)).toBeGreaterThan(0);
      const [first] = result.act.reviews;
      expect(first?.outcomes).toMatchObject({
        compliant: Number(good),
        violating: Number(bad),
        unknown: Number(unknown),
      });
      expect(Number(good) + Number(bad) + Number(unknown)).toBe(Number(images));
    },
  ],
  [/^Could not read account (\d{12}): what runs there is not known$/, memberRole],
  [/^Lets Patchwave read account (\d{12}) too, where old images may run$/, memberRole],
  [
    /^(.+): (CVE-[\d-]+) in (\S+)$/,
    async (told, names, vulnerability) => faultOf(told, names ?? '', vulnerability ?? ''),
  ],
  [/^(.+): older than (\d+) days$/, someImage(({ made }, _told, days = '') => isOlder(made?.createdEpochMs, days))],
  [
    /^(.+): built on an image older than (\d+) days$/,
    someImage(
      ({ made }, { world }, days = '') =>
        made !== undefined && world.below(made).some((one) => isOlder(one.createdEpochMs, days)),
    ),
  ],
  [/^(.+): age not known, so unknown$/, someImage(hasNoDate)],
  [/^(.+): (?:not scannable|no scan result) \([a-z-]+\), so unknown$/, someImage(isNotScanned)],
  [
    /^(\d+) other reasons?: the end of the demo names each image$/,
    ({ result, page }) => expect(result.atRisk.length > 0 && page.result.length > 0).toBe(true),
  ],
  [/^Leaves alone (.+): its policy only reports$/, onlyReports],
  [/^The picture of the plan is in (\S+)$/, drawn],
  [/^(.+) (?:is|are) at fault: (CVE-[\d-]+)(?: and \d+ more)?$/, faultOf],
  [/^(.+) (?:is|are) at fault: near or over its age limit$/, isNearItsLimit],
  [/^at fault {2}(.+): an age near or over the limit$/, isNearItsLimit],
  [/^Not fixed, so not deployed: (.+) (?:is|are) still built on an old image of (\S+)$/, onOldParent],
  [/^Verified (.+): (?:the new image is|the new images are) young$/, isYoung],
  [/^Verified (.+): (?:it is|they are) built on the new parent images?$/, onNewParents],
  [/^(.+) (?:is|are) built on an old image of (\S+)$/, onOldParent],
  [/^Plan (\S+) rebuilds (.+)$/, planned],
  [/^Rebuilds (.+) in (?:its team's pipeline|their teams' pipelines)$/, isRebuilt],
  [/^Verified (.+): (CVE-[\d-]+)(?: and \d+ more)? is gone$/, isGone],
  [/^Not fixed, so not deployed: (.+) still (?:has|have) (CVE-[\d-]+)(?: and \d+ more)?$/, stillHas],
  [/^Deploys the new image to (.+)$/, runsNew],
  [
    /^Plan (\S+) is done$/,
    async (told, cascadeId = '') => expect(ends).toHaveProperty((await execution(told, cascadeId)).status ?? ''),
  ],
  [/^Plan (\S+) ends as (\w+), because of (.+)\. The alarm (\S+) would ring$/, fails],
  [/^Proven: no old image of (.+) runs any more$/, noOldRuns],
  [/^Containers still run old images of (.+), or images that are built on them$/, oldRuns],
  [/^Still waits for .+$/, () => undefined],
  [/^Also at risk at the end$/, ({ result }) => expect(result.atRisk.length).toBeGreaterThan(0)],
  [/^Result: (\d+) of (\d+) images? in use (?:is|are) in order, (\d+) (?:is|are) still at risk$/, sums],
  [
    /^Result: the one image in use is in order$/,
    ({ result }) => expect([result.found, result.atRisk]).toEqual([1, []]),
  ],
  [/^at fault {2}(.+): (CVE-[\d-]+) in \S+ \S+(?: and \d+ more)?$/, faultOf],
  [/^rebuilt {2}(\S+) +(sha256:[0-9a-f]{12}) -> (sha256:[0-9a-f]{12})$/, rebuilt],
  [/^(?:at risk {2})?(.+): fixed; images without the fix still run$/, oldRuns],
  [/^at risk {2}nothing$/, ({ result }) => expect(result.atRisk).toEqual([])],
  [/^(?:rebuilt|at risk) {2}and \d+ more: see (?:above|`--verbose`)$/, ({ page }) => expect(page.hasList).toBe(true)],
  [/^(?:at risk {2}|risk: )(.+): (unknown, .+)$/, risk],
  [/^(?:at risk {2}|risk: )(.+): (.+); (.+)$/, risk],
  [
    /^see more {2}npm run patchwave -- (?:status|why (sha256:[0-9a-f]{12}))$/,
    ({ world }, digest) =>
      expect(digest === '' || world.running.some((one) => one.digest.startsWith(digest ?? ''))).toBe(true),
  ],
  // Last, as it takes any name.
  [/^(.+) (?:runs|run) the new image$/, runsNew],
];
