/** One thing wrong in a fleet file: where, as a JSON path, and what. */
export interface FleetProblem {
  readonly path: string;
  readonly message: string;
}

/** A fleet file that cannot be used; the message lists every problem with its JSON path. */
export class FleetError extends Error {
  override readonly name = 'FleetError';
  readonly problems: readonly FleetProblem[];

  constructor(source: string, problems: readonly FleetProblem[], options?: ErrorOptions) {
    const lines = problems.map(({ path, message }) => `  ${path === '' ? '(the whole file)' : path}: ${message}`);
    super(
      `${source} is not a valid fleet. Correct these problems (schema: local/fleet/fleet.schema.json):\n${lines.join('\n')}`,
      options,
    );
    this.problems = problems;
  }
}
