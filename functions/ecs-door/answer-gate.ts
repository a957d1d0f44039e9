import type { DoorQuestion, GateAnswer } from '../../shared/domain/admission/door-question.ts';
import { type DoorMode, type DoorPlace, doorAt } from '../../shared/domain/policy/doors.ts';
import type { DoorPorts } from '../../shared/judging/decide-at-door.ts';
import { type ContainersDecided, decideContainers, undecided } from '../../shared/judging/decide-containers.ts';

/**
 * The decision on a service revision of which a gate asks, and the mode of the door by the same reading of the policy. Never
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
  const [decision, mode] = await Promise.all([decided, modeAt(read, place)]);
  return { ...decision, ...(mode !== undefined && { mode }) };
}

/** `undefined` if the policy cannot be read, which the decision says too. */
const modeAt = ({ policies }: Pick<DoorPorts, 'policies'>, place: DoorPlace): Promise<DoorMode | undefined> =>
  policies.current().then(
    ({ policy }) => doorAt(policy, place).mode,
    () => undefined,
  );
