import type { Presence } from '../../../shared/domain/admission/standing.ts';
import type { Digest } from '../../../shared/domain/image/image.ts';
import { type DoorPlace, doorPlaceText } from '../../../shared/domain/policy/doors.ts';
import type {
  ImagePresence,
  PlacedPresence,
  PresencesOfImages,
  RunningLedger,
} from '../../../shared/ports/admission.ts';

/** Presences of images, in memory. */
export class FakeRunning implements RunningLedger, PresencesOfImages {
  readonly #presences = new Map<string, PlacedPresence>();
  /** How many presences were written, ended ones too. */
  written = 0;

  async record(presences: readonly PlacedPresence[]): Promise<void> {
    this.written += presences.length;
    for (const one of presences) this.#presences.set(keyOf(one), one);
  }

  async presencesIn(digests: readonly Digest[], place: DoorPlace): Promise<ReadonlyMap<Digest, Presence>> {
    const found = digests.map((digest) => this.#presences.get(keyOf({ digest, place })));
    return new Map(found.flatMap((one) => (one ? [[one.digest, one.presence] as const] : [])));
  }

  async presencesOf(digest: Digest): Promise<readonly PlacedPresence[]> {
    return [...this.#presences.values()].filter((one) => one.digest === digest);
  }

  /** Images that run, in good standing. */
  begin(images: readonly ImagePresence[], atEpochMs?: number): Promise<void> {
    return this.record(inGoodStanding(images, atEpochMs));
  }
}

/** Presences of images that run in good standing. */
export const inGoodStanding = (images: readonly ImagePresence[], beganAtEpochMs = 0): readonly PlacedPresence[] =>
  images.map((image) => ({ ...image, presence: { beganAtEpochMs, standing: 'good' } }));

const keyOf = ({ digest, place }: ImagePresence): string => `${digest} ${doorPlaceText(place)}`;
