/** Accounts with a known truth, as ECR, ECS and CodePipeline would show them, difficult cases included. */

import { createHash } from 'node:crypto';
import type { FleetFacts, PipelineFact, RepositoryFact, RepositoryImage, RunFact } from '../../cli/proposal/facts.ts';
import type { ProposedTier } from '../../cli/proposal/tiers.ts';
import { Random } from '../../local/fleet/random.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import { repositoryName } from '../../shared/domain/image/reference.ts';

const ACCOUNT = '111122223333';
const REGION = 'eu-west-1';
const DAY_MS = 86_400_000;
const NOW_EPOCH_MS = Date.parse('2026-11-28T00:00:00Z');
const DAYS = 120;

export interface Truth {
  /** `mirrored`: a copy of a vendor's image. */
  readonly tier: ProposedTier | 'mirrored';
  /** The repository that its newest image is built on. */
  readonly parent?: string;
  /** The release line of the parent. */
  readonly parentLine?: string;
}

export interface KnownAccount {
  readonly facts: FleetFacts;
  /** By name of the repository. */
  readonly truth: ReadonlyMap<string, Truth>;
}

interface Build {
  readonly digest: Digest;
  /** By architecture; an account without indexes has one. */
  readonly layers: readonly (readonly Digest[])[];
  readonly line: string;
  readonly day: number;
}

interface Made {
  readonly name: string;
  readonly tier: Truth['tier'];
  readonly builds: readonly Build[];
}

const ARCHITECTURES = ['amd64', 'arm64'] as const;

const digestOf = (text: string): Digest => `sha256:${createHash('sha256').update(text).digest('hex')}`;

/**
 * One account with some repositories. A tenth of the platforms and applications is flattened, so that no layer shows
 * their parent; some platforms keep their last two images only; some applications bear others; some platforms are not in
 * use; some repositories are copies of vendor images, and some are caches.
 */
export function knownAccount(repositories: number, seed: number): KnownAccount {
  const random = new Random(seed);
  const chance = (share: number): boolean => random.chance(share);
  const made: Made[] = [];
  const truth = new Map<string, Truth>();
  const facts: { repositories: RepositoryFact[]; runs: RunFact[]; pipelines: PipelineFact[] } = {
    ...{ repositories: [], runs: [], pipelines: [] },
  };
  // Every second account builds indexes of two architectures.
  const architectures = seed % 2 === 0 ? ARCHITECTURES : ARCHITECTURES.slice(0, 1);
  const isFoldered = seed % 3 !== 0;
  const named = (folder: string, name: string): string => (isFoldered && !chance(0.1) ? `${folder}/${name}` : name);
  const bases = Math.max(2, Math.round(repositories * 0.02));
  const platforms = Math.max(3, Math.round(repositories * 0.08));
  const copies = Math.round(repositories * 0.04);
  const caches = Math.round(repositories * 0.04);

  for (let n = 0; n < bases; n += 1) {
    const name = named('base', `${random.pick(['debian', 'alpine', 'ubi', 'amazonlinux'])}-${n}`);
    const lines = chance(0.5) ? ['11', '12'] : ['12'];
    add({ name, tier: 'base', parents: [], lines, everyDays: 7, isFlat: false });
  }
  for (let n = 0; n < platforms; n += 1) {
    const below = made.filter(({ tier }) => tier === 'base' || (tier === 'platform' && chance(0.15)));
    const name = named('platform', `${random.pick(['node', 'python', 'java', 'go', 'dotnet'])}-${n}`);
    const lines = chance(0.3) ? ['20', '22'] : ['22'];
    add({
      name,
      tier: 'platform',
      parents: below,
      lines,
      everyDays: 7,
      isFlat: chance(0.05),
      keeps: chance(0.1) ? 2 : 100,
    });
  }
  for (let n = 0; n < copies; n += 1) {
    const name = named(
      chance(0.5) ? 'third-party' : 'apps',
      `${random.pick(['redis', 'nginx', 'envoy', 'otel'])}-${n}`,
    );
    add({ name, tier: 'mirrored', parents: [], lines: ['7'], everyDays: 30, isFlat: false, runs: chance(0.8) });
  }
  for (let n = 0; n < caches; n += 1) {
    const name = `docker-hub/library/cached-${n}`;
    add({ name, tier: 'mirrored', parents: [], lines: ['1'], everyDays: 40, isFlat: false, runs: true });
  }
  const usedPlatforms = made.filter(({ tier }) => tier === 'platform').filter((_, at) => at % 12 !== 11);
  while (made.length < repositories) {
    const n = made.length;
    const name = named('apps', `${random.pick(['shop', 'pay', 'search', 'mail', 'stock', 'price'])}-${n}`);
    const onBase = chance(0.05) ? made.filter(({ tier }) => tier === 'base') : usedPlatforms;
    const onApplication = chance(0.03) ? made.filter(({ tier }) => tier === 'application') : [];
    const parents = onApplication.length > 0 ? onApplication : onBase;
    const everyDays = random.pick([2, 7, 20, 90]);
    add({ name, tier: 'application', parents, lines: [], everyDays, isFlat: chance(0.06), runs: chance(0.9) });
  }
  return {
    facts: {
      ...facts,
      areRunsComplete: true,
      caches: [{ account: ACCOUNT, region: REGION, prefix: 'docker-hub' }],
      unread: [],
    },
    truth,
  };

  interface Plan {
    readonly name: string;
    readonly tier: Truth['tier'];
    readonly parents: readonly Made[];
    readonly lines: readonly string[];
    readonly everyDays: number;
    readonly isFlat: boolean;
    /** How many images a lifecycle rule keeps. */
    readonly keeps?: number;
    readonly runs?: boolean;
  }

  function add({ name, tier, parents, lines, everyDays, isFlat, keeps = 100, runs = false }: Plan): void {
    const parent = parents.length > 0 ? random.pick(parents) : undefined;
    const parentLine = parent && random.pick([...new Set(parent.builds.map(({ line }) => line))]);
    const builds: Build[] = [];
    for (const line of lines.length > 0 ? lines : ['']) {
      for (let day = random.int(0, everyDays); day < DAYS; day += everyDays) {
        const below = parent?.builds.filter((one) => one.line === parentLine && one.day <= day).at(-1);
        if (parent && !below) continue;
        // Vendors rebuild their lowest layer once a month, and several bases take the same.
        const vendor = `vendor ${random.int(0, 3)} ${Math.floor(day / 30)}`;
        const layers = architectures.map((architecture, at) => {
          const own = ['first', 'second'].map((part) => digestOf(`${name} ${line} ${day} ${architecture} ${part}`));
          const under = parent ? (below?.layers[at] ?? []) : [digestOf(`${vendor} ${architecture}`)];
          return isFlat ? own.slice(0, 1) : [...under, ...own];
        });
        builds.push({ digest: digestOf(`${name} ${line} ${day}`), layers, line, day });
      }
    }
    made.push({ name, tier, builds });
    truth.set(name, { tier, ...(parent && { parent: parent.name }), ...(parentLine && { parentLine }) });
    const kept = [...builds].sort((one, other) => other.day - one.day).slice(0, keeps);
    const location = { account: ACCOUNT, region: REGION, repository: name };
    const first = Math.min(...builds.map(({ day }) => day), DAYS);
    const createdAtEpochMs = NOW_EPOCH_MS - (DAYS - first) * DAY_MS;
    const images = kept.flatMap((build): readonly RepositoryImage[] => {
      const isNewest = !kept.some((one) => one.line === build.line && one.day > build.day);
      const pushedAtEpochMs = NOW_EPOCH_MS - (DAYS - build.day) * DAY_MS;
      const tags = tagsOf(build, tier, isNewest);
      const contents = build.layers.map((layers) => ({ layers }));
      const [content] = contents;
      if (contents.length === 1) return [{ digest: build.digest, tags, pushedAtEpochMs, ...(content && { content }) }];
      const children = contents.map((each, at) => ({
        ...{ digest: digestOf(`${build.digest} ${at}`), tags: [], pushedAtEpochMs, content: each },
        platform: `linux/${architectures[at]}` as const,
      }));
      const index = children.map(({ digest, platform }) => ({ digest, platform }));
      return [
        { digest: build.digest, tags, pushedAtEpochMs, children: index },
        ...children.map(({ platform: _, ...one }) => one),
      ];
    });
    facts.repositories.push({
      ...location,
      createdAtEpochMs,
      resourceTags: chance(0.8) ? { Owner: `team-${random.int(0, 9)}` } : {},
      images,
    });
    const [newest] = kept;
    if (!newest) return;
    if (runs) {
      const tag = images[0]?.tags.at(-1);
      facts.runs.push({ workload: name, reference: `${repositoryName(location)}:${tag}`, digest: newest.digest });
    }
    const isBuilt = tier !== 'mirrored' && chance(0.85);
    const pushed = chance(0.8) ? kept.slice(0, 3).map(({ digest }) => digest) : [];
    const pipeline = pushed.length > 0 ? `build-${made.length}` : (name.split('/').at(-1) ?? '');
    if (isBuilt) facts.pipelines.push({ account: ACCOUNT, region: REGION, name: pipeline, pushed });
  }

  function tagsOf({ line, day, digest }: Build, tier: Truth['tier'], isNewest: boolean): readonly string[] {
    if (tier !== 'application') return [...(isNewest ? [line] : []), `${line}-${day}`];
    return [`${digest.slice(7, 14)}-${day}`, ...(isNewest ? ['stable'] : [])];
  }
}
