import type { Digest } from '../image/image.ts';
import type { CauseFact } from './cause.ts';
import type { NodeAnswer } from './node-answer.ts';
import type { RebuildOutcome } from './rebuild.ts';

export const CASCADE_STATES = ['planned', 'running', 'complete', 'parked', 'incomplete'] as const;

/** One plan and its one execution: everything that was decided together. */
export interface Cascade {
  /** `<hash>-g<generation>`; also the name of its execution. */
  readonly cascadeId: string;
  readonly policyVersion: string;
  readonly plannedAtEpochMs: number;
  /** A node that still waits by then gives its cause back. */
  readonly deadlineEpochMs: number;
  readonly executionArn?: string;
  /**
   * `complete`: every node came to what it was planned for. `parked`: so did all but those that wait for a person to approve
   * their build, and those built on them. `incomplete`: one failed, or was on hold.
   */
  readonly state: (typeof CASCADE_STATES)[number];
  readonly streams: number;
  readonly endedAtEpochMs?: number;
  /** Why it is incomplete. */
  readonly failure?: { readonly error: string; readonly detail: string };
}

/**
 * `rebuild`: the head of the stream holds the cause. `deploy`: it does not any more, but something older still runs.
 */
export type NodeWork = 'rebuild' | 'deploy';

/** One stream of a cascade; an item of its own, so that a plan of any size fits. */
export interface CascadeNode {
  readonly cascadeId: string;
  readonly stream: string;
  readonly work: NodeWork;
  /** Streams of wave n+1 are built on streams of wave n. */
  readonly wave: number;
  /** Streams of the cascade that it is built on: it is built once they are verified. Absent where there are none. */
  readonly parents?: readonly string[];
  /** It is rebuilt only because of its parents, and begins nothing by itself. */
  readonly follows?: true;
  /** Absent for a stream without a cause of its own. */
  readonly causeVersion?: number;
  /** What it is to fix. */
  readonly facts: readonly CauseFact[];
  /** What holds the cause at planning time: no live usage of these may remain. */
  readonly holders: readonly Digest[];
  readonly headBefore?: Digest;
  readonly state: NodeState;
  readonly rebuildId?: string;
  /** A rebuild that another cascade parked and whose run has ended since: it is taken up, and nothing is built. */
  readonly resumes?: string;
  /** What the build made, or for `deploy` the head that is there. */
  readonly output?: Digest;
  /** For `deploy`, where the platforms of the head were pushed one by one: the image of each, `output` among them. */
  readonly outputs?: readonly Digest[];
  readonly outcome?: RebuildOutcome;
  /** Why it did not run to its end; of a verified one, why nobody deployed it (`not-rolled-out`). */
  readonly answer?: NodeAnswer;
  /** Items of the stream that could not be read when it ended, each with its problem; absent where there are none. */
  readonly unreadable?: readonly string[];
}

/**
 * `planned` -> `reserved` -> `building` -> `verifying` -> `verified`, or one of the ends that leave the cause open:
 * `waiting` (its cause is planned again), `parked` (its run waits for a person, and another cascade takes it up),
 * `refused`, `failed`, `ineffective`, `unverified`.
 */
export const NODE_STATES = [
  'planned',
  'reserved',
  'building',
  'verifying',
  'verified',
  'waiting',
  'parked',
  'refused',
  'failed',
  'ineffective',
  'unverified',
] as const;

export type NodeState = (typeof NODE_STATES)[number];

const ENDS: ReadonlySet<NodeState> = new Set([
  'verified',
  'waiting',
  'parked',
  'refused',
  'failed',
  'ineffective',
  'unverified',
]);

export const hasEnded = ({ state }: Pick<CascadeNode, 'state'>): boolean => ENDS.has(state);

/** The deployment of one service in one cascade: at most one, whatever is redelivered. */
export interface Deployment {
  readonly cascadeId: string;
  /** `<account>/<region>/<cluster>/<service>`. */
  readonly service: string;
  readonly mode: 'restart' | 'register';
  /**
   * `starting` is written before ECS is asked; whoever finds it looks at the service's deployments first. `rolled-back`:
   * what ran before runs again. `superseded`: somebody else deployed the service meanwhile, which is no failure.
   */
  readonly state: 'starting' | 'running' | 'completed' | 'failed' | 'rolled-back' | 'superseded' | 'refused';
  readonly startingAtEpochMs: number;
  /** Who begins it: nobody else does, until long after it should have. */
  readonly starter?: string;
  /** The starter failed and asks for nothing any more: from then on another one looks what it began. */
  readonly leftUntilEpochMs?: number;
  readonly deadlineEpochMs: number;
  /** As ECS names it: `ecs-svc/<number>`. */
  readonly deploymentId?: string;
  /** What the service ran when ECS was asked; written before that. Absent where ECS was never asked. */
  readonly from?: DeployedFrom;
  readonly detail?: string;
  readonly endedAtEpochMs?: number;
  /** Nobody brought it to its end, or what stood in its way passes: its streams are deployed by another cascade. */
  readonly abandoned?: true;
  /**
   * A mode of the policy, or a deployment of somebody else, stood in its way: it is planned anew once a review shows that
   * the service still runs what was to be replaced, and no sooner.
   */
  readonly postponed?: true;
}

/** The primary deployment of a service and its revision, and all deployments that ECS listed then. */
export interface DeployedFrom {
  readonly deploymentId: string;
  readonly taskDefinition: string;
  readonly listed: readonly string[];
}

/** How deployments name a service. */
export const serviceKey = ({
  account,
  region,
  cluster,
  service,
}: Readonly<Record<'account' | 'region' | 'cluster' | 'service', string>>): string =>
  `${account}/${region}/${cluster}/${service}`;

/** What must vanish before a cascade's stream counts as patched. Holds no lock and no execution. */
export interface Closure {
  readonly cascadeId: string;
  readonly stream: string;
  readonly facts: readonly CauseFact[];
  /** What was verified: a usage of it is what we want. */
  readonly output: Digest;
  readonly sinceEpochMs: number;
  /** An open closure past it raises an alarm; it stays open. */
  readonly deadlineEpochMs: number;
  readonly state: 'open' | 'closed';
  /** Services that the rollout deploys for the stream (`serviceKey`); absent where it was not planned. */
  readonly services?: readonly string[];
  /** Services that the rollout leaves as they are because of a mode or the rollout in the policy (`serviceKey`). */
  readonly postponed?: readonly string[];
  /** Services that the rollout leaves as they are, for any reason (`serviceKey`); absent where it was not planned. */
  readonly left?: readonly string[];
  /** Its rollout broke off: another cascade deploys, with a closure of its own. */
  readonly abandoned?: true;
  /** Why the last look did not close it. */
  readonly waitingFor?: string;
  /** It waits for nothing but a person who confirms what ran in scopes that left. */
  readonly outOfSight?: true;
  readonly proof?: ClosureProof;
}

/** For an auditor: what was looked at when nothing was found any more. */
export interface ClosureProof {
  readonly runId: string;
  readonly closedAtEpochMs: number;
  /** Scopes whose complete reading after the rollout showed no holder. */
  readonly scopes: number;
  /** Live usages of what was verified. */
  readonly usagesOfOutput: number;
  /** Scopes that left while something ran there: nobody saw it end, a person confirmed it. Absent where there is none. */
  readonly confirmed?: readonly { readonly scope: string; readonly by: string; readonly atEpochMs: number }[];
}

/** A cascade that was planned or runs: its owner may still act. */
export const isOpen = ({ state }: Pick<Cascade, 'state'>): boolean => state === 'planned' || state === 'running';
