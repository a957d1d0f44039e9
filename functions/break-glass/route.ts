import { MetricUnit } from '@aws-lambda-powertools/metrics';
import type { SQSBatchResponse } from 'aws-lambda';
import { mapConcurrently } from '../../shared/concurrency.ts';
import { metrics } from '../../shared/lambda/metrics.ts';
import { queueReply, readBody, setAside } from '../../shared/lambda/queue-messages.ts';
import { checkBreakGlass } from './check-break-glass.ts';
import { countSilent, type SilencePorts } from './count-silent.ts';
import { breakGlassCheck, type CheckMessage } from './input.ts';
import type { BreakGlassOutcome, BreakGlassPorts } from './ports.ts';
import { sweep } from './sweep.ts';

const CHECKS_AT_ONCE = 5;

/**
 * Handles a batch of the queue. A check that must look again comes back after a while, and is no failure.
 * @param region of this function, and of the clusters whose webhook asks
 */
export async function route(
  { Records }: { readonly Records: readonly CheckMessage[] },
  ports: BreakGlassPorts & SilencePorts,
  region: string,
): Promise<SQSBatchResponse> {
  const read = Records.map((message) => ({ message, ...readBody(message.body, () => breakGlassCheck) }));
  const unreadable = read.flatMap(({ message, problem }) => (problem === undefined ? [] : [{ message, problem }]));
  const lost = await setAside(ports.deadLetters, unreadable);
  const handled = await mapConcurrently(read, CHECKS_AT_ONCE, async ({ message, value }) => {
    const { messageId, attributes } = message;
    if (value === undefined) return {};
    try {
      if (value.kind !== 'sweep')
        return { messageId, outcome: await checkBreakGlass(ports, value, attributes.ApproximateReceiveCount) };
      await sweep(ports, region);
      await countSilent(ports, region);
      return {};
    } catch (error) {
      return { failed: { messageId, error } };
    }
  });
  count(handled.flatMap(({ outcome }) => outcome ?? []));
  const { batchItemFailures } = queueReply([...lost, ...handled.flatMap(({ failed }) => failed ?? [])], Records.length);
  const again = handled.flatMap(({ messageId = '', outcome }) =>
    outcome === 'again' ? [{ itemIdentifier: messageId }] : [],
  );
  return { batchItemFailures: [...batchItemFailures, ...again] };
}

/** The alarms of doors.yaml count these. */
function count(outcomes: readonly BreakGlassOutcome[]): void {
  const of = (wanted: BreakGlassOutcome) => outcomes.filter((outcome) => outcome === wanted).length;
  metrics.addMetric('BreakGlassBegun', MetricUnit.Count, of('begun'));
  metrics.addMetric('BreakGlassUnproven', MetricUnit.Count, of('unproven'));
}
