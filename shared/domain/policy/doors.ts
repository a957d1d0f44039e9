import * as v from '../../schema.ts';
import { matchesAnyGlob } from '../common/glob.ts';
import type { Cluster, Usage } from '../image/usage.ts';
import { hasClusterScope } from '../image/workload-kind.ts';
import { ADD_ON_NAMESPACES } from './add-on-namespaces.ts';
import { account, glob, region, some } from './policy-parts.ts';

/** What a door does with an image that the policy refuses: nothing, tell the person, or keep it from starting. */
export const DOOR_MODES = ['off', 'warn', 'deny'] as const;
const mode = v.picklist(DOOR_MODES);

/** What a door that denies does while Patchwave cannot decide. */
export const ON_UNREACHABLE = ['refuse', 'allow'] as const;
const onUnreachable = v.optional(v.picklist(ON_UNREACHABLE));

/** The clusters of an account, Region and name, and namespaces in them, that have a mode of their own. */
const doorRule = v.strictObject({
  accounts: v.optional(some(account)),
  regions: v.optional(some(region)),
  clusters: v.optional(some(glob)),
  /** Of EKS only: a rule with namespaces names no ECS cluster. */
  namespaces: v.optional(some(glob)),
  mode,
  requireDigest: v.optional(v.boolean()),
  onUnreachable,
  pinTags: v.optional(v.boolean()),
  stopTasks: v.optional(v.boolean()),
});

/** Groups that every caller of an API server is in, so that a break-glass of theirs would be one of anybody. */
const OF_EVERYBODY: ReadonlySet<string> = new Set(['system:authenticated', 'system:unauthenticated']);

const group = v.pipe(
  v.string(),
  v.minLength(1),
  v.maxLength(256),
  v.check((name) => !OF_EVERYBODY.has(name), 'must be a group that not everybody is in'),
);

/** Where an image may start only if the policy allows it: admission in EKS, deployments and tasks in ECS. */
export const doorsSchema = v.strictObject({
  /** Of every cluster and namespace that no rule names. */
  mode: v.optional(mode, 'off'),
  /** An image that is named by a tag alone is refused. Without it the door only warns, and judges nothing but the registry. */
  requireDigest: v.optional(v.boolean(), true),
  /** Whether a door that denies refuses or lets start while Patchwave cannot be asked or cannot read. Absent: it refuses. */
  onUnreachable,
  /** Of EKS only: a door that denies writes the digest of a tag into the pods that it lets start. Absent: it does not. */
  pinTags: v.optional(v.boolean()),
  /** How old the last reading of a tag may be for that, in days. Absent: 30. */
  tagReadingDays: v.optional(v.pipe(v.number(), v.minValue(1), v.maxValue(365))),
  /**
   * So long an image in good standing may start although something speaks against it, in days: neither time nor a doubt nor a new
   * rule stops what ran well.
   */
  graceRunningDays: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(90)), 14),
  /** Of ECS only: whether a task is stopped that runs an image which the door denies. The account must allow it too. */
  stopTasks: v.optional(v.boolean(), false),
  /** How long such a task runs on after Patchwave saw it. The door looks every 5 minutes. */
  stopTasksAfterMinutes: v.optional(v.pipe(v.integer(), v.minValue(15), v.maxValue(7 * 24 * 60)), 60),
  /** The first rule that names the cluster and namespace decides. */
  rules: v.optional(v.array(doorRule), []),
  /** Who may let every image start in one namespace for at most a day. Absent: no person may. */
  breakGlass: v.optional(
    v.strictObject({
      /** Of Kubernetes, as an access entry or an RBAC binding names them. */
      groups: some(group),
    }),
  ),
});

export type Doors = v.InferOutput<typeof doorsSchema>;
export type DoorMode = (typeof DOOR_MODES)[number];

/** A cluster, and in EKS a namespace of it. */
export interface DoorPlace extends Cluster {
  /** Absent in ECS. */
  readonly namespace?: string;
}

/** Where a workload runs: one of Kubernetes is named `<namespace>/<name>`. */
export const doorPlaceOf = ({
  account,
  region,
  cluster,
  workload,
  workloadKind,
}: Pick<Usage, keyof Cluster | 'workload' | 'workloadKind'>): DoorPlace => ({
  ...{ account, region, cluster },
  ...(hasClusterScope({ workloadKind }) && { namespace: workload.slice(0, workload.indexOf('/')) }),
});

/** The name of a place in texts, and its identity: `<account>/<region>/<cluster>`, and behind it `/<namespace>`. */
export const doorPlaceText = ({ account, region, cluster, namespace }: DoorPlace): string =>
  [account, region, cluster, ...(namespace === undefined ? [] : [namespace])].join('/');

/** What applies at one door. */
export interface Door {
  readonly mode: DoorMode;
  readonly requireDigest: boolean;
  readonly onUnreachable: (typeof ON_UNREACHABLE)[number];
  readonly graceRunningDays: number;
  /** Absent if the door writes no digests into pods. */
  readonly pinsTags?: { readonly readWithinDays: number };
  /** Absent if the door stops no task. */
  readonly stopTasksAfterMinutes?: number;
}

/**
 * The settings of the first rule that names the place; without one, or without a field in it, those of all doors. The door of an
 * add-on namespace is off unless a rule names the namespace itself.
 */
export function doorAt({ doors }: { readonly doors?: Doors | undefined }, place: DoorPlace): Door {
  if (!doors) return { mode: 'off', requireDigest: true, onUnreachable: 'refuse', graceRunningDays: 0 };
  const { rules, breakGlass: _, ...everywhere } = doors;
  const rule = rules.find((one) => names(one, place)) ?? (isOfAddOns(place) ? OFF : undefined);
  const mode = rule?.mode ?? everywhere.mode;
  const pins = mode === 'deny' && place.namespace !== undefined && (rule?.pinTags ?? everywhere.pinTags);
  const stops = rule?.stopTasks ?? everywhere.stopTasks;
  return {
    mode,
    requireDigest: rule?.requireDigest ?? everywhere.requireDigest,
    onUnreachable: rule?.onUnreachable ?? everywhere.onUnreachable ?? 'refuse',
    graceRunningDays: everywhere.graceRunningDays,
    ...(pins && { pinsTags: { readWithinDays: everywhere.tagReadingDays ?? TAG_READING_DAYS } }),
    ...(stops && { stopTasksAfterMinutes: everywhere.stopTasksAfterMinutes }),
  };
}

/** The age limit of the house rule: a stream that is built as it should be pushes its tag more often. */
const TAG_READING_DAYS = 30;

const OFF: Doors['rules'][number] = { mode: 'off' };

const isOfAddOns = ({ namespace }: DoorPlace): boolean => namespace !== undefined && ADD_ON_NAMESPACES.has(namespace);

type DoorsOf = { readonly doors?: Doors | undefined };
/** A cluster with all its namespaces. What is absent may be any: without a cluster, all of the account and Region. */
export type DoorArea = Partial<Cluster>;

/** Whether a door may judge there. */
export const mayJudge = (policy: DoorsOf, area: DoorArea): boolean =>
  mayHaveMode(policy, area, 'warn') || mayDeny(policy, area);

/** Whether a door may keep an image from starting there. */
export const mayDeny = (policy: DoorsOf, area: DoorArea): boolean => mayHaveMode(policy, area, 'deny');

const mayHaveMode = ({ doors }: DoorsOf, area: DoorArea, wanted: DoorMode): boolean =>
  doors !== undefined &&
  (doors.mode === wanted || doors.rules.some((rule) => rule.mode === wanted && mayName(rule, area)));

/** Whether a rule may name a place of an area. */
const mayName = (
  { accounts, regions, clusters }: Doors['rules'][number],
  { account, region, cluster }: DoorArea,
): boolean =>
  (accounts === undefined || account === undefined || accounts.includes(account)) &&
  (regions === undefined || region === undefined || regions.includes(region)) &&
  (clusters === undefined || cluster === undefined || matchesAnyGlob(clusters, cluster));

/**
 * Whether some place of an area is refused more than before although its images are the same: its door denies newly, or newly
 * requires a digest. A name that three patterns match may be missed; everything else is exact.
 */
export function mayRefuseNewly(policy: DoorsOf, before: DoorsOf, area: DoorArea): boolean {
  const rules = [policy, before].flatMap(({ doors }) => doors?.rules ?? []).filter((rule) => mayName(rule, area));
  const { account, region, cluster } = area;
  const namespaces = [...samplesOf(rules.flatMap((rule) => rule.namespaces ?? [])), ...ADD_ON_NAMESPACES.keys()];
  const places = product(
    account === undefined ? [OTHER, ...rules.flatMap((rule) => rule.accounts ?? [])] : [account],
    region === undefined ? [OTHER, ...rules.flatMap((rule) => rule.regions ?? [])] : [region],
    cluster === undefined ? samplesOf(rules.flatMap((rule) => rule.clusters ?? [])) : [cluster],
    // Only an area names a cluster of EKS, and one without a cluster has those of ECS too.
    cluster === undefined ? [undefined, ...namespaces] : namespaces,
  );
  return places.some((place) => refusesNewly(policy, before, place));
}

/** The same of one place. */
export function refusesNewly(policy: DoorsOf, before: DoorsOf, place: DoorPlace): boolean {
  const [door, earlier] = [doorAt(policy, place), doorAt(before, place)];
  return door.mode === 'deny' && (earlier.mode !== 'deny' || (door.requireDigest && !earlier.requireDigest));
}

/** A name that no rule names. */
const OTHER = 'zz0zz';

/** A name for each way in which patterns, alone or two together, may match one. */
function samplesOf(globs: readonly string[]): readonly string[] {
  const patterns = [...new Set(globs)].filter((glob) => glob.includes('*'));
  const overlaps = patterns.flatMap((one) =>
    patterns.map((other) => `${one.slice(0, one.indexOf('*'))}${OTHER}${other.slice(other.lastIndexOf('*') + 1)}`),
  );
  const alone = globs.map((glob) => glob.replaceAll('*', OTHER));
  return [...new Set([OTHER, ...alone, ...overlaps.filter((name) => matchesAnyGlob(patterns, name))])];
}

function product(
  accounts: readonly string[],
  regions: readonly string[],
  clusters: readonly string[],
  namespaces: readonly (string | undefined)[],
): readonly DoorPlace[] {
  return accounts.flatMap((account) =>
    regions.flatMap((region) =>
      clusters.flatMap((cluster) =>
        namespaces.map((namespace) => ({
          ...{ account, region, cluster },
          ...(namespace !== undefined && { namespace }),
        })),
      ),
    ),
  );
}

const names = (rule: Doors['rules'][number], place: DoorPlace): boolean =>
  (rule.accounts?.includes(place.account) ?? true) &&
  (rule.regions?.includes(place.region) ?? true) &&
  (rule.clusters === undefined || matchesAnyGlob(rule.clusters, place.cluster)) &&
  (rule.namespaces === undefined
    ? !isOfAddOns(place)
    : place.namespace !== undefined && matchesAnyGlob(rule.namespaces, place.namespace));
