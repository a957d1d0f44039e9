import { answerGate } from '../../../functions/ecs-door/answer-gate.ts';
import { gate } from '../../../functions/ecs-gate/gate.ts';
import type { HookEvent } from '../../../functions/ecs-gate/input.ts';
import {
  type ContainersDecision,
  containersDecision,
  doorQuestion,
} from '../../../shared/domain/admission/door-question.ts';
import { imagesOfRevision } from '../../../shared/domain/admission/ecs-images.ts';
import { parse } from '../../../shared/schema.ts';
import { FakeGateModes } from '../fakes/gate-modes.ts';
import { type ConformanceDoor, placeOf, portsFor } from './doors.ts';

/** The gate of a service whose task definition is the one of the case, before the door of the hub. */
export const ecsGateDoor: ConformanceDoor = {
  name: 'ecs-gate',
  can: ({ task }) => task !== undefined,
  async decide(one) {
    const place = placeOf({ ...one, review: undefined });
    const ports = await portsFor(one, place);
    const answers: ContainersDecision[] = [];
    const door = {
      ask: async (question: unknown) => {
        const answer = await answerGate(ports, parse(doorQuestion, JSON.parse(JSON.stringify(question))));
        answers.push(parse(containersDecision, JSON.parse(JSON.stringify(answer))));
        return answer;
      },
    };
    const containers = (one.task?.containerDefinitions ?? []) as readonly { name: string; image?: string }[];
    const defined = containers.map((container) => ({ ...container, followsTag: false }));
    const revisions = { imagesOf: async () => imagesOfRevision(defined, []) };
    const { hookStatus } = await gate(
      { revisions, door, modes: new FakeGateModes(), firstMode: 'deny', clock: ports.clock },
      eventOf(place),
    );
    const [decided] = answers;
    const isFailed = hookStatus === 'FAILED';
    if (!decided || isFailed !== (decided.decision === 'deny'))
      throw new Error(
        `ecs-gate answers ${hookStatus} to ${one.id}, and the door of the hub says ${decided?.decision}.`,
      );
    return { decision: decided.decision, ...('ruleId' in decided && { rule: decided.ruleId }) };
  },
};

const eventOf = ({ account, region, cluster }: { account: string; region: string; cluster: string }): HookEvent => {
  const of = `arn:aws:ecs:${region}:${account}`;
  return {
    ...{
      lifecycleStage: 'PRE_SCALE_UP',
      resourceArn: `${of}:service-deployment/${cluster}/web/1`,
    },
    executionDetails: {
      targetServiceRevisionArn: `${of}:service-revision/${cluster}/web/1`,
      ...{ testTrafficWeights: {}, productionTrafficWeights: {} },
    },
  };
};
