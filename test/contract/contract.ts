/** What a contract suite runs on: a fresh, empty implementation for each test. */
export interface Contract<Port> {
  make(): Port | Promise<Port>;
  /** How many cases each property tries: many in memory, few where each costs calls. */
  readonly propertyRuns: number;
}
