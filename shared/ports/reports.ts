/** A report of one review in both of its forms. */
export interface RenderedReport {
  /** The report as JSON text. */
  readonly json: string;
  readonly markdown: string;
  /** Whether it covers the whole fleet; a report on some scopes never becomes the latest. */
  readonly ofFleet: boolean;
}

/** Reports for people and machines, stored by run. */
export interface ReportStore {
  /** Writes the report of a run, then, if it is of the whole fleet, the same as the latest one. */
  put(runId: string, report: RenderedReport): Promise<void>;
  /** The report of a run, or the latest; `undefined` if there is none. */
  get(format: 'json' | 'md', runId?: string): Promise<string | undefined>;
}
