import { counted } from '../domain/common/counted.ts';

/** The function cannot read its input. Permanent: a retry changes nothing. */
export class InvalidInputError extends Error {
  override readonly name = 'InvalidInputError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[], options?: ErrorOptions) {
    super(`The input is not valid: ${problems.join('; ')}. Correct these fields, then start again.`, options);
    this.problems = problems;
  }
}

/** Environment variables are missing or wrong; all are named, no value is shown. */
export class EnvironmentError extends Error {
  override readonly name = 'EnvironmentError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[], options?: ErrorOptions) {
    super(`Environment variables are missing or wrong: ${problems.join('; ')}. Deploy the stack again.`, options);
    this.problems = problems;
  }
}

/** All messages of a batch failed. All are delivered again; each failure was logged before. */
export class MessagesFailedError extends Error {
  override readonly name = 'MessagesFailedError';

  constructor(messages: number, first: unknown) {
    const said = first instanceof Error ? `${first.name}: ${first.message}` : String(first);
    super(`${counted(messages, 'message')} failed and will be delivered again. The first error: ${said}`, {
      cause: first,
    });
  }
}
