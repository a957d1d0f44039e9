import { type Deployment, type NodeState, serviceIn, serviceKey } from '../cause/cascade.ts';
import { compareTexts } from '../common/compare-texts.ts';
import type { Digest, Platform } from '../image/image.ts';
import { readImageReference } from '../image/reference.ts';
import { referencesOf, type Usage } from '../image/usage.ts';
import {
  isService,
  kubernetesService,
  type RolloutTargets,
  serviceNameOf,
  type UndeployableReason,
  undeployable,
} from '../image/workload-kind.ts';
import type { RolloutMode } from '../policy/rollout-mode.ts';
import type { Scope } from '../review/run.ts';

/** A stream of a cascade, for its rollout. */
export interface RolloutStream {
  readonly stream: string;
  readonly state: NodeState;
  readonly mode: RolloutMode;
  /** The verified digests: the index and its images. Empty if there are none. */
  readonly output: ReadonlySet<Digest>;
}

/** A live usage of any image of a stream of the cascade. */
export interface StreamUsage {
  readonly stream: string;
  readonly usage: Usage;
  /** The platform of its image; absent if it could not be read. */
  readonly platform?: Platform;
}

/** What a container ran when its rollout was planned. */
export interface RanImage extends Pick<Usage, 'digest' | 'reference'> {
  readonly platform?: string;
}

export interface PlannedService {
  readonly account: string;
  readonly region: string;
  readonly cluster: string;
  /** As from `serviceNameOf`. */
  readonly service: string;
  readonly mode: Deployment['mode'];
  /**
   * Containers that run an image older than the verified one. A container is listed once for each stream of which it
   * ran an image; its definition shows later which one it belongs to.
   */
  readonly containers: readonly {
    readonly container: string;
    readonly stream: string;
    readonly mode: Deployment['mode'];
    /** More than one if tasks of several revisions or platforms ran. */
    readonly ran: readonly RanImage[];
  }[];
}

/**
 * `pipeline`, `none`: the rollout setting of a stream of the service. `not-verified`: a stream of the service is not
 * verified, so all its containers stay unchanged. `paused`, `report-only`: the mode of a stream of the service, or of
 * an account that the deployment reaches.
 */
export type LeftReason = 'pipeline' | 'none' | UndeployableReason | 'not-verified' | Restraint;

/** A mode of the policy in which nothing is deployed. */
export type Restraint = 'paused' | 'report-only';

export interface RolloutPlan {
  /** One deployment each, sorted. */
  readonly services: readonly PlannedService[];
  /** Usages that move by themselves or by their owner. */
  readonly left: readonly (StreamUsage & { readonly reason: LeftReason })[];
}

/**
 * The services to deploy after a cascade: one deployment each, once every stream of its containers is verified. If the
 * streams of one service have different modes, the least active one applies to all.
 * @param restraintOf the mode that keeps a stream from being deployed in the account of the usage
 */
export function planRollout(
  usages: readonly StreamUsage[],
  streams: readonly RolloutStream[],
  targets: RolloutTargets,
  restraintOf: (usage: StreamUsage) => Restraint | undefined = () => undefined,
): RolloutPlan {
  const known = new Map(streams.map((stream) => [stream.stream, stream]));
  const older = usages.filter(({ stream, usage }) => known.get(stream)?.output.has(usage.digest) === false);
  const inOrder = older.sort((one, other) => compareTexts(usageOrder(one), usageOrder(other)));
  const services: PlannedService[] = [];
  const left: RolloutPlan['left'][number][] = [];
  for (const together of Map.groupBy(inOrder, (one) => serviceOrUsage(one, targets)).values()) {
    const planned = planService(together, known, targets, restraintOf);
    if (typeof planned === 'string') left.push(...together.map((one) => ({ ...one, reason: planned })));
    else services.push(planned);
  }
  return { services, left };
}

/** All containers of a service get one decision, every other usage its own. */
const serviceOrUsage = (one: StreamUsage, targets: RolloutTargets): string =>
  isService(one.usage, targets) ? serviceKey(serviceOf(one.usage)) : usageOrder(one);

const usageOrder = ({ stream, usage }: StreamUsage): string =>
  [serviceKey(serviceOf(usage)), usage.workloadKind, usage.container, stream, usage.digest].join(' ');

/** The workload of a usage as a service. */
export const serviceOf = (usage: Usage) => {
  const { account, region, cluster } = usage;
  return { account, region, cluster, service: serviceNameOf(usage) };
};

/** The scope whose readings record what a service runs. */
export const scopeOfService = ({ account, region, cluster, service }: ReturnType<typeof serviceOf>): Scope => ({
  account,
  region,
  ...(kubernetesService(service) && { eksCluster: cluster }),
});

function planService(
  together: readonly StreamUsage[],
  known: ReadonlyMap<string, RolloutStream>,
  targets: RolloutTargets,
  restraintOf: (usage: StreamUsage) => Restraint | undefined,
): PlannedService | LeftReason {
  const streams = together.flatMap(({ stream }) => known.get(stream) ?? []);
  const [first] = together;
  if (!first || streams.some(({ state }) => state !== 'verified')) return 'not-verified';
  const modes = new Set(streams.map(({ mode }) => mode));
  if (modes.has('none')) return 'none';
  if (modes.has('pipeline')) return 'pipeline';
  const ofItsKind = undeployable(first.usage, targets);
  if (ofItsKind) return ofItsKind;
  const restraints = new Set(together.map(restraintOf));
  if (restraints.has('paused')) return 'paused';
  if (restraints.has('report-only')) return 'report-only';
  // Tasks of an older revision may run beside newer ones, so a container counts once per stream.
  const byContainer = [...Map.groupBy(together, ({ usage }) => usage.container)];
  const containers = byContainer.flatMap(([container, all]) =>
    [...Map.groupBy(all, ({ stream }) => stream)].flatMap(([stream, ran]) => {
      const mode = known.get(stream)?.mode;
      return mode === 'restart' || mode === 'register'
        ? [{ container, stream, mode, ran: ran.flatMap(ranImages) }]
        : [];
    }),
  );
  return { ...serviceOf(first.usage), mode: modes.has('register') ? 'register' : 'restart', containers };
}

/** One for each reference by which its tasks name it. */
function ranImages({ usage, platform }: StreamUsage): readonly RanImage[] {
  const image = { digest: usage.digest, ...(platform !== undefined && { platform }) };
  const references = referencesOf(usage);
  return references.length === 0 ? [image] : references.map((reference) => ({ ...image, reference }));
}

/** The verified artifacts that a service can run: an index or an image. */
export interface VerifiedArtifact {
  readonly digest: Digest;
  readonly isIndex: boolean;
  /** Empty for an image that could not be read. */
  readonly platforms: readonly Platform[];
}

/** The artifact that runs on every platform on which a container ran; an index if the platforms are unknown. */
export const artifactFor = (
  verified: readonly VerifiedArtifact[],
  ran: readonly RanImage[],
): VerifiedArtifact | undefined =>
  verified.find(({ isIndex, platforms }) =>
    ran.every(({ platform }) =>
      platform === undefined ? isIndex : platforms.some((one) => architectureOf(one) === architectureOf(platform)),
    ),
  );

/** Without the variant, which only some builds write, because ECS knows only the architecture. */
const architectureOf = (platform: string): string => platform.split('/').slice(0, 2).join('/');

/**
 * Whether a container is unchanged since its rollout was planned, or already names a verified image. Any other image
 * was deployed by its team since, is newer, and stays.
 * @param image as in the task definition
 * @param means its current digests in the registry: an index with its images, or an image; empty if there is none
 * @param output the verified digests
 */
export const isAsPlanned = (
  image: string,
  means: readonly Digest[],
  { ran, output }: { readonly ran: readonly RanImage[]; readonly output: ReadonlySet<Digest> },
): boolean =>
  means.length === 0
    ? ran.some(({ reference }) => reference === image)
    : means.some((digest) => output.has(digest) || ran.some((one) => one.digest === digest));

export type RestartAnswer =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly reason: 'pinned-reference' | 'other-image'; readonly detail: string };

/**
 * Whether a restarted container would run the verified image. `pinned-reference`: no moving tag names its image.
 * `other-image`: its tag names another image, or none.
 * @param image as in the task definition
 * @param tagMeans the current digest of its tag in the registry; `undefined` if there is none
 * @param output the verified digests: the index and its images
 */
export function mayRestart(image: string, tagMeans: Digest | undefined, output: ReadonlySet<Digest>): RestartAnswer {
  const pinned = (detail: string): RestartAnswer => ({ allowed: false, reason: 'pinned-reference', detail });
  const reference = readImageReference(image);
  if (!reference) return pinned(`"${image}" is not a valid image reference. Name the image by its moving tag.`);
  if (reference.digest !== undefined)
    return pinned(
      `"${image}" names a digest, so a restart keeps the old image. Set \`rollout: register\` for the stream, name a tag, or deploy the new digest yourself.`,
    );
  if (tagMeans !== undefined && output.has(tagMeans)) return { allowed: true };
  const meaning = tagMeans === undefined ? 'no image' : tagMeans;
  const detail = `"${image}" now names ${meaning}, not the verified image. Move the tag, set \`rollout: register\` for the stream, or deploy the new image yourself.`;
  return { allowed: false, reason: 'other-image', detail };
}

/**
 * The image that a new revision of a task definition names in place of `image`; `undefined` if `image` is no reference.
 */
export function pinnedReference(image: string, output: Digest): string | undefined {
  const reference = readImageReference(image);
  return reference && `${reference.host}/${reference.repository}@${output}`;
}

/** After a failed deployment in a cluster, the waiting ones there stay stopped for the rest of the cascade. */
export interface EnvironmentStop {
  readonly cascadeId: string;
  /** `<account>/<region>/<cluster>`, of an EKS cluster `<account>/<region>/<cluster>/eks`. */
  readonly environment: string;
  /** The one that failed. */
  readonly service: string;
  readonly state: Deployment['state'];
}

/** The cluster of a service, by its `serviceKey`. An ECS and an EKS cluster of one name are two. */
export function environmentOf(key: string): string {
  const cluster = key.split('/').slice(0, 3).join('/');
  return kubernetesService(serviceIn(key)) ? `${cluster}/eks` : cluster;
}

/** The environment that a failed deployment stops; `undefined` if it did not fail, or by no fault of its own. */
export const stopOf = ({ cascadeId, service, state, heldUp }: Deployment): EnvironmentStop | undefined =>
  (state === 'failed' || state === 'rolled-back') && !heldUp
    ? { cascadeId, environment: environmentOf(service), service, state }
    : undefined;
