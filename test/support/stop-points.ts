/** The states of `rebuild-cascade` in which an execution can be found. */

import { DeleteObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { Installation } from '../../local/installation.ts';
import { HOUR_MS } from '../../shared/domain/common/time.ts';
import { lapseBuild } from './acting.ts';
import { type ActingApp, streamOf, TEAM } from './acting-fleet.ts';
import { approve, denyRole, runByHand } from './acts-of-persons.ts';
import { hubOf } from './readings.ts';
import { type Hold, hold, untilIn } from './stopping.ts';

/** Where an execution is stopped, and how it comes to be there. */
export interface Point {
  readonly app?: Omit<ActingApp, 'name'>;
  /** What happens before it is planned. */
  readonly before?: (installation: Installation, app: string) => Promise<unknown>;
  readonly holds?: readonly Hold[];
  /** Another state on the way, in which it is held from then on. */
  readonly by?: { readonly state: string; readonly holds?: readonly Hold[]; readonly act?: Point['before'] };
  /** A step that is at work when it is stopped goes on; so long after nothing of it is under way any more. */
  readonly triesForMs?: number;
  /** Once it is stopped: ends what it waited for. */
  readonly after?: (installation: Installation, app: string) => Promise<unknown>;
  /** Of its pipeline, those of persons too; left out: one. */
  readonly runs?: number;
  /** At most; a deployment without a seen end is adopted by the next cascade, or begun again. */
  readonly deployments?: number;
}

const approved: Point = {
  app: { pipeline: { approval: 'before-build' } },
  after: ({ cloud }, app) => approve(cloud, app, 'Approved'),
};
const all = (name: string): readonly Hold[] => [{ function: name }];
const deployingFor = (ms: number) => (installation: Installation) => installation.cloud.admin.setDeploymentTime(ms);
/** How long scans of the team's registry take from now on. */
export const scanningFor = (scanMs: number) => (installation: Installation) =>
  installation.cloud.admin.setRegistry({ ...TEAM, scanMs });

/** The switch is thrown while its build is scanned. */
const whilePaused: Point = {
  before: scanningFor(3_000),
  by: { state: 'WaitForScan', act: ({ context }) => context.killSwitch.set(switchOf('paused')) },
  after: async (installation) => {
    await installation.context.killSwitch.set(switchOf('active'));
    await scanningFor(50)(installation);
  },
};

/** The document in force is gone, and no environment of a function remembers it. */
async function losePolicy(installation: Installation): Promise<void> {
  const { cloud, context, deployment } = installation;
  const { version } = await context.policies.current();
  const s3 = new S3Client({ ...hubOf(installation), forcePathStyle: true });
  await s3.send(new DeleteObjectCommand({ Bucket: deployment.evidenceBucket, Key: `policies/${version}.json` }));
  await cloud.admin.endEnvironments();
}

/** What was read before is applied again. */
async function repairPolicy({ context }: Installation): Promise<void> {
  const { version: replaces, policy } = await context.policies.current();
  await context.policies.publish(policy, { author: 'a test', atEpochMs: Date.now(), replaces });
}

/** The policy is lost while the one node of the cascade is settled. */
const withoutPolicy: Point = {
  before: scanningFor(3_000),
  by: {
    state: 'WaitForScan',
    act: async (installation, app) => {
      await hold(installation, all('rebuild-dispatch'));
      await untilIn(installation, streamOf(app), 'SettleNode', SETTLED_MS);
      await losePolicy(installation);
      await installation.cloud.admin.endFaults();
    },
  },
  after: async (installation) => {
    await repairPolicy(installation);
    await scanningFor(50)(installation);
  },
};
const SETTLED_MS = 30_000;

/** They take every slot that there is. */
export const OTHERS = ['another', 'a-third', 'a-fourth'];

/** Each state in which an execution can be found: those that wait, and those that do something. */
export const POINTS: Readonly<Record<string, Point>> = {
  OpenCascade: { holds: [{ function: 'cascade-plan', operations: ['PutObject'] }] },
  ReserveStream: { holds: all('rebuild-dispatch') },
  WaitToReserve: {
    before: async ({ context }) => {
      const lease = { nowEpochMs: Date.now(), untilEpochMs: Date.now() + HOUR_MS };
      for (const owner of OTHERS) expect(await context.slots.take('fleet', OTHERS.length, owner, lease)).toBe(true);
    },
    after: async ({ context }) => {
      for (const owner of OTHERS) await context.slots.release('fleet', owner);
    },
  },
  StartBuild: approved,
  PollBuild: { ...approved, holds: [{ role: 'PatchwaveActBuild', operations: ['GetPipelineExecution'] }] },
  WaitForTurn: {
    app: { pipeline: { mode: 'QUEUED', limit: 1, approval: 'before-build' } },
    before: ({ cloud }, app) => runByHand(cloud, app),
    runs: 2,
    after: async ({ cloud }, app) => {
      await approve(cloud, app, 'Rejected');
      await approve(cloud, app, 'Approved');
    },
  },
  WaitToPoll: {
    before: async ({ cloud }) => {
      await denyRole(cloud, 'PatchwaveActBuild', ['codepipeline:ListPipelineExecutions']);
      const kill = { function: 'patchwave-rebuild-dispatch', operation: 'StartPipelineExecution', after: true };
      await cloud.admin.setFaults({ seed: 1, kills: [kill] });
    },
    after: async (installation, app) => {
      await denyRole(installation.cloud, 'PatchwaveActBuild', []);
      await lapseBuild(installation, streamOf(app));
    },
  },
  FindOutput: { holds: all('verify-rebuild') },
  WaitForOutput: { app: { pipeline: { faults: { noOutput: true, noLabel: true } } } },
  WaitForScan: { before: scanningFor(5_000), after: scanningFor(50) },
  FindParents: { holds: all('lineage') },
  CheckScan: {
    ...{ before: scanningFor(3_000), after: scanningFor(50) },
    by: { state: 'WaitForScan', holds: all('verify-rebuild') },
  },
  PromoteOutput: {
    app: { pipeline: { tags: ['stable-candidate', 'build-{build}'] }, rule: { promotes: true } },
    holds: [{ role: 'PatchwaveActBuild', operations: ['PutImage'] }],
    triesForMs: 5_000,
  },
  WaitToPromote: {
    app: { pipeline: { tags: ['stable-candidate', 'build-{build}'] }, rule: { promotes: true } },
    ...whilePaused,
  },
  SettleNode: {
    ...{ before: scanningFor(3_000), after: scanningFor(50) },
    by: { state: 'WaitForScan', holds: all('rebuild-dispatch') },
  },
  PlanRollout: { holds: all('rollout') },
  WaitToPlanRollout: withoutPolicy,
  DeployService: { holds: [{ role: 'PatchwaveActRollout' }] },
  WaitToDeploy: whilePaused,
  WaitForDeployment: { before: deployingFor(5_000), after: deployingFor(100), deployments: 2 },
  CheckDeployment: {
    ...{ before: deployingFor(4_000), after: deployingFor(100), deployments: 2 },
    by: { state: 'WaitForDeployment', holds: all('rollout') },
  },
  CloseCascade: {
    ...{ before: deployingFor(3_000), after: deployingFor(100) },
    by: { state: 'WaitForDeployment', holds: [{ function: 'cascade-reaper', operations: ['GetItem'] }] },
  },
  // Their first call: a queue without permission to send hides the failure for as long as a function may run.
  AbandonCascade: { holds: ['rollout', 'cascade-reaper'].map((name) => ({ function: name, operations: ['GetItem'] })) },
};

const switchOf = (rebuilding: 'active' | 'paused') => ({
  rebuilding,
  by: 'a test',
  atEpochMs: Date.now(),
  reason: 'a test',
});
/** The application of a point. */
export const nameOf = (state: string): string =>
  state.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`).slice(1);
