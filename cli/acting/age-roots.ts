import { mapConcurrently, piecesOf } from '../../shared/concurrency.ts';
import type { LineageAge } from '../../shared/domain/age/image-lineage.ts';
import { type AgeRoot, ageRootOf } from '../../shared/domain/attribution/age-root.ts';
import { emptyHistory, type RebuildHistory } from '../../shared/domain/cause/rebuild.ts';
import { mayEverRebuild, modeObstacle, pausedAnswer } from '../../shared/domain/guard/guard.ts';
import type { NegativeDecision } from '../../shared/domain/guard/guard-answer.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import { type KillSwitch, UNTOUCHED_SWITCH } from '../../shared/domain/policy/kill-switch.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { streamPolicy } from '../../shared/domain/stream/stream-policy.ts';
import type { StreamRecord } from '../../shared/domain/stream/stream-record.ts';
import type { ImageRecord } from '../../shared/domain/verdict/image-record.ts';
import type { Reason } from '../../shared/domain/verdict/verdict.ts';
import { FleetTrace, type TracePorts } from '../../shared/planning/fleet-trace.ts';
import { type ReadImage, readImage } from '../../shared/planning/read-images.ts';
import type { Clock } from '../../shared/ports/clock.ts';

export type AgeRootPorts = TracePorts & { readonly clock: Clock };

/** An image that violates its age limit because of an ancestor. */
export interface OldByAncestor {
  readonly image: ReadImage;
  /** The ancestor whose age counts. */
  readonly decidedBy: Digest;
  readonly limitDays: number;
  /** Ancestors whose age a waiver covers. */
  readonly waived: ReadonlySet<Digest>;
}

export interface FoundRoot extends Pick<OldByAncestor, 'decidedBy'> {
  readonly digest: Digest;
  readonly stream?: string;
  readonly root: AgeRoot;
}

export interface AgeRoots {
  readonly found: readonly FoundRoot[];
  /** The streams of all lineages. */
  readonly streams: ReadonlyMap<string, StreamRecord>;
}

const RECORDS_AT_ONCE = 100;
const READS_AT_ONCE = 4;

/** Keeps of a record only what is needed, because there may be thousands. Returns `undefined` for any other image. */
export function oldByAncestor(image: ImageRecord): OldByAncestor | undefined {
  const reasons = image.verdict?.reasons ?? [];
  const reason = reasons.find(isOfAncestor);
  if (!reason) return undefined;
  const waived = reasons.flatMap(({ kind, waivedThrough }) => (kind === 'age' ? (waivedThrough ?? []) : []));
  const { decidedBy, limitDays } = reason;
  return { image: readImage(image, () => false), decidedBy, limitDays, waived: new Set(waived) };
}

const isOfAncestor = (reason: Reason): reason is Reason & { readonly kind: 'age'; readonly decidedBy: Digest } =>
  reason.kind === 'age' && reason.effect === 'violates' && reason.decidedBy !== undefined;

/** What must happen first for each image (`ageRootOf`). Each ancestor, stream and head is read once for all of them. */
export async function readAgeRoots(ports: AgeRootPorts, images: readonly OldByAncestor[]): Promise<AgeRoots> {
  // Only lineage is read, not facts.
  const trace = new FleetTrace(ports, () => false);
  trace.begin(images.map(({ image }) => image));
  await trace.down();
  const ages = await readLineageAges(ports, [...trace.images.keys()]);
  const known = { ageOf: (digest: Digest) => ages.get(digest), nowEpochMs: ports.clock() };
  const found = images.flatMap(({ image: { digest, stream }, decidedBy, ...limit }) => {
    const root = ageRootOf(digest, trace, { ...limit, ...known });
    return root ? [{ digest, decidedBy, root, ...(stream !== undefined && { stream }) }] : [];
  });
  return { found, streams: trace.streams };
}

async function readLineageAges(
  { images }: AgeRootPorts,
  digests: readonly Digest[],
): Promise<ReadonlyMap<Digest, LineageAge>> {
  const ages = new Map<Digest, LineageAge>();
  await mapConcurrently(piecesOf(digests, RECORDS_AT_ONCE), READS_AT_ONCE, async (piece) => {
    for (const { digest, lineage } of (await images.get(piece)).values()) if (lineage) ages.set(digest, lineage.age);
  });
  return ages;
}

/**
 * Why Patchwave may not rebuild a stream, whatever the cause: the switch, the policy, or how its rebuilds ended. Of a
 * pause the answer also names what stands when it ends.
 * `undefined` if none of them forbids it.
 */
export function lastingObstacle(
  stream: string,
  killSwitch: KillSwitch,
  policy: Policy,
  { history = emptyHistory(stream), nowEpochMs }: { readonly history?: RebuildHistory | undefined; nowEpochMs: number },
): NegativeDecision | undefined {
  const { isNamed, mode, pipeline, guards } = streamPolicy(policy, stream);
  const inputs = { stream, isNamed, mode, history, ancestors: [], ...(pipeline && { pipeline }) };
  const active = { ...inputs, killSwitch: UNTOUCHED_SWITCH };
  const obstacle = modeObstacle(active) ?? mayEverRebuild(active, guards, nowEpochMs);
  return killSwitch.rebuilding === 'paused' ? pausedAnswer(killSwitch, obstacle) : obstacle;
}
