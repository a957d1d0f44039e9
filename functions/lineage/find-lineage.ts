import { collect, mapConcurrently } from '../../shared/concurrency.ts';
import { type ResolvedLineages, resolveLineages } from '../../shared/domain/age/resolve-lineage.ts';
import { namedFailure } from '../../shared/domain/common/failure-text.ts';
import { sameContent } from '../../shared/domain/common/same-content.ts';
import { type Digest, registryKey, type Tier } from '../../shared/domain/image/image.ts';
import { type BaseReadings, readingsAfter, unreadIn } from '../../shared/domain/lineage/base-readings.ts';
import { unpackedChain } from '../../shared/domain/lineage/content-chains.ts';
import { nextPlacements } from '../../shared/domain/lineage/next-placements.ts';
import { isBuiltIn } from '../../shared/domain/policy/built-in-policy.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { LINEAGE_PART, MOST_FAILURES_NAMED, type RunPart, registryPartsOf } from '../../shared/domain/review/run.ts';
import { declaredParentsIn } from '../../shared/domain/stream/declared-parents.ts';
import type { StreamRecord } from '../../shared/domain/stream/stream-record.ts';
import { changedLineages } from '../../shared/inventory/parents-before.ts';
import { type LineageFailure, type ReadFleet, type ReadPorts, readFleet } from '../../shared/inventory/read-fleet.ts';
import type { BaseLists } from '../../shared/inventory/reviewed-images.ts';
import { allHeads, bearingLists, unusedImages, withAncestors } from '../../shared/inventory/reviewed-images.ts';
import type { BaseReadingLedger, RunParts, StreamLedger } from '../../shared/ports/ledger.ts';
import type { Policies } from '../../shared/ports/policies.ts';
import { digestsInUse, type InUsePorts } from '../../shared/review/digests-in-use.ts';
import { runFileKeys } from '../../shared/review/documents.ts';
import { policyOfRun } from '../../shared/review/policy-in-force.ts';
import { baseListsOf } from './base-lists.ts';
import { LineageIncompleteError } from './errors.ts';
import type { LineageStepInput } from './input.ts';
import { type AroundPorts, placeApart, unreadAroundBy } from './read-around.ts';
import { recordBirths } from './record-births.ts';
import { type MovedPorts, recordMoved } from './record-moved.ts';

const WRITES_AT_ONCE = 16;

/** Beyond this number, images wait for a later review (`apartTurn`). */
const MOST_PLACED_APART = 1000;

export interface LineagePorts extends AroundPorts, InUsePorts, MovedPorts {
  readonly policies: Pick<Policies, 'load'>;
  readonly streams: Pick<StreamLedger, 'all' | 'streams'>;
  readonly baseReadings: BaseReadingLedger;
  readonly runs: RunParts;
  /** Number of images that a review with unread repositories places one by one; each costs extra reads. */
  readonly mostPlacedApart?: number;
}

export type LineagePart = Extract<RunPart, { kind: 'lineage' }>;

/**
 * Finds the parent of every image of the fleet, from all base and platform images and all running images, and records
 * changes: for running images, heads and their ancestors. Also lists the unused images to scan. A failed image or
 * stream is named in the run and stops no other. If a base or platform registry is unread, images that may be built on
 * its content stay undecided. Without the policy its declared parents are missing, so lineage stays unchanged and no
 * cause starts.
 * @throws LineageIncompleteError after everything else is done, so that the step is retried
 */
export async function findLineage(ports: LineagePorts, step: LineageStepInput<'find'>): Promise<LineagePart> {
  const { runId } = step;
  const { policy } = await policyOfRun(ports, step);
  const isKept = isBuiltIn(policy);
  const isReview = step.mode === 'review' && !isKept;
  const inUse = await digestsInUse(ports, runId);
  const lists = await baseListsOf(ports.files, policy, runId);
  const streams = await readStreams(ports, lists);
  const before = await ports.baseReadings.read();
  const readings = readingsAfter(policy, before, registryPartsOf(await collect(ports.runs.parts(runId))));
  const unread = unreadAroundBy(policy, readings);
  const reading = { ...ports, declaredParents: declaredParentsIn(policy) };
  const listed = await readFleet(reading, bearingLists(streams, lists), [...inUse, ...allHeads(streams)]);
  const fleet = await withSameContent(reading, listed);
  const heads = new Map(streams.map(({ stream, head }) => [stream, head]));
  const known = {
    ...{ ...fleet, heads, ...unread },
    isWhole: fleet.isWhole && unreadIn(policy, readings).length === 0,
    around: new Set(fleet.isWhole ? fleet.images.keys() : []),
  };
  const found = resolveLineages(known, ports.clock(), policy.ages.vendorCounts);
  const concerned = withAncestors([...inUse, ...allHeads(streams)], found);
  const undated = isKept ? [] : await recordBirths(ports, fleet, found, concerned);
  // The next attempt reads older images again only for images without lineage.
  const dated = concerned.difference(new Set(undated.map(({ key }) => key as Digest)));
  const unwritten = isKept ? [] : await recordLineages(ports, fleet, found, dated);
  const unplaced = unplacedOf(fleet, found, concerned);
  await ports.files.put(runFileKeys(runId).placed, isKept ? [] : placedAmong(unplaced, found));
  // Images found by a preview are in no chain index.
  const isApart = isReview && !fleet.isWhole;
  const { mostPlacedApart: most = MOST_PLACED_APART } = ports;
  const turn = isApart ? turnOf(unplaced, allHeads(streams), before?.placedApart, most) : undefined;
  const around = turn ? await placeApart(ports, policy, turn.digests, unread) : [];
  const unused = unusedImages(policy, streams, inUse, found.parents, (digest) => fleet.images.get(digest)?.aged.stream);
  await ports.files.put(runFileKeys(runId).ancestors, unused);
  const unmoved = isReview ? await recordCauses(ports, policy, { streams, inUse, fleet, found }) : [];
  const failures = [...fleet.failures, ...undated, ...unwritten, ...around, ...unmoved];
  const placedApart = turn?.upTo ?? before?.placedApart;
  if (isReview) await ports.baseReadings.record({ ...readings, ...(placedApart && { placedApart }) }, before);
  const part = { ...partOf(fleet, failures), ...unreadBy(unplaced, found) };
  await ports.runs.recordPart(runId, part);
  const [first] = failures;
  if (first) throw new LineageIncompleteError(failures.length, first.key, first.error);
  return part;
}

function turnOf(
  unplaced: readonly Digest[],
  heads: readonly Digest[],
  before: BaseReadings['placedApart'],
  most: number,
) {
  const waiting = new Set(unplaced);
  const first = new Set(heads).intersection(waiting);
  return nextPlacements({ heads: first, others: waiting.difference(first) }, before ?? {}, most);
}

/**
 * The fleet, plus older images with the same content as images that no review has placed yet. A build cache can produce
 * the same application again while the older image is neither head nor running: the new image is then as old as that
 * one.
 */
async function withSameContent(ports: ReadPorts & Pick<LineagePorts, 'chains'>, fleet: ReadFleet): Promise<ReadFleet> {
  const isListed = (tier: Tier): boolean => tier === 'base' || tier === 'platform';
  const fresh = [...fleet.images.values()].filter(({ aged, lineage }) => !lineage && !isListed(aged.tier));
  const chains = fresh.flatMap(({ layered: lineage }) => unpackedChain(lineage) ?? []);
  const same = chains.length > 0 ? await ports.chains.imagesOf(chains) : [];
  const unread = same.filter((digest) => !fleet.images.has(digest));
  if (unread.length === 0) return fleet;
  const more = await readFleet(ports, new Set(), unread);
  return {
    images: new Map([...more.images, ...fleet.images]),
    indexes: new Map([...more.indexes, ...fleet.indexes]),
    failures: [...fleet.failures, ...more.failures],
    isWhole: fleet.isWhole && more.isWhole,
  };
}

/** From the index and from this run: the index is eventually consistent. */
async function readStreams({ streams }: LineagePorts, lists: BaseLists): Promise<readonly StreamRecord[]> {
  const all = await collect(streams.all());
  const known = new Set(all.map(({ stream }) => stream));
  const late = await streams.streams(lists.streams.filter((stream) => !known.has(stream)));
  return [...all, ...late.values()];
}

/** Images without a recorded lineage, including this review's. */
const unplacedOf = (
  { images }: ReadFleet,
  found: ResolvedLineages,
  concerned: ReadonlySet<Digest>,
): readonly Digest[] =>
  [...concerned].filter((digest) => images.has(digest) && !images.get(digest)?.lineage && !found.of(digest));

/** Images with known parents whose age is unknown because of unread images. */
const placedAmong = (digests: readonly Digest[], found: ResolvedLineages) =>
  digests
    .filter((digest) => found.isPlaced(digest))
    .map((digest) => {
      const parent = found.parents.get(digest)?.digest;
      return { digest, ...(parent !== undefined && { parent }) };
    });

/** Unread registries that images wait for, each with the number of these images. */
function unreadBy(images: readonly Digest[], found: ResolvedLineages): Pick<LineagePart, 'unread'> {
  const waiting = images.flatMap((digest) => [...new Set(found.unreadBelow(digest).map(registryKey))]);
  const byRegistry = Map.groupBy(waiting, (key) => key);
  if (byRegistry.size === 0) return {};
  return { unread: [...byRegistry.keys()].sort().map((key) => ({ key, images: byRegistry.get(key)?.length ?? 0 })) };
}

async function recordLineages(
  ports: Pick<LineagePorts, 'images' | 'streamImages' | 'fleetPlaces'>,
  fleet: ReadFleet,
  found: ResolvedLineages,
  digests: ReadonlySet<Digest>,
): Promise<readonly LineageFailure[]> {
  const { images } = ports;
  const changed = await changedLineages(ports, fleet, found, digests);
  const failures = await mapConcurrently(changed, WRITES_AT_ONCE, async ({ digest, lineage }) => {
    try {
      // A head that moved meanwhile has written newer data than this review read.
      const read = fleet.images.get(digest)?.lineage;
      await images.recordLineage(
        digest,
        'mayLieBelow' in lineage ? lineage : (before) => (sameContent(before, read) ? lineage : undefined),
      );
      return [];
    } catch (error) {
      return [{ key: digest, error }];
    }
  });
  return failures.flat();
}

/** Records moves whose push event may be lost. */
function recordCauses(
  ports: LineagePorts,
  policy: Policy,
  { streams, inUse, fleet, found }: Found,
): Promise<readonly LineageFailure[]> {
  const run = Map.groupBy(inUse, (digest) => fleet.images.get(digest)?.aged.stream ?? '');
  const known = new Set(streams.map(({ stream }) => stream));
  const lateOf = (digests: readonly Digest[]) => digests.flatMap((digest) => found.of(digest)?.staleParent ?? []);
  const heads = streams.map((record) => ({ record, staleParents: lateOf(allHeads([record])) }));
  // An application without a push since it became known is known only by its running images.
  const unread = [...run].map(([stream, images]) => ({
    record: { stream, tier: 'application' as const },
    staleParents: stream === '' || known.has(stream) ? [] : lateOf(images),
  }));
  const late = [...heads, ...unread].filter(({ staleParents }) => staleParents.length > 0);
  return recordMoved(ports, policy, late, (stream) => run.has(stream), ports.clock());
}

interface Found {
  readonly streams: readonly StreamRecord[];
  readonly inUse: Iterable<Digest>;
  readonly fleet: ReadFleet;
  readonly found: ResolvedLineages;
}

const partOf = ({ images }: ReadFleet, failures: readonly LineageFailure[]): LineagePart => ({
  kind: 'lineage',
  key: LINEAGE_PART,
  images: images.size,
  failures: failures.slice(0, MOST_FAILURES_NAMED).map(({ key, error }) => ({ key, ...namedFailure(error) })),
  failed: failures.length,
});
