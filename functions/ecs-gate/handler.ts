import { hubFunctionClient, ownEcsClient, promptLedgerClient } from '../../shared/adapters/clients.ts';
import { EcsServiceRevisions } from '../../shared/adapters/ecs-service-revisions.ts';
import { DynamoGateModes } from '../../shared/adapters/gate-modes.ts';
import { LambdaHubDoor } from '../../shared/adapters/lambda-hub-door.ts';
import { loadEnv } from '../../shared/lambda/env.ts';
import { logger } from '../../shared/lambda/powertools.ts';
import { lambdaFunction } from '../../shared/lambda/stack.ts';
import { environment } from './env.ts';
import { type GatePorts, gate } from './gate.ts';
import { hookEvent, revisedService } from './input.ts';

function compose(): GatePorts {
  const { HUB_DOOR_ARN, HUB_DOOR_ROLE_ARN, MODES_TABLE, FIRST_MODE } = loadEnv(environment);
  const [, , , region = ''] = HUB_DOOR_ARN.split(':');
  return {
    revisions: new EcsServiceRevisions(ownEcsClient()),
    door: new LambdaHubDoor(hubFunctionClient(HUB_DOOR_ROLE_ARN, region), HUB_DOOR_ARN),
    modes: new DynamoGateModes(promptLedgerClient(), MODES_TABLE),
    firstMode: FIRST_MODE,
    clock: Date.now,
  };
}

/**
 * The deployment lifecycle hook of ECS services. Deployed by ecs-gate.yaml in the account and Region of the services. Any error
 * takes the deployment back, as an answer FAILED does.
 */
export const ecsGate = (services: () => GatePorts) =>
  lambdaFunction({
    input: hookEvent,
    compose: services,
    handle: (event, ports) => {
      const { cluster, service } = revisedService(event.executionDetails.targetServiceRevisionArn);
      logger.appendKeys({ cluster, deploying: service, deployment: event.resourceArn, stage: event.lifecycleStage });
      return gate(ports, event);
    },
  });

export const handler = ecsGate(compose);
