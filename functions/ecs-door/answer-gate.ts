import type { ContainersDecision, DoorQuestion } from '../../shared/domain/admission/door-question.ts';
import type { DoorPorts } from '../../shared/judging/decide-at-door.ts';
import { decideContainers, undecided } from '../../shared/judging/decide-containers.ts';

/** The decision on a service revision of which a gate asks. Never throws. */
export async function answerGate(ports: DoorPorts, question: DoorQuestion): Promise<ContainersDecision> {
  const { account, region, cluster, images, problem } = question;
  const place = { account, region, cluster };
  return problem === undefined ? decideContainers(ports, place, images) : undecided(ports, place, problem);
}
