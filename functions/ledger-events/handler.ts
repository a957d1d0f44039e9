import { MetricUnit } from '@aws-lambda-powertools/metrics';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { DynamoDBBatchResponse } from 'aws-lambda';
import { busClient } from '../../shared/adapters/clients.ts';
import { ledgerRecord } from '../../shared/adapters/dynamodb/table/items.ts';
import { EventBridgeBus } from '../../shared/adapters/event-bridge-bus.ts';
import { loadEnv } from '../../shared/lambda/env.ts';
import { metrics } from '../../shared/lambda/metrics.ts';
import { logger } from '../../shared/lambda/powertools.ts';
import { lambdaFunction } from '../../shared/lambda/stack.ts';
import { environment } from './env.ts';
import { streamBatch } from './input.ts';
import { type PublishPorts, publishChanges } from './publish-changes.ts';

function compose(): PublishPorts {
  const env = loadEnv(environment);
  return { bus: new EventBridgeBus(busClient(), env.BUS_NAME), read: (item) => ledgerRecord(unmarshall(item)) };
}

/** The outbox: publishes ledger changes on the bus, in stream order. */
export const handler = lambdaFunction({
  input: streamBatch,
  compose,
  metrics,
  handle: async ({ Records }, ports): Promise<DynamoDBBatchResponse> => {
    const { failed, measured } = await publishChanges(ports, Records);
    for (const { metric, count } of measured) metrics.addMetric(metric, MetricUnit.Count, count);
    if (!failed) return { batchItemFailures: [] };
    const { sequenceNumber, error } = failed;
    logger.error(
      `ledger-events could not publish change ${sequenceNumber}; Lambda delivers it and all later changes again`,
      error as Error,
    );
    return { batchItemFailures: [{ itemIdentifier: sequenceNumber }] };
  },
});
