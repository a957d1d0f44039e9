import type { Digest } from '../../../shared/domain/image/image.ts';
import type { InUse } from '../../../shared/domain/scan/witness.ts';
import type { Clockwork } from './clockwork.ts';
import type { Ecs } from './ecs.ts';
import type { TrueImage } from './images.ts';

interface World {
  readonly clockwork: Clockwork;
  readonly ecs: Ecs;
}

interface HiddenUse {
  readonly image: TrueImage;
  readonly fromEpochMs: number;
  endedAtEpochMs?: number;
}

/**
 * What AWS sees of the use of images: of tasks that Patchwave sees, for some hours after their end too, and of tasks in an account
 * that no policy lists. It may say nothing for a while.
 */
export class Uses {
  readonly #with: World;
  readonly #lagMs: number;
  readonly hidden: HiddenUse[] = [];
  /** By image when each use was seen last. */
  readonly #seen = new Map<Digest, number>();
  isSilent = false;

  constructor(life: World, lagMs: number) {
    this.#with = life;
    this.#lagMs = lagMs;
  }

  follow(): void {
    for (const { image } of this.#running()) this.#seen.set(image.digest, this.#with.clockwork.now);
  }

  of({ digest }: TrueImage): InUse | undefined {
    if (this.isSilent) return undefined;
    this.follow();
    const now = this.#with.clockwork.now;
    const lastAtEpochMs = this.#seen.get(digest);
    if (lastAtEpochMs === undefined) return undefined;
    const count = this.#running().filter(({ image }) => image.digest === digest).length;
    if (count > 0) return { count, lastAtEpochMs };
    return now < lastAtEpochMs + this.#lagMs ? { count: 1, lastAtEpochMs } : undefined;
  }

  /** Whether a container really ran an image until an instant, or later. */
  wasUsed = (digest: Digest, atEpochMs: number): boolean => (this.#seen.get(digest) ?? 0) >= atEpochMs;

  hide(image: TrueImage): HiddenUse {
    const use = { image, fromEpochMs: this.#with.clockwork.now };
    this.hidden.push(use);
    return use;
  }

  endAll(): void {
    this.follow();
    this.isSilent = false;
    for (const use of this.hidden) use.endedAtEpochMs ??= this.#with.clockwork.now;
  }

  #running(): readonly { readonly image: TrueImage }[] {
    return [...this.#with.ecs.running(), ...this.hidden.filter(({ endedAtEpochMs }) => endedAtEpochMs === undefined)];
  }
}
