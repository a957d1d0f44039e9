import type { UnreadableItem } from '../../../shared/domain/common/unreadable-item.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import type {
  BreakGlassCheck,
  CascadeEnding,
  FollowRequest,
  JudgeRequest,
  ParkedPoll,
  PlaceRequest,
  PlannerWaking,
  RefreshRequest,
} from '../../../shared/ports/messages.ts';
import { FakeAccountDirectory } from './accounts.ts';
import { FakeAskedWebhooks } from './asked-webhooks.ts';
import { FakeBaseReadingLedger } from './base-readings.ts';
import { FakeBreakGlassLedger } from './break-glass.ts';
import { FakeCascadeLedger } from './cascades.ts';
import { FakeCauseLedger } from './causes.ts';
import { FakeContentLedger } from './contents.ts';
import { FakeDenialLedger } from './denials.ts';
import { FakeDeployer } from './deployer.ts';
import { FakeEksDeployer } from './eks-deployer.ts';
import { FakeExecutions } from './executions.ts';
import { FakeExpiryLedger } from './expiries.ts';
import { FakeDeadLetters, FakeEventBus, FakeEvidenceStore, FakeReportStore, FakeRunFiles } from './files.ts';
import { FakeImageLedger } from './images.ts';
import { FakeSwitchLedger } from './kill-switch.ts';
import { FakeLateHeads } from './late-heads.ts';
import { FakeLifecycles } from './lifecycles.ts';
import { FakeMessages } from './messages.ts';
import { FakePlaceLedger } from './places.ts';
import { FakePolicyStore } from './policies.ts';
import { FakeProtectingTags } from './protecting-tags.ts';
import { FakeGuardLedger, FakeLockLedger, FakeRebuildLedger } from './rebuilds.ts';
import { FakeRegistry } from './registry.ts';
import { FakeRolloutLedger } from './rollouts.ts';
import { FakeRunner } from './runner.ts';
import { FakeRunning } from './running.ts';
import { FakeRunLedger } from './runs.ts';
import { FakeScanner } from './scanner.ts';
import { FakeScheduleLedger } from './schedules.ts';
import { FakeScopeLedger } from './scopes.ts';
import { FakeScratch } from './scratch.ts';
import { FakeServiceAtZeroLedger } from './services-at-zero.ts';
import { FakeSlotLedger } from './slots.ts';
import { FakeStartDenials } from './start-denials.ts';
import { FakeStarts } from './starts.ts';
import { FakeStreamImages } from './stream-images.ts';
import { FakeStreamLedger } from './streams.ts';
import { FakeTagger } from './tagger.ts';
import { FakeUsageLedger } from './usages.ts';
import { FakeWaitingStep } from './waiting-step.ts';
import { FakeWorkloads } from './workloads.ts';

/** 2026-11-24T03:00:00Z */
export const START_EPOCH_MS = 1_795_489_200_000;

export interface FakeWorld extends ReturnType<typeof fakeWorld> {}

/** A fake of every port, over one clock that only a test moves. */
export function fakeWorld({ nowEpochMs = START_EPOCH_MS }: { readonly nowEpochMs?: number } = {}) {
  const time = { nowEpochMs };
  const clock: Clock = () => time.nowEpochMs;
  const registry = new FakeRegistry();
  const contents = new FakeContentLedger();
  const images = new FakeImageLedger(contents);
  const places = new FakePlaceLedger();
  const streams = new FakeStreamLedger();
  const workloads = new FakeWorkloads(clock);
  const eksWorkloads = new FakeWorkloads(clock);
  const [rules, schedules] = [new FakeStarts('ecs-rules'), new FakeStarts('ecs-schedules')];
  let ids = 0;
  const scanner = new FakeScanner(registry, clock);
  return {
    clock,
    /** Moves the clock on. */
    advance: (milliseconds: number): void => {
      time.nowEpochMs += milliseconds;
    },
    ids: (): string => `id-${String(++ids).padStart(6, '0')}`,
    images,
    imageIndex: images,
    chains: images,
    imageReads: images,
    places,
    placeReads: places,
    fleetPlaces: places,
    recordedIndexes: places,
    contents,
    usages: new FakeUsageLedger(),
    running: new FakeRunning(),
    exceptions: new FakeBreakGlassLedger(),
    webhooks: new FakeAskedWebhooks(),
    streams,
    streamReads: streams,
    streamImages: new FakeStreamImages(),
    causes: new FakeCauseLedger(),
    rebuilds: new FakeRebuildLedger(),
    locks: new FakeLockLedger(),
    slots: new FakeSlotLedger(),
    guards: new FakeGuardLedger(),
    cascades: new FakeCascadeLedger(),
    rollouts: new FakeRolloutLedger(),
    killSwitch: new FakeSwitchLedger(),
    runs: new FakeRunLedger(),
    scopes: new FakeScopeLedger(),
    knownSchedules: new FakeScheduleLedger(),
    servicesAtZero: new FakeServiceAtZeroLedger(),
    baseReadings: new FakeBaseReadingLedger(),
    lateHeads: new FakeLateHeads(),
    expiries: new FakeExpiryLedger(),
    denials: new FakeDenialLedger(),
    startDenials: new FakeStartDenials(),
    policies: new FakePolicyStore(),
    runFiles: new FakeRunFiles(),
    scratch: new FakeScratch(),
    evidence: new FakeEvidenceStore(),
    reports: new FakeReportStore(),
    bus: new FakeEventBus(),
    deadLetters: new FakeDeadLetters(),
    requestDeadLetters: new FakeDeadLetters(),
    refreshes: new FakeMessages<RefreshRequest>(),
    checks: new FakeMessages<BreakGlassCheck>(),
    judging: new FakeMessages<JudgeRequest>(),
    following: new FakeMessages<FollowRequest | PlaceRequest>(),
    ends: new FakeMessages<CascadeEnding | ParkedPoll>(),
    wakings: new FakeMessages<PlannerWaking>(),
    accounts: new FakeAccountDirectory(),
    workloads,
    workloadSources: [workloads],
    eksWorkloads,
    clusterSources: [eksWorkloads],
    rules,
    schedules,
    startSources: [rules, schedules],
    registry,
    lifecycles: new FakeLifecycles(registry),
    scanner,
    scans: scanner,
    runner: new FakeRunner(clock),
    deployer: new FakeDeployer(clock),
    eksDeployer: new FakeEksDeployer(clock),
    targets: { eks: false },
    tagger: new FakeTagger(registry, clock),
    tags: new FakeProtectingTags(registry, clock),
    unreadable: { items: (): readonly UnreadableItem[] => [], clear: (): void => {} },
    retry: { attempts: 3, wait: async (): Promise<void> => {} },
    executions: new FakeExecutions(),
    waitingStep: new FakeWaitingStep(),
  };
}
