import { ageOf } from '../../shared/domain/age/image-lineage.ts';
import type { CascadeNode, Closure, Deployment } from '../../shared/domain/cause/cascade.ts';
import type { Rebuild, RebuildHistory } from '../../shared/domain/cause/rebuild.ts';
import { type Digest, type ImageLocation, locationKey } from '../../shared/domain/image/image.ts';
import type { LocationRecord } from '../../shared/domain/image/image-properties.ts';
import type { Usage } from '../../shared/domain/image/usage.ts';
import { type LeftWorkload, reachedBy } from '../../shared/domain/plan/plan-forecast.ts';
import type { VendorDependency } from '../../shared/domain/report/vendor-dependency.ts';
import { isDeploymentOver } from '../../shared/domain/rollout/deployment.ts';
import type { ImageRecord } from '../../shared/domain/verdict/image-record.ts';
import type { LayerDisagreement } from '../../shared/domain/verdict/layer-disagreement.ts';
import { readLayerWitness, type WitnessPorts } from '../../shared/judging/layer-witness.ts';
import type { KnownExpiries } from '../../shared/ports/expiries.ts';
import type { PolicyVersion } from '../../shared/ports/policies.ts';
import { targetsFor } from '../../shared/review/private-clusters.ts';
import type { AgeRootPorts } from '../acting/age-roots.ts';
import { type CurrentCause, withCurrentAnswer } from '../acting/current-answer.ts';
import type { CliContext } from '../command.ts';
import { NotFoundError } from '../errors.ts';
import { presentPlaces } from '../present-places.ts';
import { type OldParent, oldParentOf, type StreamKnown } from './old-parent.ts';
import { type VendorLedger, waitedForBy, waitingForVendors } from './waiting-for-vendors.ts';

/** Everything in the ledger about one image. */
export interface ImageExplanation extends StreamExplanation {
  readonly image: ImageRecord;
  readonly locations: readonly LocationRecord[];
  readonly usages: readonly Usage[];
  /** Of its workloads those that no rollout deploys, whatever the policy says. */
  readonly undeployed: readonly LeftWorkload[];
  /** Its usages in scopes that left; no review saw them end. */
  readonly left: readonly Usage[];
  /** Its parent, and the ancestors that decide its age. */
  readonly below: readonly ImageRecord[];
  /** Findings whose scanner layer disagrees with the attribution. */
  readonly layerDisagreements: readonly LayerDisagreement[];
  /** Its findings that need a vendor fix. */
  readonly waitingForVendors: readonly VendorDependency[];
  /** What the lifecycle policies of its repositories will do to it. */
  readonly protection: KnownExpiries;
  /** What must happen first if it is too old because of an ancestor; absent if it is not. */
  readonly oldParent?: OldParent;
  /** The rebuild that built it, also if it failed; absent if none of the last ten of its stream did. */
  readonly builtBy?: Rebuild;
}

/** State of its stream; all fields are absent or empty for an image without a stream. */
export interface StreamExplanation {
  /** The open cause of the stream. */
  readonly cause?: CurrentCause;
  /** The node of the stream in the cascade that works on it. */
  readonly node?: CascadeNode;
  /** The latest rebuild. */
  readonly latestRebuild?: Rebuild;
  /** History that the guards use. */
  readonly history?: RebuildHistory;
  readonly closures: readonly Closure[];
  /** Deployments that go on, of its cascade and its closures. */
  readonly deployments: readonly Deployment[];
}

type Ledger = Pick<
  CliContext,
  | 'images'
  | 'places'
  | 'usages'
  | 'scopes'
  | 'expiries'
  | 'causes'
  | 'cascades'
  | 'locks'
  | 'rebuilds'
  | 'guards'
  | 'rollouts'
  | 'streams'
  | 'killSwitch'
> &
  VendorLedger &
  WitnessPorts &
  AgeRootPorts;

/**
 * @param inForce the policy; absent if none can be read
 * @throws NotFoundError
 */
export async function explainImage(ledger: Ledger, digest: Digest, inForce?: PolicyVersion): Promise<ImageExplanation> {
  const image = (await ledger.images.get([digest])).get(digest);
  if (!image) throw new NotFoundError(`The ledger has no image ${digest}.`);
  const [locations, usages, left, below, protection, stream] = await Promise.all([
    presentPlaces(ledger.places, digest),
    ledger.usages.ofImage(digest),
    ledger.usages.leftOfImage(digest),
    ledger.images.get(belowOf(image)),
    ledger.expiries.ofImage(digest, image.locations),
    explainStream(ledger, image.stream, inForce),
  ]);
  const [waiting, builtBy, oldParent] = await Promise.all([
    waitingForVendors(ledger, stream.cause ? [stream.cause] : []),
    rebuildThatBuilt(ledger, image),
    oldParentOf(ledger, image, (one) => readStreamWork(ledger, one, inForce), inForce?.policy),
  ]);
  // Whether the hub deploys to EKS is unknown here.
  const targets = await targetsFor(ledger.scopes, { eks: true }, usages);
  return {
    ...(builtBy && { builtBy }),
    ...(oldParent && { oldParent }),
    undeployed: reachedBy(usages, targets).left,
    ...{ image, locations, usages, left, below: [...below.values()] },
    layerDisagreements: await readLayerWitness(ledger, image),
    waitingForVendors: waitedForBy(image, waiting),
    protection,
    ...stream,
  };
}

const MOST_REBUILDS = 10;

/** An output that was not accepted may have the tags of no stream: then it is one of a stream of its repository. */
async function rebuildThatBuilt(ledger: Ledger, image: ImageRecord): Promise<Rebuild | undefined> {
  const streams = image.stream === undefined ? await streamsAt(ledger, image.locations) : [image.stream];
  for (const stream of streams) {
    for (const rebuild of await ledger.rebuilds.latest(stream, MOST_REBUILDS)) {
      const { output } = rebuild;
      if (output === undefined) continue;
      if (output === image.digest) return rebuild;
      const children = (await ledger.places.indexes([output])).get(output) ?? [];
      if (children.some(({ digest }) => digest === image.digest)) return rebuild;
    }
  }
  return undefined;
}

async function streamsAt(
  { streams }: Pick<Ledger, 'streams'>,
  locations: readonly ImageLocation[],
): Promise<readonly string[]> {
  if (locations.length === 0) return [];
  const keys = new Set(locations.map(locationKey));
  const found: string[] = [];
  for await (const { stream, location } of streams.all()) if (keys.has(locationKey(location))) found.push(stream);
  return found;
}

function belowOf(image: ImageRecord): readonly Digest[] {
  const age = ageOf(image);
  const deciding = age.known
    ? [age.decidedBy]
    : [...age.unknown, ...(age.oldestKnown ? [age.oldestKnown.decidedBy] : [])];
  const parent = image.lineage?.parent;
  return [...new Set([...(parent ? [parent.digest] : []), ...deciding])].filter((digest) => digest !== image.digest);
}

async function explainStream(
  ledger: Ledger,
  stream: string | undefined,
  inForce: PolicyVersion | undefined,
): Promise<StreamExplanation> {
  if (stream === undefined) return { closures: [], deployments: [] };
  const [{ cause, node, history, cascadeId }, [latestRebuild], open] = await Promise.all([
    readStreamWork(ledger, stream, inForce),
    ledger.rebuilds.latest(stream, 1),
    Array.fromAsync(ledger.rollouts.openClosures()),
  ]);
  const closures = open.filter((closure) => closure.stream === stream);
  const cascades = [...closures.map((closure) => closure.cascadeId), ...(cascadeId === undefined ? [] : [cascadeId])];
  return {
    ...(cause && cause.state !== 'closed' && { cause }),
    ...(node && { node }),
    ...(latestRebuild && { latestRebuild }),
    ...(history && { history }),
    closures,
    deployments: await deploymentsUnderWay(ledger.rollouts, new Set(cascades)),
  };
}

/** The cause of a stream, and the cascade that works on it. */
async function readStreamWork(
  ledger: Pick<Ledger, 'killSwitch' | 'causes' | 'guards' | 'locks' | 'cascades'>,
  stream: string,
  inForce: PolicyVersion | undefined,
): Promise<StreamKnown & { readonly cascadeId?: string }> {
  const [killSwitch, known, histories, lock] = await Promise.all([
    ledger.killSwitch.read(),
    ledger.causes.get([stream]),
    ledger.guards.get([stream]),
    ledger.locks.get(stream),
  ]);
  const cause = known.get(stream);
  const history = histories.get(stream);
  // A new fact reopens a cause while its cascade still builds; then only the lock names that cascade.
  const cascadeId = lock?.cascadeId ?? cause?.takenBy?.cascadeId;
  const node = cascadeId === undefined ? undefined : await ledger.cascades.node(cascadeId, stream);
  return {
    killSwitch,
    ...(cause && { cause: withCurrentAnswer(cause, killSwitch, inForce) }),
    ...(node && { node }),
    ...(history && { history }),
    ...(cascadeId !== undefined && { cascadeId }),
  };
}

async function deploymentsUnderWay(
  rollouts: Pick<Ledger['rollouts'], 'deployments'>,
  cascadeIds: ReadonlySet<string>,
): Promise<readonly Deployment[]> {
  const found: Deployment[] = [];
  for (const cascadeId of cascadeIds)
    for await (const one of rollouts.deployments(cascadeId)) if (!isDeploymentOver(one)) found.push(one);
  return found;
}
