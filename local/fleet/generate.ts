import {
  type DraftLine,
  type DraftScope,
  type ImageDraft,
  type RepositoryDraft,
  samplePolicy,
  scopesOf,
  someAccounts,
} from './draft.ts';
import { makePods, makeSchedules, makeWorkloads } from './generate-workloads.ts';
import { parseFleet } from './load.ts';
import { Random } from './random.ts';
import { BASE_PACKAGES, HISTORY_DAYS, RUNTIMES, someLibraries, someVulnerabilities, versionsAt } from './releases.ts';
import type { Fleet } from './schema.ts';

export interface GenerateOptions {
  readonly seed: number;
  /** 12 to 100,000 images, all versions counted. */
  readonly images: number;
  /** Tasks that run, at least 1. */
  readonly tasks: number;
  /** Left out: 2. At most 2,000. */
  readonly accounts?: number;
  /** Regions of each account, 1 to 6; left out: 2. */
  readonly regions?: number;
  /** Schedules that run the tasks of workloads at night. Left out: none. */
  readonly schedules?: number;
  /** Pods that run beside the tasks, on two EKS clusters. Left out: none, and no cluster. */
  readonly pods?: number;
}

const BOTH: ImageDraft['platforms'] = ['linux/amd64', 'linux/arm64'];
const APPS = [
  'api',
  'worker',
  'gateway',
  'ledger',
  'search',
  'checkout',
  'billing',
  'mailer',
  'catalog',
  'pricing',
] as const;

/**
 * A fleet of the usual shape: few bases and platforms in the hub with a moving tag each, many applications in all
 * accounts, each in some versions of which mostly the newest runs. The same options give the same fleet.
 *
 * @throws RangeError when an option is out of its range
 */
export function generateFleet(options: GenerateOptions): Fleet {
  const { seed, images: imageCount, tasks, accounts: accountCount = 2, regions = 2 } = options;
  const { pods = 0, schedules = 0 } = options;
  requireRange('images', imageCount, 12, 100_000);
  requireRange('tasks', tasks, 1, 1_000_000);
  requireRange('accounts', accountCount, 1, 2_000);
  requireRange('regions', regions, 1, 6);
  requireRange('pods', pods, 0, 100_000);
  requireRange('schedules', schedules, 0, 100_000);
  const random = new Random(seed);
  const accounts = someAccounts(accountCount, regions);
  const scopes = scopesOf(accounts);
  const [hub] = scopes;
  if (hub === undefined) throw new RangeError('a fleet needs an account');
  const bases = makeBases(random, hub, Math.max(2, Math.round(imageCount * 0.02)));
  const platforms = makePlatforms(random, hub, bases.images, Math.max(3, Math.round(imageCount * 0.08)));
  const rest = imageCount - bases.images.length - platforms.images.length - 1;
  const applications = makeApplications(random, scopes, platforms.images, rest);
  const proxy = makeProxy(hub);
  const workloads = makeWorkloads(random, scopes, applications.images, proxy, tasks);
  const onKubernetes = pods > 0 ? makePods(random, scopes, applications.images, pods) : {};
  return parseFleet(
    {
      name: `generated-${seed}`,
      seed,
      hub,
      organization: { id: 'o-a1b2c3d4e5' },
      accounts,
      vulnerabilities: someVulnerabilities(random, 60),
      repositories: [
        ...[...bases.lines, ...platforms.lines].map(({ repository }) => ({
          ...hub,
          name: repository,
          ownerTag: 'platform',
        })),
        { ...hub, name: proxy.repository },
        ...applications.repositories,
      ],
      images: [...bases.images, ...platforms.images, proxy, ...applications.images],
      clusters: scopes.map((scope) => ({ ...scope, name: 'main' })),
      workloads,
      ...(schedules > 0 && { schedules: makeSchedules(workloads, schedules) }),
      ...onKubernetes,
      policy: samplePolicy(accounts, { base: bases.lines, platform: platforms.lines }),
    },
    `the generated fleet of seed ${seed}`,
  );
}

interface Made {
  readonly lines: DraftLine[];
  readonly images: ImageDraft[];
}

/** Versions of one line: pushed at falling ages, each taking the moving tag from the one before. */
function versionsOf(count: number, perLine: number, make: (line: number, version: number) => ImageDraft): ImageDraft[] {
  return Array.from({ length: count }, (_, n) => make(Math.floor(n / perLine), n % perLine));
}

function makeBases(random: Random, hub: DraftScope, count: number): Made {
  const systems = ['debian', 'debian', 'alpine', 'distroless'] as const;
  const images = versionsOf(count, 4, (line, version) => {
    // Platforms are built on the first line too, so it is always Debian.
    const os = systems[line % systems.length] ?? 'debian';
    const createdDaysAgo = random.between(HISTORY_DAYS / (version + 2), HISTORY_DAYS / (version + 1));
    return {
      ...{
        name: `base-${os}-${line}-v${version}`,
        ...hub,
        repository: `base/${os}-${line}`,
        tags: ['current', `v${version}`],
      },
      os,
      platforms: [...(BOTH ?? [])],
      createdDaysAgo,
      pushedDaysAgo: createdDaysAgo,
      packages: versionsAt(BASE_PACKAGES[os], createdDaysAgo),
    };
  });
  return { images, lines: linesOf(images) };
}

function makePlatforms(random: Random, hub: DraftScope, bases: readonly ImageDraft[], count: number): Made {
  const debian = bases.filter(({ os }) => os === 'debian');
  const images = versionsOf(count, 5, (line, version) => {
    const runtime = RUNTIMES[line % RUNTIMES.length];
    if (runtime === undefined) throw new RangeError('no runtime');
    const parent = random.pick(debian);
    const createdDaysAgo = random.between(0.1, Math.min(parent.pushedDaysAgo, 120));
    return {
      ...{
        name: `platform-${runtime.name}-${line}-v${version}`,
        ...hub,
        repository: `platform/${runtime.name}-${line}`,
      },
      tags: ['current', `v${version}`],
      parent: parent.name,
      platforms: [...(BOTH ?? [])],
      createdDaysAgo,
      pushedDaysAgo: createdDaysAgo,
      packages: versionsAt([runtime], createdDaysAgo),
    };
  });
  return { images, lines: linesOf(images) };
}

function linesOf(images: readonly ImageDraft[]): DraftLine[] {
  return [...new Set(images.map(({ repository }) => repository))].map((repository) => ({
    repository,
    headTag: 'current',
  }));
}

function makeProxy(hub: DraftScope): ImageDraft {
  return {
    name: 'envoy',
    ...hub,
    repository: 'docker-hub/envoyproxy/envoy',
    tags: ['v1.31'],
    os: 'debian',
    ...{
      platforms: [...(BOTH ?? [])],
      createdDaysAgo: 17,
      pushedDaysAgo: 16,
      packages: versionsAt(BASE_PACKAGES.debian, 17),
    },
  };
}

function makeApplications(
  random: Random,
  scopes: readonly DraftScope[],
  platforms: readonly ImageDraft[],
  count: number,
) {
  const repositories: RepositoryDraft[] = [];
  const images: ImageDraft[] = [];
  while (images.length < count) {
    const n = repositories.length;
    const scope = random.pick(scopes);
    // One application in twenty has no owner: no rule of the policy names its repository.
    const folder = random.chance(0.05) ? 'sandbox' : 'apps';
    const app = `${random.pick(APPS)}-${n}`;
    repositories.push({ ...scope, name: `${folder}/${app}`, scanOnPush: random.chance(0.1) });
    const versions = Math.min(random.int(1, 4), count - images.length);
    for (let version = 0; version < versions; version += 1) {
      images.push(makeApplication(random, scope, `${folder}/${app}`, `${app}-v${version}`, random.pick(platforms)));
    }
  }
  return { repositories, images };
}

function makeApplication(
  random: Random,
  scope: DraftScope,
  repository: string,
  name: string,
  parent: ImageDraft,
): ImageDraft {
  const createdDaysAgo = random.between(0.01, Math.min(parent.pushedDaysAgo, 60));
  const platforms: ImageDraft['platforms'] = random.chance(0.1) ? [...(BOTH ?? [])] : [random.pick(BOTH ?? [])];
  return {
    name,
    ...scope,
    repository,
    tags: [`${random.hex(7)}-${random.int(1, 999)}`],
    parent: parent.name,
    platforms,
    layers: random.int(1, 3),
    packages: someLibraries(random, createdDaysAgo),
    createdDaysAgo,
    pushedDaysAgo: createdDaysAgo,
  };
}

function requireRange(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new RangeError(`${name} is ${value}; it must be a whole number from ${least} to ${most}`);
}
