import { handleBuildEvents } from '../../../functions/build-result/build-events.ts';
import { planCauses } from '../../../functions/cascade-plan/plan.ts';
import { abandonCascade } from '../../../functions/cascade-reaper/abandon-cascade.ts';
import { closeCascade } from '../../../functions/cascade-reaper/close-cascade.ts';
import { handleEndEvents } from '../../../functions/cascade-reaper/end-events.ts';
import { cascadeReaperSteps } from '../../../functions/cascade-reaper/input.ts';
import { openCascade } from '../../../functions/cascade-reaper/open-cascade.ts';
import { checkScans } from '../../../functions/fleet-review/check-scans.ts';
import { closeReview } from '../../../functions/fleet-review/close.ts';
import { groupRegistries } from '../../../functions/fleet-review/group-registries.ts';
import { fleetReviewInput } from '../../../functions/fleet-review/input.ts';
import { openReview } from '../../../functions/fleet-review/open.ts';
import { planScans } from '../../../functions/fleet-review/plan-scans.ts';
import { inventoryInput } from '../../../functions/inventory/input.ts';
import { readRegistry } from '../../../functions/inventory/registry.ts';
import { recordUsages } from '../../../functions/inventory/usages.ts';
import { readWorkloads } from '../../../functions/inventory/workloads.ts';
import { findLineage } from '../../../functions/lineage/find-lineage.ts';
import { handleHeadEvents } from '../../../functions/lineage/head-events.ts';
import { lineageSteps } from '../../../functions/lineage/input.ts';
import { placeOutput } from '../../../functions/lineage/place-output.ts';
import { reviewBatch } from '../../../functions/policy-evaluation/input.ts';
import { judgeBatch } from '../../../functions/policy-evaluation/judge-batch.ts';
import { type HandledEvents, handleScanEvents } from '../../../functions/policy-evaluation/scan-events.ts';
import { rebuildDispatchSteps } from '../../../functions/rebuild-dispatch/input.ts';
import { pollBuild } from '../../../functions/rebuild-dispatch/poll-build.ts';
import { reserve } from '../../../functions/rebuild-dispatch/reserve.ts';
import { settle } from '../../../functions/rebuild-dispatch/settle.ts';
import { start } from '../../../functions/rebuild-dispatch/start.ts';
import { handleMessages } from '../../../functions/registry-events/registry-events.ts';
import { reportInput } from '../../../functions/report/input.ts';
import { writeReport } from '../../../functions/report/write-report.ts';
import { checkDeployment } from '../../../functions/rollout/check.ts';
import { checkClosures } from '../../../functions/rollout/check-closures.ts';
import { deploy } from '../../../functions/rollout/deploy.ts';
import { rolloutSteps } from '../../../functions/rollout/input.ts';
import { planServices } from '../../../functions/rollout/plan.ts';
import { askScans } from '../../../functions/scan-trigger/ask-scans.ts';
import { scanTriggerInput } from '../../../functions/scan-trigger/input.ts';
import { check } from '../../../functions/verify-rebuild/check.ts';
import { findOutput } from '../../../functions/verify-rebuild/find-output.ts';
import { verifyRebuildSteps } from '../../../functions/verify-rebuild/input.ts';
import { promote } from '../../../functions/verify-rebuild/promote.ts';
import { Deployers } from '../../../shared/adapters/deployers.ts';
import { RegistryScanner } from '../../../shared/adapters/scanners.ts';
import { countsOf } from '../../../shared/domain/report/report-counts.ts';
import type { Scanner } from '../../../shared/ports/scanner.ts';
import { abandonReview } from '../../../shared/review/abandon.ts';
import { ScansOfRun } from '../../../shared/review/scans-of-run.ts';
import { parse } from '../../../shared/schema.ts';
import type { FakeWorld } from '../../support/fakes/world.ts';
import { reaperPortsOf } from '../../support/reaper-ports.ts';

/* The functions of the template, composed over a fake world as their handlers compose them over AWS. */

export const CASCADE_MACHINE_ARN = 'arn:aws:states:eu-west-1:111122223333:stateMachine:rebuild-cascade';
export const REVIEW_MACHINE_ARN = 'arn:aws:states:eu-west-1:111122223333:stateMachine:fleet-review';

const REVIEW = {
  leaseMinutes: 390,
  readsEks: true,
  catchUpMinutes: 30,
  scanWaitMinutes: 10,
  pollSeconds: 20,
  dailyQuota: 100_000,
};
const DISPATCH = { pollSeconds: 30, recheckAfterSeconds: 900 };
const VERIFY = { pollSeconds: 30, outputGraceMs: 5 * 60_000 };
const ROLLOUT = { pollSeconds: 30 };

/** A message that its function could not take; it is delivered again. */
export interface FailedDelivery {
  readonly messageId: string;
  readonly error?: unknown;
}

export interface Message {
  readonly messageId: string;
  readonly body: string;
}

/** The functions as one invocation calls them. */
export interface Functions {
  /** A step of a machine; the name is that of the template without `Function`. */
  step(name: string, payload: unknown): Promise<unknown>;
  /** A batch of a queue: gives those that failed. Thrown is what fails the whole batch. */
  take(queue: QueueName, messages: readonly Message[]): Promise<readonly FailedDelivery[]>;
}

export const QUEUES = ['registry', 'scan', 'build', 'head', 'plan', 'end'] as const;
export type QueueName = (typeof QUEUES)[number];

interface Invocation {
  readonly requestId: string;
  /** Whether registries may have enhanced scanning. */
  readonly isInspected: boolean;
}

/** @param sleep waits in simulated time */
export function functionsOver(
  world: FakeWorld,
  sleep: (milliseconds: number) => Promise<void>,
  { requestId, isInspected }: Invocation,
): Functions {
  const retry = { attempts: 3, wait: (attempt: number) => sleep(1000 * attempt) };
  const pace = async () => {};
  const reviewed = new ScansOfRun(world.runFiles);
  const scanner = isInspected ? scannerOver(world, reviewed) : world.scanner;
  const asking = { scanner, pace, retry };
  const ports = { ...world, scanner, files: world.runFiles, planner: world.wakings, sleep, pace, retry, asking };
  const reaping = reaperPortsOf(world);
  return {
    step: async (name, payload) => {
      switch (name) {
        case 'FleetReview':
          return reviewStep(ports, payload);
        case 'Inventory': {
          const event = parse(inventoryInput, payload);
          if (event.action === 'workloads') return readWorkloads(ports, event);
          return event.action === 'registry' ? readRegistry(ports, event) : recordUsages(ports, event);
        }
        case 'Lineage': {
          const event = parse(lineageSteps, payload);
          return event.action === 'find' ? findLineage(ports, event) : placeOutput(ports, event);
        }
        case 'ScanTrigger': {
          const event = parse(scanTriggerInput, payload);
          reviewed.enter(event.runId);
          return askScans(ports, REVIEW, event);
        }
        case 'PolicyEvaluation': {
          const batch = parse(reviewBatch, payload);
          reviewed.enter(batch.runId);
          return judgeBatch(ports, batch);
        }
        case 'Report':
          return { counts: countsOf(await writeReport(ports, parse(reportInput, payload))) };
        case 'CascadeReaper': {
          const event = parse(cascadeReaperSteps, payload);
          if (event.action === 'open') return openCascade(ports, event);
          return event.action === 'close' ? closeCascade(reaping, event) : abandonCascade(reaping, event);
        }
        case 'RebuildDispatch':
          return dispatchStep(ports, payload);
        case 'VerifyRebuild':
          return verifyStep(ports, payload);
        case 'Rollout':
          return rolloutStep(ports, payload);
        default:
          throw new Error(`there is no function ${name}`);
      }
    },
    take: async (queue, messages) => {
      switch (queue) {
        case 'registry':
          return (await handleMessages(ports, messages)).failed;
        case 'scan':
          return keptScanEvents(await handleScanEvents(ports, messages));
        case 'build':
          return (await handleBuildEvents(ports, messages)).filter((one) => typeof one !== 'string');
        case 'head':
          return handleHeadEvents(ports, messages);
        case 'end': {
          const machines = { cascadeMachineArn: CASCADE_MACHINE_ARN, reviewMachineArn: REVIEW_MACHINE_ARN };
          return (await handleEndEvents(reaping, machines, messages)).filter((one) => typeof one !== 'string');
        }
        case 'plan':
          return (await planCauses(ports, requestId)) ? [] : messages;
      }
    },
  };
}

/** Hints that wait are delivered again, too. */
const keptScanEvents = ({ failed, waiting }: HandledEvents): readonly FailedDelivery[] => [
  ...failed,
  ...waiting.map((messageId) => ({ messageId })),
];

/** The scanner of the functions, over what Amazon ECR and Amazon Inspector say. */
const scannerOver = ({ scanner, clock }: FakeWorld, reviewed: ScansOfRun): Scanner =>
  new RegistryScanner(
    {
      ecr: {
        start: (location, digest) => scanner.start(location, digest),
        read: (location, digest) => scanner.readBasic(location, digest),
      },
      inspector: {
        coverageOf: (registry, images) => scanner.inspectedCoverageOf(registry, images),
        findingsOf: (registry, digests) => scanner.inspectedFindingsOf(registry, digests),
      },
      configuration: (registry) => scanner.configuration(registry),
    },
    { clock, reviewed },
  );

type Ports = ReturnType<typeof portsType>;
/** Names the type of what `functionsOver` composes. */
const portsType = ({ scanner, ...world }: FakeWorld) => ({
  ...world,
  scanner: scanner as Scanner,
  files: world.runFiles,
  planner: world.wakings,
  sleep: async (_: number) => {},
  pace: async () => {},
  retry: { attempts: 3, wait: async (_: number) => {} },
});

function reviewStep(ports: Ports, payload: unknown) {
  const event = parse(fleetReviewInput, payload);
  switch (event.action) {
    case 'open':
      return openReview(ports, REVIEW, event);
    case 'group-registries':
      return groupRegistries(ports, event);
    case 'plan-scans':
      return planScans(ports, event);
    case 'check-scans':
      return checkScans(ports, REVIEW, event);
    case 'close':
      return closeReview(ports, event);
    case 'abandon':
      return abandonReview([ports.runs], ports.clock, event);
  }
}

function dispatchStep(ports: Ports, payload: unknown) {
  const event = parse(rebuildDispatchSteps, payload);
  switch (event.action) {
    case 'reserve':
      return reserve(ports, DISPATCH, event);
    case 'start':
      return start(ports, DISPATCH, event);
    case 'poll':
      return pollBuild(ports, DISPATCH, event);
    case 'settle':
      return settle(ports, event);
  }
}

function verifyStep(ports: Ports, payload: unknown) {
  const event = parse(verifyRebuildSteps, payload);
  switch (event.action) {
    case 'find-output':
      return findOutput(ports, VERIFY, event);
    case 'check':
      return check(ports, VERIFY, event);
    case 'promote':
      return promote(ports, VERIFY, event);
  }
}

function rolloutStep(over: Ports, payload: unknown) {
  const event = parse(rolloutSteps, payload);
  const ports = { ...over, deployer: new Deployers(over.deployer, over.eksDeployer) };
  switch (event.action) {
    case 'plan':
      return planServices(ports, ROLLOUT, event);
    case 'deploy':
      return deploy(ports, ROLLOUT, event);
    case 'check':
      return checkDeployment(ports, ROLLOUT, event);
    case 'check-closures':
      return checkClosures(ports, event);
  }
}
