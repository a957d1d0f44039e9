import type { ImageLocation, Registry } from '../../../shared/domain/image/image.ts';
import type { Pipeline } from '../../../shared/domain/policy/pipeline.ts';
import type { Mode, PolicyDocument } from '../../../shared/domain/policy/policy.ts';
import type { RolloutMode } from '../../../shared/domain/policy/rollout-mode.ts';
import { streamId } from '../../../shared/domain/stream/stream.ts';
import type { Dice } from './dice.ts';
import type { Feature, Features } from './features.ts';
import { namesFor } from './hostile.ts';

export type TrueTier = 'mirrored' | 'base' | 'platform' | 'application';
export type Architecture = 'amd64' | 'arm64';

/** The real behaviour of the pipeline of a stream, for every starter and every request. */
export interface Habits {
  /** Shares of its builds, from 0 to 1. */
  readonly fromCache: number;
  readonly fails: number;
  readonly hangs: number;
  readonly makesNothing: number;
  readonly waitsForApproval: number;
  /** It builds on what its parent was when the pipeline was written. */
  readonly pinsParent: boolean;
  readonly stampsVersions: boolean;
  readonly isReproducible: boolean;
  readonly hasFixedDate: boolean;
  readonly packsAnew: boolean;
  readonly tellsOutput: 'variable' | 'report' | 'label';
}

/** A stream as its team has it. */
export interface Line {
  readonly name: string;
  readonly tier: TrueTier;
  /** Name of the line that it is built on. */
  readonly on?: string;
  readonly location: ImageLocation;
  readonly stream: string;
  readonly architectures: readonly Architecture[];
  /** What its own layer installs; none where it only adds metadata. */
  readonly packages: readonly string[];
  readonly isMetadataOnly: boolean;
  readonly promotes: boolean;
  readonly rollout: RolloutMode;
  readonly pipeline: Pipeline;
  readonly habits: Habits;
  readonly services: number;
  /** Where its services run. */
  readonly runsIn: Registry;
  /** As its rule in the policy says; by default all heads of bases are watched. */
  readonly heads?: 'all' | 'in-use';
  /** How long old and new tasks run side by side in its deployments, in all steps; absent for rolling updates. */
  readonly bakeMinutes?: number;
}

export const HUB: Registry = { account: '111122223333', region: 'us-east-1' };
export const NEAR: Registry = { account: '444455556666', region: 'us-east-1' };
/** Where services may run beside: no image is kept there. */
export const AWAY: Registry = { account: '777788889999', region: 'us-east-1' };
export const HEAD_TAG = 'current';
export const HEAD_PATTERN = '^current$';

const POOL: Readonly<Record<TrueTier, readonly string[]>> = {
  mirrored: ['openssl', 'zlib'],
  base: ['openssl', 'zlib'],
  platform: ['node', 'icu'],
  application: ['lodash', 'axios'],
};

/** Its images are imported: no pipeline of the fleet builds them, and no base of the fleet gives them an age. */
export const isImported = ({ tier }: Pick<Line, 'tier'>): boolean => tier === 'mirrored';

/** All its heads are scanned, also where nothing that runs is built on them. */
export const isWatched = ({ tier, heads }: Line): boolean =>
  tier !== 'application' && tier !== 'mirrored' && (heads ?? (tier === 'base' ? 'all' : 'in-use')) === 'all';

/** Three to nine streams in three tiers, up to two that nothing uses, and perhaps the import that bases are built on. */
export function drawFleet(diceFor: (purpose: string) => Dice, features: Features): readonly Line[] {
  const lines = drawOwn(diceFor, features);
  if (!features.has('imports')) return lines;
  const name = 'upstream-1';
  const own = diceFor(`line ${name}`);
  const architectures = lines[0]?.architectures ?? ['amd64'];
  const drawn = drawLine({ tier: 'mirrored', name, dice: own, features, architectures });
  const upstream: Line = { ...drawn, habits: VENDORS, promotes: false, services: 0, isMetadataOnly: false };
  return [
    upstream,
    ...lines.map((line) => {
      const isOn = diceFor(`import below ${line.name}`).chance(0.8);
      if (line.tier !== 'base' || !isOn) return line;
      // It patches the packages of its parent.
      return { ...line, on: name, packages: [...new Set([...line.packages, ...upstream.packages])] };
    }),
  ];
}

const VENDORS: Habits = {
  ...{ fromCache: 0, fails: 0, hangs: 0, makesNothing: 0, waitsForApproval: 0 },
  ...{ pinsParent: false, stampsVersions: false, isReproducible: false, hasFixedDate: false, packsAnew: false },
  tellsOutput: 'variable',
};

function drawOwn(diceFor: (purpose: string) => Dice, features: Features): readonly Line[] {
  const dice = diceFor('fleet');
  const [bases, platforms, applications] = [dice.int(1, 2), dice.int(1, 3), dice.int(1, 4)];
  const architectures: readonly Architecture[] = features.has('indexes') ? ['amd64', 'arm64'] : ['amd64'];
  const lines: Line[] = [];
  const add = (tier: TrueTier, name: string): void => {
    const own = diceFor(`line ${name}`);
    const below = parentsFor(tier, lines);
    const on = below.length > 0 ? own.pick(below).name : undefined;
    lines.push(drawLine({ tier, name, dice: own, features, architectures, ...(on !== undefined && { on }) }));
  };
  for (let n = 1; n <= bases; n += 1) add('base', `base-${n}`);
  for (let n = 1; n <= platforms; n += 1) add('platform', `platform-${n}`);
  for (let n = 1; n <= applications; n += 1) add('application', `app-${n}`);
  if (!features.has('unused-heads')) return lines;
  features.note('unused-heads');
  // Drawn last: nothing else is built on them.
  add('base', 'base-3');
  add('platform', 'platform-4');
  return lines.map((line) => {
    const heads = diceFor(`heads of ${line.name}`).pick(['all', 'in-use', 'default', 'default'] as const);
    return line.tier === 'application' || heads === 'default' || line.name === 'base-3' ? line : { ...line, heads };
  });
}

/** Platforms are built on bases, now and then on another platform; applications on platforms, now and then on a base. */
function parentsFor(tier: TrueTier, lines: readonly Line[]): readonly Line[] {
  const [bases, platforms] = [
    lines.filter((one) => one.tier === 'base'),
    lines.filter((one) => one.tier === 'platform'),
  ];
  if (tier === 'base' || tier === 'mirrored') return [];
  return tier === 'platform' ? [...bases, ...bases, ...platforms] : [...platforms, ...platforms, ...bases];
}

interface Drawn {
  readonly tier: TrueTier;
  readonly name: string;
  readonly on?: string;
  readonly dice: Dice;
  readonly features: Features;
  readonly architectures: readonly Architecture[];
}

function drawLine({ tier, name, on, dice, features, architectures }: Drawn): Line {
  const home = tier === 'application' ? NEAR : HUB;
  const location = { ...home, repository: `fleet/${name}` };
  /** Draws whether or not the feature is there, so that the draws that follow are the same. */
  const has = (feature: Feature, share: number): boolean => {
    const isDrawn = dice.chance(share);
    return isDrawn && features.has(feature);
  };
  const own = dice.chance(0.5) ? POOL[tier] : POOL[tier].slice(0, 1);
  const isMetadataOnly = has('metadata-only', 0.5) && tier === 'platform';
  const doubled = has('package-in-two-tiers', 0.5) && tier !== 'base' ? ['openssl'] : [];
  const share = (feature: Feature, most: number): number => {
    const drawn = dice.pick([0.3, most]);
    return has(feature, 0.5) ? drawn : 0;
  };
  const habits: Habits = {
    fromCache: share('builds-from-cache', 1),
    fails: share('builds-fail', 1),
    hangs: share('builds-hang', 0.6),
    makesNothing: share('builds-make-nothing', 1),
    pinsParent: has('builds-pin-parents', 0.4) && on !== undefined,
    stampsVersions: has('builds-stamp-versions', 0.6),
    isReproducible: has('builds-reproducible', 0.6),
    hasFixedDate: has('fixed-dates', 0.6),
    packsAnew: has('layers-packed-anew', 0.5),
    waitsForApproval: 0,
    tellsOutput: has('outputs-reported', 0.5) ? 'report' : has('outputs-labelled', 0.5) ? 'label' : 'variable',
  };
  const promotes = has('candidates', 0.6) && tier !== 'application';
  const rollout = has('rollout-restart', 0.6)
    ? 'restart'
    : has('rollout-register', 0.7)
      ? 'register'
      : has('no-rollout', 0.5)
        ? 'none'
        : 'pipeline';
  const services = tier === 'application' ? dice.pick([1, 1, 1, 2, 0]) : 0;
  const [runsAway, isBuiltInHub] = [has('modes', 0.4), [has('modes', 0.4), has('account-caps', 0.4)].includes(true)];
  const waitsForApproval = share('approvals', 1);
  // Blue/green, canary, linear in ten steps.
  const bakeMinutes = dice.pick([15, 40, 240]);
  const bakes = has('blue-green', 0.7);
  const mayLeave = has('scopes-leave', 0.6);
  return {
    ...{ name, tier, location, architectures, isMetadataOnly, promotes, rollout },
    habits: { ...habits, waitsForApproval },
    ...(on !== undefined && { on }),
    stream: streamId(location, HEAD_PATTERN),
    packages: isMetadataOnly ? [] : [...own, ...doubled].map((one) => namesFor(features).package(one)),
    pipeline: { runner: 'codepipeline', ...(isBuiltInHub ? HUB : home), name, digestVariable: 'IMAGE_DIGEST' },
    services,
    runsIn: runsAway || mayLeave ? AWAY : NEAR,
    ...(bakes && { bakeMinutes }),
  };
}

/** Accounts and Regions that have anything of the fleet. */
export const homesOf = (lines: readonly Line[]): readonly Registry[] => [
  ...[HUB, NEAR],
  ...(lines.some(({ runsIn, services }) => runsIn === AWAY && services > 0) ? [AWAY] : []),
];

export const nameOf = (lines: readonly Line[], stream: string): string =>
  lines.find((line) => line.stream === stream)?.name ?? stream;

/** What the platform team changes in the policy while the fleet runs. */
export interface PolicyState {
  readonly mode: PolicyDocument['mode'];
  /** By name of line. */
  readonly modes: ReadonlyMap<string, Mode>;
  readonly tiers: ReadonlyMap<TrueTier, Mode>;
  readonly accounts: ReadonlyMap<string, Mode>;
  /** Of lines whose team has it otherwise by now. */
  readonly rollouts: ReadonlyMap<string, RolloutMode>;
  readonly waivers: NonNullable<PolicyDocument['waivers']>;
  /** The account where services may run beside is not of the fleet any more. */
  readonly isAwayLeft?: boolean;
  /** Another team keeps copies of images in repositories that the policy names. */
  readonly hasCopies?: boolean;
  /** Head tags as they read by now, by name of line. */
  readonly patterns?: ReadonlyMap<string, string>;
  /** Lines whose rule has another id and another owner. */
  readonly renamed?: ReadonlySet<string>;
  readonly areRulesReversed?: boolean;
  /** Lines that have no rule now. */
  readonly unruled?: ReadonlySet<string>;
}

/** Where copies lie: in the registry of the line, in another account, or in another Region. */
export const COPY_REGISTRIES = ['home', 'other-account', 'other-region'] as const;
export type CopyRegistry = (typeof COPY_REGISTRIES)[number];

/** Where another team keeps copies of the images of a line: by key most come before the repositories of the fleet. */
export function copiesOf({ location, tier, name }: Line, where: CopyRegistry): ImageLocation {
  const { account } = location.account === HUB.account ? NEAR : HUB;
  return {
    ...location,
    ...(where === 'other-account' && { account }),
    ...(where === 'other-region' && { region: 'eu-west-1' }),
    repository: `copies/${tier}-${name}`,
  };
}

const copyRules = (line: Line): PolicyDocument['streams'] =>
  COPY_REGISTRIES.map((where) => {
    const { account, region, repository } = copiesOf(line, where);
    return {
      ...{
        id: `copies-${line.name}-${where}`,
        tier: line.tier,
        account,
        regions: [region],
        repositories: [repository],
      },
      ...{ headTags: [HEAD_PATTERN], owner: 'team-copies', rollout: 'none' as const },
    };
  });

export const rolloutOf = ({ rollouts }: PolicyState, { name, rollout }: Line): RolloutMode =>
  rollouts.get(name) ?? rollout;

export interface FixedPolicy {
  readonly caps: NonNullable<PolicyDocument['caps']>;
  readonly guards: NonNullable<PolicyDocument['guards']>;
}

export const AGE_LIMIT_DAYS = 30;
export const RULE = 'no-critical';

export const policyOf = (lines: readonly Line[], fixed: FixedPolicy, state: PolicyState): PolicyDocument => ({
  version: 1,
  ...(state.mode && { mode: state.mode }),
  modes: { tiers: Object.fromEntries(state.tiers), accounts: Object.fromEntries(state.accounts) },
  scopes: homesOf(lines)
    .filter((home) => !state.isAwayLeft || home !== AWAY)
    .map(({ account, region }) => ({ account, regions: [region] })),
  ages: { default: { limitDays: AGE_LIMIT_DAYS } },
  streams: [...(state.hasCopies ? lines.flatMap(copyRules) : []), ...rulesOf(lines, state)],
  severities: [{ id: RULE, severities: ['critical'], graceDays: 0 }],
  waivers: [...state.waivers],
  ...fixed,
});

function rulesOf(lines: readonly Line[], state: PolicyState): PolicyDocument['streams'] {
  const rules = lines.filter(({ name }) => !state.unruled?.has(name)).map((line) => ruleOf(line, state));
  return state.areRulesReversed ? rules.reverse() : rules;
}

const ruleOf = (line: Line, state: PolicyState): PolicyDocument['streams'][number] => {
  const { name, tier, location, promotes, pipeline } = line;
  const mode = state.modes.get(name);
  const isRenamed = state.renamed?.has(name) === true;
  return {
    ...{
      id: isRenamed ? `${name}-renamed` : name,
      tier,
      account: location.account,
      regions: [location.region],
      promotes,
    },
    rollout: rolloutOf(state, line),
    ...{ repositories: [location.repository], headTags: [state.patterns?.get(name) ?? HEAD_PATTERN] },
    owner: isRenamed ? 'another-team' : `team-${name}`,
    ...(line.heads && { heads: line.heads }),
    ...(isImported(line)
      ? {}
      : { pipeline: { name, account: pipeline.account, region: pipeline.region, buildMinutes: 60 } }),
    ...(mode && { mode }),
  };
};
