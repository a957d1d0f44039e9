/** Storage for entries that one step writes and reads again, and that end with the step. */
export interface Scratch {
  /** The most entries that a step holds in memory. */
  readonly mostHeld: number;
  /** An empty folder of its own for each call. */
  open(): Promise<ScratchFolder>;
}

/** Lists of JSON values by name. */
export interface ScratchFolder {
  append(name: string, entries: readonly unknown[]): Promise<void>;
  /** Everything appended, in this order; empty if there was nothing. */
  read(name: string): Promise<readonly unknown[]>;
  /** Deletes the folder. */
  remove(): Promise<void>;
}
