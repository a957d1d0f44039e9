/** The event source, as EventBridge rules match it. */
export const EVENT_SOURCE = 'patchwave';

/** The public contract: documented in docs/events.md, versioned by `detail.schemaVersion`. */
export interface PublishedEvent {
  readonly detailType: string;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly resources: readonly string[];
}

/** What PutEvents takes: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html */
export const MOST_EVENT_BYTES = 256 * 1024;

/** As PutEvents counts an entry: its source, type, detail and resources. */
export const eventBytes = ({ detailType, detail, resources }: PublishedEvent): number =>
  [EVENT_SOURCE, detailType, JSON.stringify(detail), ...resources].reduce(
    (sum, text) => sum + Buffer.byteLength(text),
    0,
  );

/**
 * An EventBridge entry has at most 256 KB, so events carry the most serious reasons and facts, and the number of all.
 */
export const MOST_PUBLISHED = 100;
