import { CASES } from './difficult-cases.ts';
import { AGES, type Mixture } from './difficult-mixture.ts';
import { type DraftScope, type ImageDraft, place, samplePolicy, scopesOf, someAccounts } from './draft.ts';
import { parseFleet } from './load.ts';
import { Random } from './random.ts';
import { BASE_PACKAGES, RUNTIMES, someVulnerabilities, versionsAt } from './releases.ts';
import type { Fleet } from './schema.ts';

const MOST_IMAGES = 30;

/**
 * A small fleet, 8 to 30 images, that mixes at random what makes real fleets difficult: moved tags, indexes of all
 * kinds, copies, missing digests, implausible dates, archived and deleted images, registries and accounts out of reach.
 * The same seed gives the same fleet.
 */
export function generateDifficultFleet(seed: number): Fleet {
  const random = new Random(seed);
  const accounts = someAccounts(random.int(2, 3), random.int(1, 2)).map((account, n) =>
    // Only a third account may be out of reach: the fleet should still have something to read.
    n === 2 && random.chance(0.7) ? { ...account, memberRole: false } : account,
  );
  const mixture = mix(random, scopesOf(accounts));
  return parseFleet(
    {
      name: `difficult-${seed}`,
      seed,
      hub: mixture.hub,
      organization: { id: 'o-a1b2c3d4e5' },
      accounts,
      vulnerabilities: someVulnerabilities(random, random.int(0, 20)),
      registries: mixture.registries,
      repositories: [...mixture.repositories.values()],
      images: mixture.images,
      clusters: mixture.scopes.map((scope) => ({ ...scope, name: 'main' })),
      workloads: mixture.workloads,
      policy: samplePolicy(accounts, { base: [lineOf('base/debian')], platform: [lineOf('platform/runtime')] }),
    },
    `the difficult fleet of seed ${seed}`,
  );
}

function mix(random: Random, scopes: DraftScope[]): Mixture {
  const [hub] = scopes;
  if (hub === undefined) throw new RangeError('a fleet needs an account');
  const mixture: Mixture = {
    random,
    scopes,
    hub,
    platforms: [],
    images: [],
    workloads: [],
    registries: [],
    repositories: new Map(),
  };
  addLines(mixture);
  // A case adds two images at most.
  const aim = random.int(8, MOST_IMAGES - 1);
  while (mixture.images.length < aim) random.pick(CASES)(mixture);
  addEnhancedRegistry(mixture);
  return mixture;
}

/** Two versions of a base and of a platform, so that every application has something old or new to be built on. */
function addLines({ random, hub, images, platforms, repositories }: Mixture): void {
  for (const [n, age] of [300, random.pick([1, 8, 33])].entries()) {
    const base = line(`base-${n}`, age);
    const platform = line(`platform-${n}`, Math.min(age, random.pick(AGES)));
    images.push({
      ...base,
      ...place(repositories, hub, 'base/debian'),
      tags: ['current', `v${n}`],
      os: 'debian',
      packages: versionsAt(BASE_PACKAGES.debian, age),
    });
    platforms.push({
      ...platform,
      ...place(repositories, hub, 'platform/runtime'),
      tags: ['current', `v${n}`],
      parent: base.name,
      packages: versionsAt(RUNTIMES.slice(0, 1), platform.pushedDaysAgo),
    });
  }
  images.push(...platforms);
}

function line(name: string, age: number) {
  const platforms: ImageDraft['platforms'] = ['linux/amd64', 'linux/arm64'];
  return { name, platforms, createdDaysAgo: age, pushedDaysAgo: age };
}

function lineOf(repository: string) {
  return { repository, headTag: 'current' };
}

/** One registry besides the hub's may scan ENHANCED: then no image in it may have a basic scan behind it. */
function addEnhancedRegistry({ random, scopes, hub, images, registries }: Mixture): void {
  const scanned = images.filter(({ lastScannedDaysAgo }) => lastScannedDaysAgo !== undefined);
  const free = scopes.filter(
    (scope) => scope !== hub && !scanned.some((i) => i.account === scope.account && i.region === scope.region),
  );
  if (free.length > 0 && random.chance(0.4)) registries.push({ ...random.pick(free), scanType: 'ENHANCED' });
}
