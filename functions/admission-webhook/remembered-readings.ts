import type { Digest } from '../../shared/domain/image/image.ts';
import type { DoorPlace } from '../../shared/domain/policy/doors.ts';
import type { DoorReading } from '../../shared/judging/decide-at-door.ts';
import type { Clock } from '../../shared/ports/clock.ts';

const MOST_READINGS = 100;
/** Images and reasons of one reading: an image may have thousands of reasons. */
const MOST_FACTS = 2_000;

/**
 * What this execution environment read for a place and its digests within the last seconds, so that the equal pods of a rollout
 * share one read. Its caller keeps only what lets every image start, and refuses nothing by it.
 */
export class RememberedReadings {
  readonly #mostAgeMs: number;
  readonly #clock: Clock;
  /** The oldest first. */
  readonly #readings = new Map<string, { readonly reading: DoorReading; readonly readAtEpochMs: number }>();

  /** @param mostAgeMs 0 remembers nothing */
  constructor(mostAgeMs: number, clock: Clock) {
    this.#mostAgeMs = mostAgeMs;
    this.#clock = clock;
  }

  /** What was read for exactly these digests, in any order; `undefined` if that was too long ago. */
  recent(place: DoorPlace, digests: readonly Digest[]): DoorReading | undefined {
    const kept = this.#readings.get(questionOf(place, digests));
    if (!kept) return undefined;
    const ageMs = this.#clock() - kept.readAtEpochMs;
    // A clock that was set back tells no age.
    return ageMs >= 0 && ageMs < this.#mostAgeMs ? kept.reading : undefined;
  }

  /** @param readAtEpochMs when the read began */
  remember(place: DoorPlace, digests: readonly Digest[], reading: DoorReading, readAtEpochMs: number): void {
    const question = questionOf(place, digests);
    this.#readings.delete(question);
    if (factsIn(reading) > MOST_FACTS) return;
    this.#readings.set(question, { reading, readAtEpochMs });
    const [oldest = question] = this.#readings.keys();
    if (this.#readings.size > MOST_READINGS) this.#readings.delete(oldest);
  }

  forget(place: DoorPlace, digests: readonly Digest[]): void {
    this.#readings.delete(questionOf(place, digests));
  }
}

const questionOf = ({ account, region, cluster, namespace }: DoorPlace, digests: readonly Digest[]): string =>
  JSON.stringify([account, region, cluster, namespace, ...digests.toSorted()]);

function factsIn({ known }: DoorReading): number {
  const images = [...known.values()].flatMap((facts) => facts.images);
  return images.reduce(
    (sum, image) => sum + 1 + (image.isRecorded ? (image.verdict?.reasons.length ?? 0) : 0),
    known.size,
  );
}
