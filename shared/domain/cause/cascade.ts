import type { Digest } from '../image/image.ts';
import type { ImageInUse } from '../scan/witness.ts';
import type { CauseFact } from './cause.ts';
import type { NodeAnswer } from './node-answer.ts';
import type { RebuildOutcome } from './rebuild.ts';

export const CASCADE_STATES = ['planned', 'running', 'complete', 'parked', 'incomplete'] as const;

/** One plan and its execution: all streams that were planned together. */
export interface Cascade {
  /** `<hash>-g<generation>`; also the name of its execution. */
  readonly cascadeId: string;
  readonly policyVersion: string;
  readonly plannedAtEpochMs: number;
  /** The deadline of the cascade: a node that still waits then gives its cause back. */
  readonly deadlineEpochMs: number;
  readonly executionArn?: string;
  /**
   * `complete`: every node reached its goal. `parked`: all did, except those that wait for a person to approve a build,
   * and their children. `incomplete`: at least one failed or was on hold.
   */
  readonly state: (typeof CASCADE_STATES)[number];
  readonly streams: number;
  readonly endedAtEpochMs?: number;
  /** Why it is incomplete. */
  readonly failure?: { readonly error: string; readonly detail: string };
}

/**
 * `rebuild`: the head of the stream has the cause. `deploy`: the head no longer has it, but an older running image
 * does.
 */
export type NodeWork = 'rebuild' | 'deploy';

/** One stream of a cascade; a separate item, so that a plan can have any size. */
export interface CascadeNode {
  readonly cascadeId: string;
  readonly stream: string;
  readonly work: NodeWork;
  /** Streams of wave n+1 are built on streams of wave n. */
  readonly wave: number;
  /** Its parents in the cascade: it is built once they are verified. Absent if there are none. */
  readonly parents?: readonly string[];
  /** It is rebuilt only because of its parents, and is no root. */
  readonly follows?: true;
  /** Absent for a stream without a cause of its own. */
  readonly causeVersion?: number;
  /** The facts to fix. */
  readonly facts: readonly CauseFact[];
  /**
   * Keys of those facts that only streams built on it need fixed: they count even if the rules of this stream allow them.
   * Absent if there are none, and for a stream without a cause of its own, whose facts all count so.
   */
  readonly factsOfOthers?: readonly string[];
  /** Images that have the cause at planning time: no live usage of these may remain. */
  readonly holders: readonly Digest[];
  readonly headBefore?: Digest;
  readonly state: NodeState;
  readonly rebuildId?: string;
  /** A rebuild parked by another cascade, whose run has ended since: this node resumes it and builds nothing. */
  readonly resumes?: string;
  /** The output of the build, or for `deploy` the current head. */
  readonly output?: Digest;
  /** For `deploy`, if the platforms of the head were pushed one by one: the image of each, `output` included. */
  readonly outputs?: readonly Digest[];
  readonly outcome?: RebuildOutcome;
  /** Why it did not finish; for a verified one, why it was not deployed (`not-rolled-out`). */
  readonly answer?: NodeAnswer;
  /** Items of the stream that were unreadable at its end, each with its problem; absent if there are none. */
  readonly unreadable?: readonly string[];
}

/**
 * `planned` -> `reserved` -> `building` -> `verifying` -> `verified`, or an end that leaves the cause open: `waiting`
 * (planned again), `parked` (the run waits for a person, and another cascade resumes it), `refused`, `failed`,
 * `ineffective`, `unverified`.
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

/** The deployment of one service in one cascade: at most one, despite redeliveries. */
export interface Deployment {
  readonly cascadeId: string;
  /** As from `serviceKey`. */
  readonly service: string;
  readonly mode: 'restart' | 'register';
  /**
   * `starting` is written before the call to ECS or Kubernetes, so a reader of it checks the service's deployments first.
   * `rolled-back`: the earlier revision runs again. `superseded`: somebody else deployed the service meanwhile, which
   * is no failure.
   */
  readonly state: 'starting' | 'running' | 'completed' | 'failed' | 'rolled-back' | 'superseded' | 'refused';
  readonly startingAtEpochMs: number;
  /** The step that starts it: no other step does until long after the deadline for the start. */
  readonly starter?: string;
  /** The starter failed and makes no more calls, so another step finds out what it started. */
  readonly leftUntilEpochMs?: number;
  readonly deadlineEpochMs: number;
  /** The ECS id, `ecs-svc/<number>`; in Kubernetes a name for the pod template. */
  readonly deploymentId?: string;
  /** What the service ran before the call to ECS or Kubernetes; absent if there was no call. */
  readonly from?: DeployedFrom;
  /** Every attempt to start it failed, from the first to the last of them; absent if the last one did not fail. */
  readonly failing?: { readonly sinceEpochMs: number; readonly lastEpochMs: number; readonly problem: string };
  readonly detail?: string;
  /** How far ECS is, for people; absent once it ended. */
  readonly progress?: string;
  readonly endedAtEpochMs?: number;
  /** It was abandoned, or its obstacle is temporary: another cascade deploys its streams. */
  readonly abandoned?: true;
  /**
   * A policy mode or another deployment was in the way. It is planned again only after a review shows that the service
   * still runs replaced images.
   */
  readonly postponed?: true;
  /** Pods that were not available before held it up: it failed, and stops no other deployment in its cluster. */
  readonly heldUp?: true;
}

/** The primary deployment of a service, its revision, and all deployments that were listed then. */
export interface DeployedFrom {
  readonly deploymentId: string;
  readonly taskDefinition: string;
  readonly listed: readonly string[];
  /** In Kubernetes: the pods that were not available; absent if all were. */
  readonly unavailable?: number;
}

/** How deployments name a service: `<account>/<region>/<cluster>/<service>`, the service as from `serviceNameOf`. */
export const serviceKey = ({
  account,
  region,
  cluster,
  service,
}: Readonly<Record<'account' | 'region' | 'cluster' | 'service', string>>): string =>
  `${account}/${region}/${cluster}/${service}`;

/** The service in a `serviceKey`. */
export const serviceIn = (key: string): string => key.split('/').slice(3).join('/');

/** What must stop running before a stream counts as patched. Needs no lock and no execution. */
export interface Closure {
  readonly cascadeId: string;
  readonly stream: string;
  readonly facts: readonly CauseFact[];
  /** The verified image: its usages are expected. */
  readonly output: Digest;
  readonly sinceEpochMs: number;
  /** Past it, an open closure raises an alarm and stays open. */
  readonly deadlineEpochMs: number;
  /**
   * `replaced`: it was abandoned, and a newer closure of the stream waits for the same facts. `witness-disagrees`: Patchwave finds
   * nothing that runs, and AWS still does past the deadline.
   */
  readonly state: 'open' | 'closed' | 'replaced' | 'witness-disagrees';
  /** Services that the rollout deploys for the stream (`serviceKey`); absent if there was no plan for it. */
  readonly services?: readonly string[];
  /**
   * Services that the rollout skips because of a mode or the rollout in the policy, or because another stream of theirs
   * is not verified (`serviceKey`).
   */
  readonly postponed?: readonly string[];
  /** Services that the rollout skips for any reason (`serviceKey`); absent if there was no plan for it. */
  readonly left?: readonly string[];
  /**
   * Services among `left` that another stream decides, because its owner deploys it: `digests` are the images of that
   * stream to be replaced first. Absent if there is none.
   */
  readonly decidedByOthers?: readonly ServiceOfOthers[];
  /** Its rollout was not completed, or is planned again: another cascade deploys, with its own closure. */
  readonly abandoned?: true;
  /** Why the last check did not close it. */
  readonly waitingFor?: string;
  /** It waits only for a person to confirm what ran in scopes that left. */
  readonly outOfSight?: true;
  /** Nothing that runs keeps it open: only what may start does. */
  readonly mayStart?: true;
  /**
   * The first of its two instants: each check since found that nothing runs an image that needs the fix. Time to fix and alarms
   * follow it. Only while it is open; then it is in its proof.
   */
  readonly nothingRunsSinceEpochMs?: number;
  /** It waits for findings that no severity rule asks for any more, and that running images still have. */
  readonly unruled?: true;
  /**
   * It waits for these images, at most ten: AWS says that they are in use, and the ledger knows no usage. Nothing else that runs
   * keeps it open.
   */
  readonly witnessed?: readonly ImageInUse[];
  readonly proof?: ClosureProof;
  readonly replacement?: ClosureReplacement;
  readonly disagreement?: ClosureDisagreement;
}

/** For a person: what AWS says is in use. It proves nothing, so nothing is closed by it. */
export interface ClosureDisagreement {
  readonly runId: string;
  readonly atEpochMs: number;
  /** At most ten. */
  readonly witnessed: readonly ImageInUse[];
}

export interface ServiceOfOthers {
  readonly service: string;
  readonly digests: readonly Digest[];
}

/** For an auditor: the closure whose proof counts, and the review that found it. */
export interface ClosureReplacement {
  readonly cascadeId: string;
  readonly runId: string;
  readonly atEpochMs: number;
}

/** For an auditor: what was checked when no holder was left. */
export interface ClosureProof {
  readonly runId: string;
  /** Since when nothing runs an image that needs the fix; absent in proofs of version 0.2.0, which knew one instant. */
  readonly nothingRunsSinceEpochMs?: number;
  /** Since when nothing may start one either. */
  readonly closedAtEpochMs: number;
  /** The number of scopes whose complete read after the rollout showed no holder. */
  readonly scopes: number;
  /** The number of live usages of the verified image. */
  readonly usagesOfOutput: number;
  /**
   * Scopes that left while a holder ran there: its end was not seen, so a person confirmed it. Absent if there is none.
   */
  readonly confirmed?: readonly { readonly scope: string; readonly by: string; readonly atEpochMs: number }[];
  /** Services at zero that may start a holder, and that a person confirmed as unused. Absent if there is none. */
  readonly unused?: readonly {
    readonly service: string;
    readonly by: string;
    readonly atEpochMs: number;
    readonly untilEpochMs: number;
  }[];
}

/** A planned or running cascade, whose owner may still act. */
export const isOpen = ({ state }: Pick<Cascade, 'state'>): boolean => state === 'planned' || state === 'running';
