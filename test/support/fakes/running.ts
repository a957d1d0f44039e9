import type { Digest } from '../../../shared/domain/image/image.ts';
import type { DoorPlace } from '../../../shared/domain/policy/doors.ts';
import type { ImagePresence, RunningLedger, RunningReads } from '../../../shared/ports/admission.ts';

/** Images that run, in memory. */
export class FakeRunning implements RunningLedger, RunningReads {
  readonly #running = new Set<string>();
  /** How many marks were written, ended ones too. */
  written = 0;

  async begin(images: readonly ImagePresence[]): Promise<void> {
    this.written += images.length;
    for (const { digest, place } of images) this.#running.add(keyOf(digest, place));
  }

  async end(images: readonly ImagePresence[]): Promise<void> {
    this.written += images.length;
    for (const { digest, place } of images) this.#running.delete(keyOf(digest, place));
  }

  async runningIn(digests: readonly Digest[], place: DoorPlace): Promise<ReadonlySet<Digest>> {
    return new Set(digests.filter((digest) => this.#running.has(keyOf(digest, place))));
  }
}

const keyOf = (digest: Digest, { account, region, cluster, namespace = '' }: DoorPlace): string =>
  [digest, account, region, cluster, namespace].join(' ');
