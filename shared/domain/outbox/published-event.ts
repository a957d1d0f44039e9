/** The event source, as EventBridge rules match it. */
export const EVENT_SOURCE = 'patchwave';

/** The public contract: documented in docs/events.md, versioned by `detail.schemaVersion`. */
export interface PublishedEvent {
  readonly detailType: string;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly resources: readonly string[];
}

/**
 * An EventBridge entry has at most 256 KB, so events carry the most serious reasons and facts, and the number of all.
 */
export const MOST_PUBLISHED = 100;
