import { MetricUnit } from '@aws-lambda-powertools/metrics';
import { updateService } from '../../shared/domain/admission/deploy-head.ts';
import type { DoorQuestion, GateAnswer } from '../../shared/domain/admission/door-question.ts';
import { DOOR_RULES } from '../../shared/domain/admission/door-rules.ts';
import { visibleLine } from '../../shared/domain/common/visible-text.ts';
import type { ContainersDecided } from '../../shared/judging/decide-containers.ts';
import { type RecordDenialPorts, recordDenied } from '../../shared/judging/record-denied.ts';
import { countUnreported } from '../../shared/lambda/count-unreported.ts';
import { metrics } from '../../shared/lambda/metrics.ts';
import { logger } from '../../shared/lambda/powertools.ts';

/** A denial is recorded for its owner, and names the head to deploy. */
export async function withReport(
  ports: RecordDenialPorts,
  { account, region, cluster, service }: DoorQuestion,
  { reference, ...answer }: GateAnswer & ContainersDecided,
): Promise<GateAnswer> {
  if (answer.decision !== 'deny') return answer;
  const about = { door: 'ecs-gate', place: { account, region, cluster }, workload: `service/${service}` } as const;
  const denied = { ...answer, ...(reference !== undefined && { reference }) };
  const recorded = await recordDenied(ports, about, denied, () => updateService(cluster, service));
  countUnreported(recorded);
  return { ...answer, message: recorded.message };
}

/** The alarm of ecs-door.yaml counts deployments without a decision. */
export function logAnswer(answer: GateAnswer): void {
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
