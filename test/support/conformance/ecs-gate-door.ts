import { answerGate } from '../../../functions/ecs-door/answer-gate.ts';
import { gate } from '../../../functions/ecs-gate/gate.ts';
import type { HookEvent } from '../../../functions/ecs-gate/input.ts';
import {
  type ContainersDecision,
  containersDecision,
  doorQuestion,
} from '../../../shared/domain/admission/door-question.ts';
import { DOOR_RULES } from '../../../shared/domain/admission/door-rules.ts';
import { imagesOfRevision } from '../../../shared/domain/admission/ecs-images.ts';
import { type DoorPlace, doorAt } from '../../../shared/domain/policy/doors.ts';
import { parse } from '../../../shared/schema.ts';
import { FakeGateModes } from '../fakes/gate-modes.ts';
import type { ConformanceCase } from './cases.ts';
import { type ConformanceDoor, placeOf, portsFor } from './doors.ts';
import type { Expected } from './situation.ts';

/** The gate of a service whose task definition is the one of the case, before the door of the hub. */
export const ecsGateDoor: ConformanceDoor = {
  name: 'ecs-gate',
  can: ({ task }) => task !== undefined,
  async decide(one) {
    const place = placeOf({ ...one, review: undefined });
    if (one.situation.unread) return withoutHub(one, place);
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

/** The hub is away, and the gate knows the mode of the door from an earlier answer. */
async function withoutHub(one: ConformanceCase, place: DoorPlace): Promise<Expected> {
  const { mode, onUnreachable } = doorAt(one.situation.policy, place);
  const modes = new FakeGateModes();
  await modes.remember(place.cluster, { mode, onUnreachable, askedAtEpochMs: one.situation.nowEpochMs });
  const away = async (): Promise<never> => {
    throw new Error('the hub is away');
  };
  const revisions = { imagesOf: async () => imagesOfRevision([], []) };
  const clock = () => one.situation.nowEpochMs;
  const { hookStatus, reason } = await gate(
    { revisions, door: { ask: away }, modes, firstMode: 'deny', clock },
    eventOf(place),
  );
  if (hookStatus === 'FAILED') return { decision: 'deny', rule: DOOR_RULES.decided };
  if (!/so the images start/.test(reason)) throw new Error(`ecs-gate says ${reason} to ${one.id}.`);
  return mode === 'off' ? { decision: 'allow' } : { decision: 'warn', rule: DOOR_RULES.decided };
}

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
