import { type Admission, digestsToRead } from '../../shared/domain/admission/admit.ts';
import type { DoorPlace } from '../../shared/domain/policy/doors.ts';
import {
  type AskedImages,
  type DoorReading,
  decideBy,
  pinBy,
  readAtDoor,
  taggedIn,
} from '../../shared/judging/decide-at-door.ts';
import type { ReviewPorts } from './reviewed.ts';

/** The decisions in the order of the references. */
export interface DecidedImages {
  readonly admissions: readonly Admission[];
  /** They follow from what was read for another review, some seconds ago. */
  readonly isRemembered: boolean;
}

/**
 * Decides on images as `decideAtDoor` does. What was read for another review may only let images start: before it refuses one, it
 * reads everything again, so that a person who has just removed the cause gets the new answer.
 * @param pinnedLater references in whose place the pods will have the digest of their tag, if the door writes it
 * @throws as `readAtDoor` does, or the error of `inTime`
 */
export async function decideImages(
  ports: ReviewPorts,
  place: DoorPlace,
  references: readonly (string | undefined)[],
  asked?: AskedImages,
  pinnedLater: ReadonlySet<string | undefined> = new Set(),
): Promise<DecidedImages> {
  const { inTime = (work) => work, clock } = ports;
  // A tag may name another image with each start.
  const remembered = taggedIn(references).length > 0 ? undefined : ports.remembered;
  const digests = digestsToRead(references);
  const recent = remembered?.recent(place, digests);
  if (recent) {
    const admissions = decideBy(recent, place, references, clock());
    if (admissions.every(mayStart)) return { admissions, isRemembered: true };
  }
  const readAtEpochMs = clock();
  const reading = await inTime(readAtDoor(ports, place, references, asked));
  const admissions = decideBy(reading, place, asPinned(reading, place, references, pinnedLater, clock()), clock());
  // An end of a break-glass counts at once.
  if (admissions.every(mayStart) && !reading.breakGlass) remembered?.remember(place, digests, reading, readAtEpochMs);
  else remembered?.forget(place, digests);
  return { admissions, isRemembered: false };
}

function asPinned(
  reading: DoorReading,
  place: DoorPlace,
  references: readonly (string | undefined)[],
  pinnedLater: ReadonlySet<string | undefined>,
  nowEpochMs: number,
): readonly (string | undefined)[] {
  if (pinnedLater.size === 0) return references;
  const pinned = pinBy(reading, place, references, nowEpochMs);
  return references.map((reference, index) =>
    pinnedLater.has(reference) ? (pinned[index]?.reference ?? reference) : reference,
  );
}

const mayStart = ({ decision }: Admission): boolean => decision !== 'deny';
