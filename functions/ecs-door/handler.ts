import { bucketClient, ledgerClient } from '../../shared/adapters/clients.ts';
import { DynamoImages } from '../../shared/adapters/dynamodb/images/image-ledger.ts';
import { DynamoPlaces } from '../../shared/adapters/dynamodb/images/place-ledger.ts';
import { DynamoRunningReads } from '../../shared/adapters/dynamodb/images/running-ledger.ts';
import { DynamoBreakGlassReads } from '../../shared/adapters/dynamodb/policy/break-glass-ledger.ts';
import { DynamoPolicies } from '../../shared/adapters/dynamodb/policy/policies.ts';
import { DynamoStartDenials } from '../../shared/adapters/dynamodb/policy/start-denial-ledger.ts';
import { DynamoStreamHeads } from '../../shared/adapters/dynamodb/streams/stream-ledger.ts';
import { LedgerTable } from '../../shared/adapters/dynamodb/table/table.ts';
import { doorQuestion } from '../../shared/domain/admission/door-question.ts';
import type { RecordDenialPorts } from '../../shared/judging/record-denied.ts';
import { loadEnv } from '../../shared/lambda/env.ts';
import { metrics } from '../../shared/lambda/metrics.ts';
import { logger } from '../../shared/lambda/powertools.ts';
import { lambdaFunction } from '../../shared/lambda/stack.ts';
import { answerGate } from './answer-gate.ts';
import { environment } from './env.ts';
import { logAnswer, withReport } from './report-answer.ts';

function compose(): RecordDenialPorts {
  const env = loadEnv(environment);
  const table = new LedgerTable(ledgerClient(), env.LEDGER_TABLE);
  return {
    ...{ images: new DynamoImages(table), places: new DynamoPlaces(table), running: new DynamoRunningReads(table) },
    policies: new DynamoPolicies(table, bucketClient(), env.EVIDENCE_BUCKET),
    ...{ streams: new DynamoStreamHeads(table), startDenials: new DynamoStartDenials(table) },
    ...{ exceptions: new DynamoBreakGlassReads(table), clock: Date.now },
  };
}

/** Answers the gates of member accounts, records refusals, and can do nothing else. Deployed by ecs-door.yaml. */
export const ecsDoor = (services: () => RecordDenialPorts) =>
  lambdaFunction({
    input: doorQuestion,
    compose: services,
    metrics,
    handle: async (question, ports) => {
      const { account, region, cluster, service } = question;
      logger.appendKeys({ account, region, cluster, deploying: service });
      const answer = await withReport(ports, question, await answerGate(ports, question));
      logAnswer(answer);
      return answer;
    },
  });

export const handler = ecsDoor(compose);
