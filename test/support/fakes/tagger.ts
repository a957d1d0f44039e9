import { type Digest, type ImageLocation, locationKey } from '../../../shared/domain/image/image.ts';
import { ImageGoneError, TaggerUnreachableError, TagImmutableError } from '../../../shared/ports/acting-errors.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import type { Tagger } from '../../../shared/ports/rollouts.ts';
import type { FakeRegistry } from './registry.ts';

/** Moves tags of a fake registry. */
export class FakeTagger implements Tagger {
  readonly #registry: FakeRegistry;
  readonly #clock: Clock;
  readonly #immutable = new Set<string>();
  /** Every tag that was really moved, in order. */
  readonly moved: { readonly place: ImageLocation; readonly digest: Digest; readonly tag: string }[] = [];

  constructor(registry: FakeRegistry, clock: Clock) {
    this.#registry = registry;
    this.#clock = clock;
  }

  /** Tags of this repository stay where they are. */
  freeze(place: ImageLocation): this {
    this.#immutable.add(locationKey(place));
    return this;
  }

  async tag(place: ImageLocation, digest: Digest, tag: string): Promise<void> {
    if (this.#registry.isDenied(place)) {
      throw new TaggerUnreachableError(place, new Error('AccessDenied: the role cannot be taken'));
    }
    const kept = this.#registry.find(place, digest);
    if (!kept) throw new ImageGoneError(place, digest, 'ImageNotFound');
    const before = await this.#registry.resolveTag(place, tag);
    if (before === digest) return;
    if (before !== undefined && this.#immutable.has(locationKey(place))) {
      throw new TagImmutableError(place, tag, new Error('ImageTagAlreadyExistsException'));
    }
    this.#registry.push(place, { artifact: kept.artifact, tags: [tag], pushedAtEpochMs: this.#clock() });
    this.moved.push({ place, digest, tag });
  }
}
