import { fullJitter } from '../../shared/adapters/backoff.ts';
import { promptBucketClient, promptLedgerClient, promptQueueClient } from '../../shared/adapters/clients.ts';
import { DynamoImages } from '../../shared/adapters/dynamodb/images/image-ledger.ts';
import { DynamoPlaces } from '../../shared/adapters/dynamodb/images/place-ledger.ts';
import { DynamoRunningReads } from '../../shared/adapters/dynamodb/images/running-ledger.ts';
import { DynamoAskedWebhooks } from '../../shared/adapters/dynamodb/policy/asked-webhooks.ts';
import { DynamoBreakGlassReads } from '../../shared/adapters/dynamodb/policy/break-glass-ledger.ts';
import { DynamoPoliciesBeside } from '../../shared/adapters/dynamodb/policy/policies.ts';
import { DynamoStartDenials } from '../../shared/adapters/dynamodb/policy/start-denial-ledger.ts';
import { DynamoStreamHeads } from '../../shared/adapters/dynamodb/streams/stream-ledger.ts';
import { LedgerTable } from '../../shared/adapters/dynamodb/table/table.ts';
import { SqsMessages } from '../../shared/adapters/sqs-messages.ts';
import { loadEnv } from '../../shared/lambda/env.ts';
import { metrics } from '../../shared/lambda/metrics.ts';
import { lambdaFunction } from '../../shared/lambda/stack.ts';
import { asksPerMinute } from './asks-per-minute.ts';
import { inTime, REPORT_MILLISECONDS } from './deadline.ts';
import { environment } from './env.ts';
import { hourlyNotes } from './hourly-notes.ts';
import { PathKeys } from './path-keys.ts';
import { RememberedPolicies } from './remembered-policies.ts';
import { RememberedReadings } from './remembered-readings.ts';
import { answerRequest, httpRequest, type WebhookServices } from './route.ts';

function compose(): WebhookServices {
  const env = loadEnv(environment);
  const retry = fullJitter({ attempts: 3, firstMs: 20, mostMs: 200 });
  const table = new LedgerTable(promptLedgerClient({ region: env.LEDGER_REGION }), env.LEDGER_TABLE, retry);
  const bucket = promptBucketClient({ region: env.HUB_REGION });
  const policies = new RememberedPolicies(new DynamoPoliciesBeside(table, bucket, env.EVIDENCE_BUCKET));
  return {
    keys: new PathKeys([env.PATH_PUBLIC_KEY, env.NEXT_PATH_PUBLIC_KEY], env.PATH_SECRET_HASH),
    noteAsked: hourlyNotes(new DynamoAskedWebhooks(table), Date.now, (work) => inTime(env.READ_MILLISECONDS, work)),
    ports: {
      ...{ images: new DynamoImages(table), places: new DynamoPlaces(table), running: new DynamoRunningReads(table) },
      ...{ exceptions: new DynamoBreakGlassReads(table), startDenials: new DynamoStartDenials(table) },
      ...{ streams: new DynamoStreamHeads(table), policies, lastPolicy: () => policies.last() },
      checks: new SqsMessages(promptQueueClient(), env.BREAK_GLASS_QUEUE_URL, retry),
      mayAsk: asksPerMinute(Date.now),
      remembered: new RememberedReadings(env.REMEMBER_SECONDS * 1000, Date.now),
      inTime: (work) => inTime(env.READ_MILLISECONDS, work),
      soon: (work) => inTime(REPORT_MILLISECONDS, work),
      clock: Date.now,
    },
  };
}

/** Decides for the API servers of EKS clusters whether images may start. Deployed in each Region by doors.yaml. */
export const admissionWebhook = (services: () => WebhookServices) =>
  lambdaFunction({
    input: httpRequest,
    compose: services,
    metrics,
    handle: async (request, services, { invokedFunctionArn }) => {
      const [, , , region = ''] = invokedFunctionArn.split(':');
      return answerRequest(request, services, region);
    },
  });

export const handler = admissionWebhook(compose);
