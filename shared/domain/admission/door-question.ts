import * as v from '../../schema.ts';
import { DOOR_MODES, ON_UNREACHABLE } from '../policy/doors.ts';
import { account, region } from '../policy/policy-parts.ts';

/*
 * What the gate of an ECS service asks the door of the hub, and what that answers. The stacks of members are older or newer than
 * that of the hub: a later version only adds members.
 */

const LONGEST = 2000;
const line = v.pipe(v.string(), v.minLength(1), v.maxLength(LONGEST));
/** https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCluster.html */
const name = v.pipe(v.string(), v.regex(/^[\w-]{1,255}$/, 'must be the name of a cluster or service'));

/** A service revision that is about to start its first task. */
export const doorQuestion = v.object({
  kind: v.literal('deployment'),
  account,
  region,
  cluster: name,
  service: name,
  /** A task definition has at most ten: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html */
  images: v.pipe(v.array(v.object({ container: line, reference: v.exactOptional(line) })), v.maxLength(100)),
  /** Why the gate does not know them. */
  problem: v.exactOptional(line),
});
export type DoorQuestion = v.InferOutput<typeof doorQuestion>;

const allowed = { decision: v.literal('allow') };
const objected = {
  decision: v.picklist(['warn', 'deny']),
  ruleId: v.text(),
  /** One line that says what to do. */
  message: v.text(),
  /** Absent if the decision is about all of them. */
  container: v.exactOptional(v.string()),
};

/** What the door decides about the containers of one service or task of ECS: of the strictest one. */
export const containersDecision = v.variant('decision', [v.object(allowed), v.object(objected)]);
export type ContainersDecision = v.InferOutput<typeof containersDecision>;

/** What the gate remembers of the door. Absent if the hub does not know it, or is of version 0.2.0. */
const door = {
  mode: v.exactOptional(v.picklist(DOOR_MODES)),
  onUnreachable: v.exactOptional(v.picklist(ON_UNREACHABLE)),
};
const doorOfAnswer = v.object(door);
export type DoorOfAnswer = v.InferOutput<typeof doorOfAnswer>;
export const gateAnswer = v.variant('decision', [
  v.object({ ...allowed, ...door }),
  v.object({ ...objected, ...door }),
]);
export type GateAnswer = v.InferOutput<typeof gateAnswer>;
