/**
 * The files of a run between its steps, for data that does not fit in a state of 256 KiB. Keys are `runs/<runId>/...`;
 * objects expire after a few days.
 */
export interface RunFiles {
  /** Writes a JSON document under a key, whole or not at all. */
  put(key: string, document: unknown): Promise<void>;
  /** Reads one document. @throws RunFileMissingError where there is none. */
  get(key: string): Promise<unknown>;
  /** Keys that begin with a prefix, in order, page by page. */
  list(prefix: string): AsyncIterable<string>;
}
