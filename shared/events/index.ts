import { cascadeClosed } from './cascade-closed.ts';
import type { EventContract } from './contract.ts';
import { ecrImageAction } from './ecr-image-action.ts';
import { ecrImageScan } from './ecr-image-scan.ts';
import { ecrPullThroughCacheAction } from './ecr-pull-through-cache-action.ts';
import { ecrReplicationAction } from './ecr-replication-action.ts';
import { ecsHookState } from './ecs-hook-state.ts';
import { ecsTaskState } from './ecs-task-state.ts';
import { executionEnded } from './execution-ended.ts';
import { fleetReviewed } from './fleet-reviewed.ts';
import { forwardingTest } from './forwarding-test.ts';
import { headMoved } from './head-moved.ts';
import { imageExpiryExpected } from './image-expiry-expected.ts';
import { imageVerdictChanged } from './image-verdict-changed.ts';
import { inspectorCoverage, inspectorFinding, inspectorScan } from './inspector.ts';
import { policyChanged } from './policy-changed.ts';
import { rebuildRefused, rebuildWaiting } from './rebuild-answered.ts';
import { rebuildIneffective, rebuildVerified } from './rebuild-ended.ts';
import { rebuildNeeded } from './rebuild-needed.ts';
import { rebuildReported } from './rebuild-reported.ts';
import { RUN_EVENTS } from './run-events.ts';
import { startDenied } from './start-denied.ts';
import { taskDenied } from './task-denied.ts';
import { willBeDenied } from './will-be-denied.ts';
import { witnessDisagrees } from './witness-disagrees.ts';

/** Every event that Patchwave receives or publishes; docs/events.md explains them, events/ has samples. */
export const EVENTS: readonly EventContract[] = [
  ecrImageScan,
  inspectorScan,
  inspectorFinding,
  inspectorCoverage,
  ecrImageAction,
  ecrReplicationAction,
  ecrPullThroughCacheAction,
  ecsTaskState,
  ecsHookState,
  executionEnded,
  ...Object.values(RUN_EVENTS),
  rebuildReported,
  forwardingTest,
  imageVerdictChanged,
  rebuildNeeded,
  rebuildRefused,
  rebuildWaiting,
  rebuildVerified,
  rebuildIneffective,
  cascadeClosed,
  witnessDisagrees,
  headMoved,
  imageExpiryExpected,
  willBeDenied,
  fleetReviewed,
  policyChanged,
  startDenied,
  taskDenied,
];
