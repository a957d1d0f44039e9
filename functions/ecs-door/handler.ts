import { MetricUnit } from '@aws-lambda-powertools/metrics';
import { bucketClient, ledgerClient } from '../../shared/adapters/clients.ts';
import { DynamoImages } from '../../shared/adapters/dynamodb/images/image-ledger.ts';
import { DynamoPlaces } from '../../shared/adapters/dynamodb/images/place-ledger.ts';
import { DynamoRunningReads } from '../../shared/adapters/dynamodb/images/running-ledger.ts';
import { DynamoBreakGlassReads } from '../../shared/adapters/dynamodb/policy/break-glass-ledger.ts';
import { DynamoPolicies } from '../../shared/adapters/dynamodb/policy/policies.ts';
import { LedgerTable } from '../../shared/adapters/dynamodb/table/table.ts';
import { doorQuestion, type GateAnswer } from '../../shared/domain/admission/door-question.ts';
import { DOOR_RULES } from '../../shared/domain/admission/door-rules.ts';
import { visibleLine } from '../../shared/domain/common/visible-text.ts';
import type { DoorPorts } from '../../shared/judging/decide-at-door.ts';
import { loadEnv } from '../../shared/lambda/env.ts';
import { metrics } from '../../shared/lambda/metrics.ts';
import { logger } from '../../shared/lambda/powertools.ts';
import { lambdaFunction } from '../../shared/lambda/stack.ts';
import { answerGate } from './answer-gate.ts';
import { environment } from './env.ts';

function compose(): DoorPorts {
  const env = loadEnv(environment);
  const table = new LedgerTable(ledgerClient(), env.LEDGER_TABLE);
  return {
    ...{ images: new DynamoImages(table), places: new DynamoPlaces(table), running: new DynamoRunningReads(table) },
    policies: new DynamoPolicies(table, bucketClient(), env.EVIDENCE_BUCKET),
    ...{ exceptions: new DynamoBreakGlassReads(table), clock: Date.now },
  };
}

/** Answers the gates of member accounts, and can do nothing else. Deployed by ecs-door.yaml. */
export const ecsDoor = (services: () => DoorPorts) =>
  lambdaFunction({
    input: doorQuestion,
    compose: services,
    metrics,
    handle: async (question, ports) => {
      const { account, region, cluster, service } = question;
      logger.appendKeys({ account, region, cluster, deploying: service });
      const answer = await answerGate(ports, question);
      record(answer);
      return answer;
    },
  });

/** The alarm of ecs-door.yaml counts deployments on which nobody decided. */
function record(answer: GateAnswer): void {
  if (answer.decision === 'allow') {
    logger.info('a deployment was decided: allow');
    return;
  }
  const { decision, ruleId, container, message } = answer;
  if (ruleId === DOOR_RULES.decided) {
    metrics.addMetric('DeploymentsUndecided', MetricUnit.Count, 1);
    logger.error(`a deployment could not be decided: ${message}`, { decision, ruleId });
    return;
  }
  logger.info(`a deployment was decided: ${decision}`, { ruleId, container, reason: visibleLine(message) });
}

export const handler = ecsDoor(compose);
