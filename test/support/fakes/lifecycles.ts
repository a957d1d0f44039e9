import { type ImageLocation, locationKey } from '../../../shared/domain/image/image.ts';
import type { ListedArtifact } from '../../../shared/domain/retention/lifecycle-forecast.ts';
import { RegistryUnreachableError } from '../../../shared/ports/errors.ts';
import type { Lifecycles, LifecycleText } from '../../../shared/ports/lifecycles.ts';
import type { FakeRegistry } from './registry.ts';

/** Lifecycle policies of a fake registry. `asked` names the repositories that were listed. */
export class FakeLifecycles implements Lifecycles {
  readonly #registry: FakeRegistry;
  readonly #texts = new Map<string, string>();
  readonly asked: string[] = [];

  constructor(registry: FakeRegistry) {
    this.#registry = registry;
  }

  /** Gives a repository a policy: its text, or its rules. */
  set(location: ImageLocation, policy: string | readonly object[]): this {
    this.#texts.set(locationKey(location), typeof policy === 'string' ? policy : JSON.stringify({ rules: policy }));
    return this;
  }

  async policyOf(location: ImageLocation): Promise<LifecycleText> {
    this.#check(location);
    const text = this.#texts.get(locationKey(location));
    if (!this.#registry.keptIn(location)) return { found: 'no-repository' };
    return text === undefined ? { found: 'no-policy' } : { found: 'policy', text };
  }

  async *artifacts(location: ImageLocation): AsyncIterable<readonly ListedArtifact[]> {
    this.#check(location);
    this.asked.push(locationKey(location));
    const kept = this.#registry.keptIn(location) ?? [];
    if (kept.length === 0) return;
    yield kept.map(({ digest, tags, pushedAtEpochMs, archived }) => ({
      ...{ digest, tags, archived },
      ...(pushedAtEpochMs !== undefined && { pushedAtEpochMs }),
      isIndex: this.#registry.find(location, digest)?.artifact.kind === 'index',
    }));
  }

  #check(location: ImageLocation): void {
    if (!this.#registry.isDenied(location)) return;
    throw new RegistryUnreachableError(location, new Error('AccessDenied: the role cannot be taken'));
  }
}
