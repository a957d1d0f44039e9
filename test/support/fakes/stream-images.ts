import type { Digest } from '../../../shared/domain/image/image.ts';
import type { StreamImages } from '../../../shared/ports/stream-images.ts';

/** Images of each stream in memory. Every question whether an image is listed counts in `asked`: on AWS it costs a read. */
export class FakeStreamImages implements StreamImages {
  readonly #pushes = new Map<string, Map<Digest, number | undefined>>();
  asked = 0;

  async record(
    stream: string,
    { digest, pushedAtEpochMs }: { digest: Digest; pushedAtEpochMs?: number },
  ): Promise<void> {
    this.asked += 1;
    const images = this.#pushes.get(stream) ?? new Map<Digest, number | undefined>();
    const before = images.get(digest);
    const pushes = [before, pushedAtEpochMs].filter((at) => at !== undefined);
    this.#pushes.set(stream, images.set(digest, pushes.length > 0 ? Math.min(...pushes) : undefined));
  }

  async *of(stream: string): AsyncIterable<Digest> {
    yield* [...(this.#pushes.get(stream)?.keys() ?? [])].sort();
  }

  /** Everything recorded, for comparing two worlds. */
  dump(): readonly unknown[] {
    return [...this.#pushes].flatMap(([stream, images]) =>
      [...images].map(([digest, pushedAtEpochMs]) => ({ key: `IMG ${stream} ${digest}`, pushedAtEpochMs })),
    );
  }
}
