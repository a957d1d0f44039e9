import { sameContent } from '../../../shared/domain/common/same-content.ts';
import type { StreamRecord } from '../../../shared/domain/stream/stream-record.ts';
import type { StreamLedger } from '../../../shared/ports/ledger.ts';
import { copied } from './copied.ts';

/** Streams and the first sightings of their findings in memory. */
export class FakeStreamLedger implements StreamLedger {
  readonly records = new Map<string, StreamRecord>();
  readonly #seen = new Map<string, Map<string, number>>();

  async recordStream(stream: StreamRecord, before: StreamRecord | undefined): Promise<boolean> {
    const stands = this.records.get(stream.stream);
    if (!sameContent(stands, before) && !sameContent(stands, stream)) return false;
    this.records.set(stream.stream, copied(stream));
    return true;
  }

  async streams(ids: readonly string[]): Promise<ReadonlyMap<string, StreamRecord>> {
    return new Map(
      ids.flatMap((id) => {
        const stream = this.records.get(id);
        return stream ? [[id, copied(stream)] as const] : [];
      }),
    );
  }

  async *all(): AsyncIterable<StreamRecord> {
    for (const [, stream] of [...this.records].sort(byId)) yield copied(stream);
  }

  async firstSeen(stream: string): Promise<ReadonlyMap<string, number>> {
    return new Map(this.#seen.get(stream));
  }

  async recordFirstSeen(stream: string, seen: ReadonlyMap<string, number>): Promise<void> {
    const known = this.#seen.get(stream) ?? new Map<string, number>();
    for (const [key, at] of seen) known.set(key, Math.min(at, known.get(key) ?? at));
    this.#seen.set(stream, known);
  }

  /** Everything recorded, for comparing two worlds. */
  dump(): readonly unknown[] {
    return [
      ...[...this.records].map(([key, stream]) => ({ key: `STREAM ${key}`, ...stream })),
      ...[...this.#seen].flatMap(([stream, seen]) =>
        [...seen].map(([key, firstSeenAtEpochMs]) => ({ key: `SEEN ${stream} ${key}`, firstSeenAtEpochMs })),
      ),
    ];
  }
}

const byId = ([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number => (one < other ? -1 : 1);
