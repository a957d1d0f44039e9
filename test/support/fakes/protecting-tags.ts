import type { Digest, ImageLocation } from '../../../shared/domain/image/image.ts';
import { isNamedWithout } from '../../../shared/domain/retention/protecting-tag.ts';
import { TaggerUnreachableError } from '../../../shared/ports/acting-errors.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import type { ProtectingTags } from '../../../shared/ports/protecting-tags.ts';
import type { FakeRegistry } from './registry.ts';
import { FakeTagger } from './tagger.ts';

/** Protecting tags of a fake registry. */
export class FakeProtectingTags extends FakeTagger implements ProtectingTags {
  readonly #kept: FakeRegistry;
  /** Every tag that was really taken away, in order. */
  readonly taken: string[] = [];
  /** Whether the registry's account lists the repository. */
  isPermitted = true;

  constructor(registry: FakeRegistry, clock: Clock) {
    super(registry, clock);
    this.#kept = registry;
  }

  override async tag(place: ImageLocation, digest: Digest, tag: string): Promise<void> {
    this.#check(place);
    await super.tag(place, digest, tag);
  }

  async untag(place: ImageLocation, tag: string, moves: (tag: string) => boolean): Promise<boolean> {
    this.#check(place);
    const image = (this.#kept.keptIn(place) ?? []).find(({ tags }) => tags.includes(tag));
    if (!image || !isNamedWithout(image.tags, moves)) return false;
    this.#kept.untag(place, tag);
    this.taken.push(tag);
    return true;
  }

  #check(place: ImageLocation): void {
    if (this.isPermitted && !this.#kept.isDenied(place)) return;
    throw new TaggerUnreachableError(place, new Error('AccessDenied: the role cannot be taken'));
  }
}
