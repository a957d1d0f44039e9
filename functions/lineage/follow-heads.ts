import { collect, mapConcurrently, piecesOf } from '../../shared/concurrency.ts';
import type { ImageLineage } from '../../shared/domain/age/image-lineage.ts';
import { edgesOf } from '../../shared/domain/attribution/stream-edges.ts';
import { sameContent } from '../../shared/domain/common/same-content.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import { type StaleParent, staleParentOf } from '../../shared/domain/lineage/stale-parent.ts';
import type { StreamRecord } from '../../shared/domain/stream/stream-record.ts';
import type { ImageRecord } from '../../shared/domain/verdict/image-record.ts';
import { logger } from '../../shared/lambda/powertools.ts';
import { FleetTrace } from '../../shared/planning/fleet-trace.ts';
import type { StreamLedger } from '../../shared/ports/ledger.ts';
import type { JudgeRequest, Messages } from '../../shared/ports/messages.ts';
import type { PolicyStore } from '../../shared/ports/policies.ts';
import { policyInForce } from '../../shared/review/policy-in-force.ts';
import { LineageIncompleteError } from './errors.ts';
import { type AroundPorts, placeNew, readAround } from './read-around.ts';
import { type MovedPorts, recordMoved, type StreamWithStaleParents } from './record-moved.ts';

const STREAMS_A_READ = 100;
const STREAMS_AT_ONCE = 8;

export interface FollowPorts extends AroundPorts, MovedPorts {
  readonly policies: Pick<PolicyStore, 'current'>;
  readonly streams: Pick<StreamLedger, 'streams' | 'all'>;
  readonly judging: Messages<JudgeRequest>;
}

/**
 * Handles moved heads: finds the lineage of the new heads, and the streams that are now stale, including those built on
 * the moved ones. Each stale stream gets a cause. New heads that have a verdict are judged again. A repetition has the
 * same result. Without a policy nothing happens; the next review with a policy finds the same heads.
 * @throws LineageIncompleteError if something could not be read or written
 */
export async function followHeads(ports: FollowPorts, moved: readonly string[]): Promise<void> {
  const { policy, unreadable } = await policyInForce(ports.policies);
  if (unreadable) {
    logger.warn(
      `Patchwave did not search for the streams built on a new head. ${unreadable.message} The first review after that searches for them.`,
    );
    return;
  }
  const records = await ports.streams.streams(moved);
  const heads = [...records.values()].flatMap(headImages);
  const known = [...(await ports.images.get(heads)).values()];
  const unplaced = known.filter(({ lineage }) => !lineage).map(({ digest }) => digest);
  if (unplaced.length > 0) await placeNew(ports, policy, await readAround(ports, policy, unplaced), unplaced);
  await ports.judging.send(judgedBefore(known).map(({ digest }) => ({ kind: 'judge', digest })));
  const trace = await traced(ports, [...records.values()]);
  const edges = edgesOf(trace);
  const concerned = [...trace.streams.values()].filter(
    ({ stream }) => records.has(stream) || [...(edges.get(stream) ?? [])].some((below) => records.has(below)),
  );
  const late = await recordStaleParents(ports, trace, concerned);
  const failures = await recordMoved(ports, policy, late, (stream) => isRun(ports, stream), ports.clock());
  const [first] = failures;
  if (first) throw new LineageIncompleteError(failures.length, first.key, first.error);
}

const headImages = ({ head }: StreamRecord): readonly Digest[] => Object.values(head?.images ?? {});

/**
 * Images that were judged before they became heads, such as an old image that gets its tag back. A verdict on an image
 * that was neither a head nor in use has added nothing to the cause of its stream, and a review covers no head that
 * nothing runs on. The planner has the heads without a verdict scanned and judged.
 */
const judgedBefore = (heads: readonly ImageRecord[]): readonly ImageRecord[] =>
  heads.filter(({ isHead, judgedAtEpochMs }) => isHead && judgedAtEpochMs !== undefined);

/** Nothing is built on an application; read all streams only for base and platform moves. */
async function traced({ streams, images }: FollowPorts, moved: readonly StreamRecord[]): Promise<FleetTrace> {
  const trace = new FleetTrace({ streams, images }, () => false);
  for (const record of moved) trace.begin([], record);
  await trace.down();
  if (moved.some(({ tier }) => tier !== 'application')) await trace.add(streams.all());
  return trace;
}

/**
 * Records changes of stale parents of stream heads. Heads are read in parts, because verdicts may be large.
 * @returns the streams with a stale head
 */
async function recordStaleParents(
  { images }: FollowPorts,
  trace: FleetTrace,
  records: readonly StreamRecord[],
): Promise<readonly StreamWithStaleParents[]> {
  const found: StreamWithStaleParents[] = [];
  for (const piece of piecesOf(records, STREAMS_A_READ)) {
    const known = await images.get(piece.flatMap(headImages));
    const stale = await mapConcurrently(piece, STREAMS_AT_ONCE, async (record) => ({
      record,
      staleParents: await recordStaleParentsOf(images, trace, headImages(record), known),
    }));
    found.push(...stale.filter(({ staleParents }) => staleParents.length > 0));
  }
  return found;
}

async function recordStaleParentsOf(
  ledger: FollowPorts['images'],
  { parents, images, streams }: FleetTrace,
  heads: readonly Digest[],
  known: ReadonlyMap<Digest, ImageRecord>,
): Promise<readonly StaleParent[]> {
  const fleet = {
    parents,
    image: (digest: Digest) => images.get(digest),
    headOf: (stream: string) => streams.get(stream)?.head,
  };
  const found: StaleParent[] = [];
  for (const { digest, lineage } of heads.flatMap((head) => known.get(head) ?? [])) {
    const staleParent = staleParentOf(digest, fleet);
    if (staleParent) found.push(staleParent);
    if (!lineage || sameContent(lineage.staleParent, staleParent)) continue;
    await ledger.recordLineage(digest, (before) => before && withStaleParent(before, staleParent));
  }
  return found;
}

function withStaleParent(
  { staleParent: _, ...lineage }: ImageLineage,
  staleParent: StaleParent | undefined,
): ImageLineage {
  return { ...lineage, ...(staleParent && { staleParent }) };
}

async function isRun({ streamImages, images }: FollowPorts, stream: string): Promise<boolean> {
  const records = await images.get(await collect(streamImages.of(stream)));
  return [...records.values()].some((image) => image.inUse && image.stream === stream);
}
