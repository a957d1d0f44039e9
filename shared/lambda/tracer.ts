import { Tracer } from '@aws-lambda-powertools/tracer';

/* A bundle of its own beside each function's, which `tracing.ts` loads only if the parameter Tracing is on, because it
 * has 125 KiB. So it keeps no state that the function's own bundle has too. */

// AWS calls are the subsegments. HTTP requests would be the same calls once more, and addresses of layers hold signatures.
const tracer = new Tracer({ captureHTTPsRequests: false });

/* The X-Ray SDK puts Lambda's segment into the asynchronous context in which it is loaded, here that of the first
 * invocation. Each invocation sets it explicitly, so that none inherits that of an earlier one. */
const segmentOfLambda = tracer.getSegment();
const contexts = tracer.provider.getNamespace();

/** Makes each call of the client a subsegment of the trace. */
export const traceCalls = <Client extends object>(client: Client): Client => tracer.captureAWSv3Client(client);

/** Runs the work of one invocation as the subsegment `## handler`, which shows cold starts and errors. */
export const inSubsegment = <Output>(work: () => Promise<Output>): Promise<Output> =>
  contexts.runPromise(async () => {
    if (segmentOfLambda) tracer.setSegment(segmentOfLambda);
    // Read again: reading gives the segment the id of this invocation's trace.
    const subsegment = tracer.getSegment()?.addNewSubsegment('## handler');
    if (!subsegment) return work();
    tracer.setSegment(subsegment);
    tracer.annotateColdStart();
    tracer.addServiceNameAnnotation();
    try {
      return await work();
    } catch (error) {
      if (error instanceof Error) tracer.addErrorAsMetadata(error);
      throw error;
    } finally {
      subsegment.close();
    }
  });
