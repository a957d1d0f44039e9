import { bucketClient, ledgerClient, queueClient } from '../../shared/adapters/clients.ts';
import { DynamoContentLedger } from '../../shared/adapters/dynamodb/images/content-ledger.ts';
import { DynamoFleetPlaces } from '../../shared/adapters/dynamodb/images/fleet-places.ts';
import { DynamoImageLedger } from '../../shared/adapters/dynamodb/images/image-ledger.ts';
import { DynamoPlaces } from '../../shared/adapters/dynamodb/images/place-ledger.ts';
import { DynamoPolicies } from '../../shared/adapters/dynamodb/policy/policies.ts';
import { DynamoRebuildLedger } from '../../shared/adapters/dynamodb/rebuilds/rebuild-ledger.ts';
import { DynamoImagesOfStreams } from '../../shared/adapters/dynamodb/streams/stream-images.ts';
import { DynamoStreams } from '../../shared/adapters/dynamodb/streams/stream-ledger.ts';
import { LedgerTable } from '../../shared/adapters/dynamodb/table/table.ts';
import { S3RunFiles } from '../../shared/adapters/s3-run-files.ts';
import { SqsDeadLetters } from '../../shared/adapters/sqs-dead-letters.ts';
import { SqsMessages } from '../../shared/adapters/sqs-messages.ts';
import { loadEnv } from '../../shared/lambda/env.ts';
import { fleetLedgers, ledgersOfRun } from '../../shared/lambda/ledgers.ts';
import { queueRedelivery } from '../../shared/lambda/queue-redelivery.ts';
import { lambdaFunction } from '../../shared/lambda/stack.ts';
import { environment } from './env.ts';
import { lineageInput } from './input.ts';
import { reviewLedgers } from './ledgers.ts';
import { type LineageServices, route } from './route.ts';

function compose(): LineageServices {
  const env = loadEnv(environment);
  const table = new LedgerTable(ledgerClient(), env.LEDGER_TABLE);
  const s3 = bucketClient();
  const files = new S3RunFiles(s3, env.RUN_BUCKET);
  const policies = new DynamoPolicies(table, s3, env.EVIDENCE_BUCKET);
  const ledgers = ledgersOfRun(table, files, reviewLedgers);
  const fleet = fleetLedgers(table);
  const sqs = queueClient();
  return {
    reviewing: (run) => {
      const { parts: runs, placeReads: places, streamReads: streams, ...others } = ledgers(run);
      return { ...others, places, streams, ...fleet, policies, files, runs, clock: Date.now };
    },
    following: {
      images: new DynamoImageLedger(table),
      places: new DynamoPlaces(table),
      contents: new DynamoContentLedger(table),
      streams: new DynamoStreams(table),
      streamImages: new DynamoImagesOfStreams(table),
      ...fleet,
      policies,
      fleetPlaces: new DynamoFleetPlaces(table),
      rebuilds: new DynamoRebuildLedger(table),
      judging: new SqsMessages(sqs, env.SCAN_EVENT_QUEUE_URL),
      deadLetters: new SqsDeadLetters(sqs, env.DEAD_LETTER_QUEUE_URL),
      clock: Date.now,
    },
  };
}

/** Finds lineage and ages: for the whole fleet in a review, and for new pushes and build outputs. */
export const lineage = (services: () => LineageServices) =>
  lambdaFunction({ input: lineageInput, compose: services, redelivery: queueRedelivery, handle: route });

export const handler = lineage(compose);
