import type { DoorOfAnswer, DoorQuestion, GateAnswer } from '../../shared/domain/admission/door-question.ts';
import { type DoorPlace, doorAt } from '../../shared/domain/policy/doors.ts';
import type { DoorPorts } from '../../shared/judging/decide-at-door.ts';
import { type ContainersDecided, decideContainers, undecided } from '../../shared/judging/decide-containers.ts';

/**
 * The decision on a service revision of which a gate asks, and what the door does by the same reading of the policy. Never
 * throws.
 */
export async function answerGate(ports: DoorPorts, question: DoorQuestion): Promise<GateAnswer & ContainersDecided> {
  const { account, region, cluster, images, problem } = question;
  const place = { account, region, cluster };
  let reading: ReturnType<DoorPorts['policies']['current']> | undefined;
  const current = () => {
    reading ??= ports.policies.current();
    return reading;
  };
  const read = { ...ports, policies: { current } };
  const decided = problem === undefined ? decideContainers(read, place, images) : undecided(read, place, problem);
  const [decision, door] = await Promise.all([decided, doorOf(read, place)]);
  return { ...decision, ...door };
}

/** Nothing if the policy cannot be read, which the decision says too. */
const doorOf = ({ policies }: Pick<DoorPorts, 'policies'>, place: DoorPlace): Promise<DoorOfAnswer> =>
  policies.current().then(
    ({ policy }) => {
      const { mode, onUnreachable } = doorAt(policy, place);
      return { mode, onUnreachable };
    },
    () => ({}),
  );
