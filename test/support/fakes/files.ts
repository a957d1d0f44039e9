import type { Digest } from '../../../shared/domain/image/image.ts';
import { eventBytes, MOST_EVENT_BYTES } from '../../../shared/domain/outbox/published-event.ts';
import type { DeadLetters } from '../../../shared/ports/dead-letters.ts';
import { EventsNotPublishedError, RunFileMissingError } from '../../../shared/ports/errors.ts';
import type { EventBus, PublishedEvent } from '../../../shared/ports/event-bus.ts';
import type { EvidenceStore, FindingsEvidence } from '../../../shared/ports/evidence.ts';
import type { RenderedReport, ReportStore } from '../../../shared/ports/reports.ts';
import type { RunFiles } from '../../../shared/ports/run-files.ts';
import { copied } from './copied.ts';

/** Run files in memory. Documents go through JSON, as they do in a bucket. */
export class FakeRunFiles implements RunFiles {
  readonly #files = new Map<string, string>();

  async put(key: string, document: unknown): Promise<void> {
    this.#files.set(key, JSON.stringify(document));
  }

  async get(key: string): Promise<unknown> {
    const text = this.#files.get(key);
    if (text === undefined) throw new RunFileMissingError(key);
    return JSON.parse(text);
  }

  async *list(prefix: string): AsyncIterable<string> {
    yield* [...this.#files.keys()].filter((key) => key.startsWith(prefix)).sort();
  }
}

/** Evidence in memory; `versions` counts how often each digest was written. */
export class FakeEvidenceStore implements EvidenceStore {
  readonly #evidence = new Map<Digest, FindingsEvidence>();
  readonly versions = new Map<Digest, number>();

  async putFindings(evidence: FindingsEvidence): Promise<void> {
    this.#evidence.set(evidence.digest, copied(evidence));
    this.versions.set(evidence.digest, (this.versions.get(evidence.digest) ?? 0) + 1);
  }

  async findings(digest: Digest): Promise<FindingsEvidence | undefined> {
    return copied(this.#evidence.get(digest));
  }

  lose(digest: Digest): void {
    this.#evidence.delete(digest);
  }
}

/** Reports in memory. */
export class FakeReportStore implements ReportStore {
  readonly #reports = new Map<string, RenderedReport>();

  async put(runId: string, report: RenderedReport): Promise<void> {
    this.#reports.set(runId, report);
    if (report.ofFleet) this.#reports.set('latest', report);
  }

  async get(format: 'json' | 'md', runId = 'latest'): Promise<string | undefined> {
    const report = this.#reports.get(runId);
    return format === 'json' ? report?.json : report?.markdown;
  }
}

/** Keeps what was published; refuses what PutEvents does not take. */
export class FakeEventBus implements EventBus {
  readonly published: PublishedEvent[] = [];

  async publish(events: readonly PublishedEvent[]): Promise<void> {
    const tooLarge = events.filter((event) => eventBytes(event) > MOST_EVENT_BYTES);
    this.published.push(...copied(events.filter((event) => !tooLarge.includes(event))));
    if (tooLarge.length > 0)
      throw new EventsNotPublishedError(
        tooLarge.map(({ detailType }) => ({ detailType, code: 'TooLarge', detail: '' })),
      );
  }
}

/** Keeps what was put aside. */
export class FakeDeadLetters implements DeadLetters {
  readonly letters: { readonly body: string; readonly reason: string }[] = [];

  async put(body: string, reason: string): Promise<void> {
    this.letters.push({ body, reason });
  }
}
