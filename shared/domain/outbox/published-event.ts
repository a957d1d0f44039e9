/** Who publishes it, as EventBridge rules match it. */
export const EVENT_SOURCE = 'patchwave';

/** What others may rely on: documented in docs/events.md, versioned by `detail.schemaVersion`. */
export interface PublishedEvent {
  readonly detailType: string;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly resources: readonly string[];
}

/** An EventBridge entry holds 256 KB: the gravest reasons and facts travel, with the number of all. */
export const MOST_PUBLISHED = 100;
