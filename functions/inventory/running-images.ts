import { mapConcurrently } from '../../shared/concurrency.ts';
import type { ImageFacts } from '../../shared/domain/admission/admission-facts.ts';
import { admissionFactsOf } from '../../shared/domain/admission/admission-facts.ts';
import { nameRefusedSince, objectionsAgainst } from '../../shared/domain/admission/admit.ts';
import {
  isRecent,
  type Presence,
  presenceEnded,
  presenceSeen,
  type SeenImage,
} from '../../shared/domain/admission/standing.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import { referencesOf, type Usage, usageKey } from '../../shared/domain/image/usage.ts';
import { type DoorPlace, doorPlaceOf, doorPlaceText } from '../../shared/domain/policy/doors.ts';
import type { ImageRecord } from '../../shared/domain/verdict/image-record.ts';
import type { PlacedPresence, RunningLedger } from '../../shared/ports/admission.ts';
import type { CurrentPolicy } from '../../shared/ports/policies.ts';

/** Images of one place, with the usages of each. */
interface ImagesOfPlace {
  readonly place: DoorPlace;
  readonly usages: Map<Digest, Usage[]>;
}

/**
 * The images of usages by where they run, or may start without a deployment. No review sees a job of the night run, so its template
 * shows that the image belongs there; a guess shows nothing.
 */
function byPlace(usages: Iterable<Usage>): ReadonlyMap<string, ImagesOfPlace> {
  const places = new Map<string, ImagesOfPlace>();
  for (const usage of usages) {
    if (usage.isPossible && usage.digestSource === 'tag-guess') continue;
    const place = doorPlaceOf(usage);
    const key = doorPlaceText(place);
    const there = places.get(key) ?? { place, usages: new Map<Digest, Usage[]>() };
    places.set(key, there);
    const known = there.usages.get(usage.digest);
    if (known) known.push(usage);
    else there.usages.set(usage.digest, [usage]);
  }
  return places;
}

const PLACES_AT_ONCE = 16;

/** What a reading of a scope knows, besides the usages. */
export interface ReadingOfScope {
  /**
   * The policy by which doors decide since the usages were read, with what was in force before it. It may have come since the review
   * began, which judges by another one.
   */
  readonly inForce: () => Promise<CurrentPolicy>;
  /** The images as the ledger knows them; one without a record has no verdict yet. */
  readonly known: ReadonlyMap<Digest, ImageRecord>;
  /** No earlier reading of the scope recorded how images began. */
  readonly isFirstReading: boolean;
  /** When the complete reading before this one began; absent without one. */
  readonly beforeEpochMs?: number;
  /** By `usageKey`: since when a workload names an image, so that it began there no earlier; absent where nothing says it. */
  readonly notBefore: ReadonlyMap<string, number>;
  /** Until when a break-glass counted in a place since then, at the latest now; `undefined` without one. */
  readonly openUntil: (place: DoorPlace) => Promise<number | undefined>;
  readonly nowEpochMs: number;
}

/** The presences that change because a reading of a scope sees these usages of some images, all that it has of them. */
export async function presencesSeen(
  running: Pick<RunningLedger, 'presencesIn'>,
  seen: Iterable<Usage>,
  reading: ReadingOfScope,
): Promise<readonly PlacedPresence[]> {
  const changed = await mapConcurrently([...byPlace(seen).values()], PLACES_AT_ONCE, async ({ place, usages }) => {
    const before = await running.presencesIn([...usages.keys()], place);
    const toDecide = [...usages].filter(([digest]) => !runsOnWell(before.get(digest)));
    if (toDecide.length === 0) return [];
    const inForce = await reading.inForce();
    const { policy } = inForce;
    const found = toDecide.map(([digest, own]) => ({ digest, seen: seenImage(digest, own, reading, inForce) }));
    const isNew = (known: Presence | undefined): boolean =>
      known?.standing === undefined || !isRecent(known, policy, reading.nowEpochMs);
    // Without an objection it may have started by itself.
    const mayBeLetIn = found.some(
      ({ digest, seen: { objections, refusedNameSinceEpochMs, isOfOtherPolicy } }) =>
        (objections.size > 0 || refusedNameSinceEpochMs !== undefined || isOfOtherPolicy) && isNew(before.get(digest)),
    );
    const openUntilEpochMs = mayBeLetIn ? await reading.openUntil(place) : undefined;
    return found.flatMap(({ digest, seen }): readonly PlacedPresence[] => {
      const known = before.get(digest);
      const opened = { ...seen, ...(openUntilEpochMs !== undefined && { openUntilEpochMs }) };
      const presence = presenceSeen(known, opened, policy, reading.nowEpochMs);
      return presence === known ? [] : [{ digest, place, presence }];
    });
  });
  return changed.flat();
}

/** By any policy. */
const runsOnWell = (known: Presence | undefined): boolean =>
  known?.standing === 'good' && known.endedAtEpochMs === undefined;

function seenImage(
  digest: Digest,
  usages: readonly Usage[],
  { known, isFirstReading, beforeEpochMs, notBefore, nowEpochMs }: ReadingOfScope,
  { policy, applied, version }: CurrentPolicy,
): SeenImage {
  const records = { images: known, indexes: new Map(), presences: new Map() };
  const [image = { digest, isRecorded: false } as ImageFacts] = admissionFactsOf(digest, records, policy).images;
  // It could begin by any of the references; a sidecar of AWS has none.
  const refused = usages.flatMap(referencesOf).map((one) => nameRefusedSince(one, { policy, applied }));
  const refusedNameSinceEpochMs = Math.max(...refused.map((sinceEpochMs = Number.POSITIVE_INFINITY) => sinceEpochMs));
  const record = known.get(digest);
  const earliestEpochMs = Math.max(
    beforeEpochMs ?? Number.NEGATIVE_INFINITY,
    Math.min(...usages.map((one) => notBefore.get(usageKey(one)) ?? Number.NEGATIVE_INFINITY)),
  );
  return {
    objections: objectionsAgainst(image, { policy, nowEpochMs }),
    ...(Number.isFinite(refusedNameSinceEpochMs) && { refusedNameSinceEpochMs }),
    image: record,
    isFirstReading,
    isOfOtherPolicy: record?.verdict !== undefined && record.verdict.policyVersion !== version,
    ...(Number.isFinite(earliestEpochMs) && { earliestEpochMs }),
  };
}

/**
 * The presences that end with these usages.
 * @param running on: usages of the same images in the scope that go on
 */
export async function presencesEnded(
  running: Pick<RunningLedger, 'presencesIn'>,
  ended: Iterable<Usage>,
  goingOn: Iterable<Usage>,
  nowEpochMs: number,
): Promise<readonly PlacedPresence[]> {
  const stays = byPlace(goingOn);
  const over = await mapConcurrently([...byPlace(ended)], PLACES_AT_ONCE, async ([key, { place, usages }]) => {
    const gone = [...usages.keys()].filter((digest) => !stays.get(key)?.usages.has(digest));
    const before = gone.length === 0 ? new Map<Digest, Presence>() : await running.presencesIn(gone, place);
    return gone.map((digest) => ({ digest, place, presence: presenceEnded(before.get(digest), nowEpochMs) }));
  });
  return over.flat();
}
