import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import type { Metrics } from '@aws-lambda-powertools/metrics';
import middy, { type MiddlewareObj } from '@middy/core';
import type { Context } from 'aws-lambda';
import type { Redelivery } from '../ports/redelivery.ts';
import * as v from '../schema.ts';
import { InvalidInputError } from './errors.ts';
import { logger } from './powertools.ts';
import { redeliveredSoon } from './redelivered-soon.ts';
import { tracingOf } from './tracing.ts';

interface FunctionDefinition<Schema extends v.GenericSchema, Services, Output> {
  /** The accepted input; everything else is refused before `handle` runs. */
  readonly input: Schema;
  /** The composition root: run once for each execution environment, at its first invocation. */
  readonly compose: () => Services;
  readonly handle: (input: v.InferOutput<Schema>, services: Services, context: Context) => Promise<Output>;
  /**
   * The metrics collector, sent at the end of each invocation, also after an error. Optional, to keep it out of other
   * bundles.
   */
  readonly metrics?: Metrics;
  /** For a queue: sets when failed messages are delivered again. */
  readonly redelivery?: () => Redelivery;
}

/**
 * A Lambda function: parses the input, calls one use case, returns its reply. The event's body is never logged. An
 * error is logged once and rethrown, so that a state machine can match its `name`.
 * @throws InvalidInputError naming the fields
 */
export function lambdaFunction<Schema extends v.GenericSchema, Services, Output>({
  input,
  compose,
  handle,
  metrics,
  redelivery,
}: FunctionDefinition<Schema, Services, Output>) {
  let services: Services | undefined;
  const traced = tracingOf();
  return middy<unknown, Output>()
    .use(injectLambdaContext(logger, { resetKeys: true }))
    .use(metrics ? flushed(metrics) : [])
    .use(redelivery ? redeliveredSoon(redelivery) : [])
    .use(errorsLoggedOnce)
    .handler((event: unknown, context: Context) =>
      traced(async (): Promise<Output> => {
        const parsed = v.safeParse(input, event);
        if (!parsed.success) throw new InvalidInputError(parsed.problems.map((problem) => v.problemText(problem)));
        services ??= compose();
        return handle(parsed.data, services, context);
      }),
    );
}

const errorsLoggedOnce: MiddlewareObj = {
  onError: ({ error }) => {
    if (error) logger.error(error.message, error);
  },
};

// Powertools' own middleware warns at every invocation without metrics, which most of ours are.
function flushed(metrics: Metrics): MiddlewareObj {
  const flush = (): void => {
    if (metrics.hasStoredMetrics()) metrics.publishStoredMetrics();
  };
  return { after: flush, onError: flush };
}
