import type { FakeWorld } from '../../support/fakes/world.ts';
import type { Invocation } from './trouble.ts';

/** All ports as one invocation sees them. */
export function portsOf(world: FakeWorld, invocation: Invocation) {
  const { images, places, contents, chains, usages, streams, causes, runs, scopes, policies, runFiles, evidence } =
    world;
  const {
    fleetPlaces,
    streamImages,
    cascades,
    rollouts,
    deadLetters,
    accounts,
    workloads,
    eksWorkloads,
    registry,
    scanner,
  } = world;
  const stores = {
    images,
    places,
    recordedIndexes: places,
    placeReads: places,
    exceptions: world.exceptions,
    fleetPlaces,
    contents,
    chains,
    usages,
    running: world.running,
    streams,
    causes,
    runs,
    scopes,
    servicesAtZero: world.servicesAtZero,
    policies,
    files: runFiles,
    evidence,
    baseReadings: world.baseReadings,
  };
  const ports = {
    ...stores,
    streamImages,
    cascades,
    rollouts,
    deadLetters,
    accounts,
    workloads,
    eksWorkloads,
    rules: world.rules,
    schedules: world.schedules,
    registry,
    scanner,
  };
  const seen = Object.entries(ports).map(([name, port]) => [name, invocation.through(port)] as const);
  const through = Object.fromEntries(seen) as typeof ports;
  return {
    ...through,
    workloadSources: [through.workloads],
    startSources: [through.rules, through.schedules],
    scans: world.scans,
    clusterSources: [through.eksWorkloads],
    scratch: world.scratch,
    clock: world.clock,
    pace: async () => {},
    retry: { attempts: 3, wait: async () => {} },
  };
}
