import { checkClosures } from '../../../functions/rollout/check-closures.ts';
import { DynamoRolloutLedger } from '../../../shared/adapters/dynamodb/rebuilds/rollout-ledger.ts';
import { LedgerTable } from '../../../shared/adapters/dynamodb/table/table.ts';
import { collect } from '../../../shared/concurrency.ts';
import type { Closure } from '../../../shared/domain/cause/cascade.ts';
import type { CauseFact } from '../../../shared/domain/cause/cause.ts';
import { locationKey } from '../../../shared/domain/image/image.ts';
import { type ServiceAtZero, serviceText } from '../../../shared/domain/image/service-at-zero.ts';
import { BUILT_IN_VERSION } from '../../../shared/domain/policy/built-in-policy.ts';
import type { StreamRule } from '../../../shared/domain/policy/policy.ts';
import type { LeftScope, ReviewMode, ScopeResult } from '../../../shared/domain/review/run.ts';
import { type Finding, fingerprint } from '../../../shared/domain/scan/finding.ts';
import type { PackageKind } from '../../../shared/domain/scan/scan.ts';
import type { ImageInUse } from '../../../shared/domain/scan/witness.ts';
import type { Reason, Verdict } from '../../../shared/domain/verdict/verdict.ts';
import { LedgerItemUnreadableError } from '../../../shared/ports/errors.ts';
import { runFileKeys } from '../../../shared/review/documents.ts';
import { CrashError, crashAt, type Turns } from '../../support/fakes/interleave.ts';
import { MemoryTable } from '../../support/memory-dynamo.ts';
import { deployment } from '../../support/rebuild-samples.ts';
import { DAY_MS, digestOf, imageProperties as factsOf, HOUR_MS, review, usage } from '../../support/samples.ts';
import {
  CASCADE,
  FIXED,
  imageOf,
  known,
  locationOf,
  MINUTE_MS,
  plan,
  portsOf,
  REASON,
  REGISTRY,
  type RolloutWorld,
  rolloutWorld,
  runs,
  service,
  streamOf,
} from './support.ts';

const OTHER = { account: '444455556666', region: 'us-east-1' };
const STREAM = streamOf('web');

/** A verified stream whose closure is open; its old image runs. */
async function scene() {
  const world = await rolloutWorld();
  await service(world, 'web');
  await plan(world);
  world.advance(HOUR_MS);
  return world;
}

/** A review that reads both scopes now, but for those that fail. */
async function reviewed(
  world: RolloutWorld,
  {
    fails = [] as readonly object[],
    scopes = [REGISTRY, OTHER],
    scopeKey = 'fleet',
    mode = 'review' as ReviewMode,
    policyVersion = world.policyVersion,
  } = {},
) {
  const runId = world.ids();
  const { running } = await world.runs.latest();
  if (running) await world.runs.finish({ ...running, state: 'succeeded' });
  await world.runs.begin(review(runId, { scopeKey, mode, policyVersion, startedAtEpochMs: world.clock() }));
  await world.runFiles.put(
    runFileKeys(runId).scopes,
    scopes.map((scope) => ({ scope })),
  );
  for (const scope of scopes) {
    const isFailed = fails.includes(scope);
    const inventory = { clusters: 1, tasks: 1, containers: 1, usages: 1, unresolved: 0 };
    const result: ScopeResult = isFailed
      ? { scope, status: 'failed', error: 'ScopeUnreachableError', detail: 'no role' }
      : { scope, status: 'complete', inventory };
    const key = `${scope.account}/${scope.region}`;
    await world.runs.recordPart(runId, { kind: 'scope', key, result });
    const before = await world.scopes.get(scope);
    await world.scopes.record(isFailed ? { scope, ...before } : complete(world, scope));
  }
  return runId;
}

const complete = (world: RolloutWorld, scope: typeof OTHER) => ({
  ...{ scope, completeAtEpochMs: world.clock(), includesStopping: true },
});

/** The service runs what was verified. */
async function replaced(world: RolloutWorld) {
  await world.usages.end(await world.usages.ofImage(digestOf('web-old')), world.clock());
  await world.images.recordPresence(digestOf('web-old'), { inUse: false });
  await runs(world, 'web', 'new');
}

const look = (world: RolloutWorld, runId: string, turns: Turns = {}) =>
  checkClosures(portsOf(world, turns), { runId, policyVersion: world.policyVersion });

const closureOf = async (world: RolloutWorld) => (await collect(world.rollouts.closures(CASCADE)))[0];
const causeOf = async (world: RolloutWorld) => (await world.causes.get([STREAM])).get(STREAM);

test('no running image has the cause: closed with its proof, and the cause is settled', async () => {
  const world = await scene();
  await replaced(world);
  const runId = await reviewed(world);
  expect(await look(world, runId)).toEqual({ open: 0, closed: 1, replaced: 0, witnessDisagrees: 0, overdue: 0 });
  expect(await closureOf(world)).toMatchObject({
    state: 'closed',
    proof: { runId, closedAtEpochMs: world.clock(), scopes: 2, usagesOfOutput: 1 },
  });
  expect(await causeOf(world)).toMatchObject({ state: 'closed', facts: [] });
  expect(await look(world, await reviewed(world))).toEqual({
    open: 0,
    closed: 0,
    replaced: 0,
    witnessDisagrees: 0,
    overdue: 0,
  });
});

describe('a closure that 0.1.0 wrote, of a finding by Amazon Inspector, in a registry that has basic scanning now', () => {
  async function upgraded(packageKind?: PackageKind) {
    const world = await scene();
    await replaced(world);
    if (FIXED.kind !== 'finding') throw new TypeError(FIXED.kind);
    const { packageKind: _, ...written } = FIXED;
    const fact: CauseFact = { ...written, ...(packageKind && { packageKind }) };
    await world.causes.change(STREAM, (cause) => cause && { ...cause, facts: [fact] });
    const memory = new MemoryTable();
    const [PK, openSk] = [`CLOSURE#${CASCADE}`, `${CASCADE}/${STREAM}`];
    const times = { sinceEpochMs: world.clock() - HOUR_MS, deadlineEpochMs: world.clock() + DAY_MS };
    memory.items.set(`${PK} ${STREAM}`, {
      ...{ PK, SK: STREAM, kind: 'closure', rev: 3.9778924647192846, openPk: 'OPEN#CLOSURE', openSk },
      ...{ cascadeId: CASCADE, stream: STREAM, state: 'open', output: digestOf('web-new'), left: [], services: [] },
      ...{ facts: [written], ...times },
    });
    const rollouts = new DynamoRolloutLedger(new LedgerTable(memory.client(), 'ledger'));
    const runId = await reviewed(world);
    const { policyVersion } = world;
    const checked = await checkClosures({ ...portsOf(world), rollouts }, { runId, policyVersion });
    const [closure] = await collect(rollouts.closures(CASCADE));
    return { checked, closure };
  }

  test('a later scan found it in a package of the system: closed', async () => {
    const { checked, closure } = await upgraded('os');
    expect(checked).toMatchObject({ open: 0, closed: 1 });
    expect(closure).toMatchObject({ state: 'closed', facts: [FIXED] });
  });

  test.each<[string, PackageKind | undefined]>([
    ['a later scan found it in a package of a language', 'language'],
    ['no later scan found it', undefined],
  ])('%s: it waits for Amazon Inspector, and says so', async (_, packageKind) => {
    const { checked, closure } = await upgraded(packageKind);
    expect(checked).toMatchObject({ open: 1, closed: 0 });
    expect(closure?.waitingFor).toMatch(/CVE-2026-1 in openssl 3.0.1 is gone\. Turn on enhanced scanning/);
  });
});

describe('an edit of the rules after which no verdict lists the finding', () => {
  const severity = 'critical';
  const flaw: Finding = { vulnerability: 'CVE-2026-1', package: 'openssl', version: '3.0.0', severity, fix: 'yes' };
  const other: Finding = { ...flaw, vulnerability: 'CVE-2026-2' };
  const waived: Reason = { ...REASON, effect: 'waived' };

  /** The old image runs; one of the stream is judged again. */
  async function judgedAgain(findings: readonly Finding[], reasons: readonly Reason[] = [], which = 'old') {
    const world = await scene();
    const digest = digestOf(`web-${which}`);
    const evidence = { digest, scanner: 'ecr-basic', completedAtEpochMs: world.clock(), findings } as const;
    await world.evidence.putFindings(evidence);
    await world.images.recordJudgement({
      ...{ digest, judgedAtEpochMs: world.clock(), findingsFingerprint: fingerprint(findings) },
      scan: { state: 'complete', completedAtEpochMs: world.clock(), coverage: ['os'] },
      verdict: { status: 'compliant', reasons, policyVersion: 'p' },
    });
    return world;
  }

  test('it is no proof that nothing runs either, while it is unknown what may start', async () => {
    const world = await judgedAgain([other, flaw]);
    const unread = { list: 'waiting-jobs', error: 'ClusterForbiddenError', problem: 'no', nextStep: 'do' } as const;
    const checked = async () => {
      const runId = await reviewed(world);
      const before = await world.scopes.get(REGISTRY);
      await world.scopes.record({ ...before, scope: REGISTRY, unreadSources: [unread] });
      await look(world, runId);
      return closureOf(world);
    };
    const runsIt = await checked();
    expect(runsIt).toMatchObject({ state: 'open', unruled: true });
    expect(runsIt).not.toHaveProperty('nothingRunsSinceEpochMs');
    await replaced(world);
    expect(await checked()).toMatchObject({ mayStart: true, nothingRunsSinceEpochMs: world.clock() });
  });

  test('it stays open while the finding runs, says why, and is never overdue', async () => {
    const world = await judgedAgain([other, flaw]);
    expect(await look(world, await reviewed(world))).toMatchObject({ open: 1, closed: 0, overdue: 0 });
    const waitingFor =
      'no severity rule asks for these findings any more, and these workloads still run an image that has them: ecs-service 111122223333/eu-west-1/prod/web. Deploy images with the fix, or stop them';
    expect(await closureOf(world)).toMatchObject({ state: 'open', unruled: true, waitingFor });
    expect(await causeOf(world)).toMatchObject({ facts: [FIXED] });
    world.advance(30 * DAY_MS);
    expect(await look(world, await reviewed(world))).toMatchObject({ open: 1, overdue: 0 });
    await replaced(world);
    expect(await look(world, await reviewed(world))).toMatchObject({ open: 0, closed: 1 });
    expect(await closureOf(world)).not.toHaveProperty('unruled');
  });

  test('it closes where the evidence lacks the finding too', async () => {
    const world = await judgedAgain([other]);
    expect(await look(world, await reviewed(world))).toMatchObject({ open: 0, closed: 1 });
  });

  test('it closes where a waiver accepts the finding', async () => {
    const world = await judgedAgain([flaw], [waived]);
    expect(await look(world, await reviewed(world))).toMatchObject({ open: 0, closed: 1 });
  });

  test('a closure without findings reads no evidence', async () => {
    const world = await judgedAgain([other], [], 'new');
    await replaced(world);
    const reads: string[] = [];
    const findings = async (digest: string) => {
      reads.push(digest);
      return undefined;
    };
    const check = async (facts: readonly CauseFact[]) => {
      await world.rollouts.changeClosure(CASCADE, STREAM, (closure) => ({ ...closure, facts, state: 'open' }));
      const runId = await reviewed(world);
      const { policyVersion } = world;
      return checkClosures({ ...portsOf(world), evidence: { findings } }, { runId, policyVersion });
    };
    expect(await check([{ kind: 'age', ruleId: 'age', sinceEpochMs: 1 }])).toMatchObject({ closed: 1 });
    expect(reads).toEqual([]);
  });

  test('it waits where the evidence is lost', async () => {
    const world = await judgedAgain([other]);
    world.evidence.lose(digestOf('web-old'));
    expect(await look(world, await reviewed(world))).toMatchObject({ open: 1, closed: 0 });
    const waitingFor = `these running images are not judged yet: ${digestOf('web-old')}`;
    expect(await closureOf(world)).toMatchObject({ waitingFor });
  });
});

test('a scope whose step died without a result keeps the closure open: nothing says that it was read', async () => {
  const world = await scene();
  await replaced(world);
  const runId = await reviewed(world, { scopes: [REGISTRY] });
  await world.runFiles.put(runFileKeys(runId).scopes, [{ scope: REGISTRY }, { scope: OTHER }]);
  expect(await look(world, runId)).toMatchObject({ open: 1, closed: 0 });
  const waitingFor = expect.stringMatching(
    /^these scopes have not been read .*: 444455556666\/us-east-1\. `patchwave status` names the reason of each$/,
  );
  expect(await closureOf(world)).toMatchObject({ state: 'open', waitingFor });
  expect(await look(world, await reviewed(world))).toMatchObject({ closed: 1 });
});

test('an EKS cluster that has a record keeps the closure open until it is read, left or gone', async () => {
  const world = await scene();
  await replaced(world);
  const scope = { ...OTHER, eksCluster: 'prod' };
  // Listed, and never read.
  await world.scopes.record({ scope });
  expect(await look(world, await reviewed(world))).toMatchObject({ open: 1, closed: 0 });
  const waitingFor = expect.stringMatching(
    /^these scopes have not been read .*: 444455556666\/us-east-1\/prod\. `patchwave status` names the reason of each$/,
  );
  expect(await closureOf(world)).toMatchObject({ state: 'open', waitingFor });
  await world.scopes.forget(scope, world.clock());
  expect(await look(world, await reviewed(world))).toMatchObject({ closed: 1 });
});

test.each<[string, object]>([
  ['was read since', { includesStopping: true }],
  [
    'left, and a person confirmed it',
    { left: { atEpochMs: 1, usages: 1, isMoved: true, confirmed: { by: 'ana', atEpochMs: 2, reason: 'gone' } } },
  ],
])('a closure closes over an EKS cluster that %s', async (_, record) => {
  const world = await scene();
  await replaced(world);
  const scope = { ...OTHER, eksCluster: 'prod' };
  await world.scopes.record({ scope, completeAtEpochMs: world.clock() + DAY_MS, ...record });
  expect(await look(world, await reviewed(world))).toMatchObject({ closed: 1 });
});

test('pods that run the old image keep the closure open, by name, and their cluster is not deployed', async () => {
  const world = await scene();
  await replaced(world);
  const pod = { workloadKind: 'eks-deployment', workload: 'shop/web', cluster: 'prod' } as const;
  await world.usages.record([usage('web-old', { ...REGISTRY, ...pod })], world.clock());
  const scope = { ...REGISTRY, eksCluster: 'prod' };
  const runId = await reviewed(world);
  await world.scopes.record({ scope, completeAtEpochMs: world.clock(), includesStopping: true });
  await world.runFiles.put(runFileKeys(runId).digests(scope), [digestOf('web-old')]);
  await world.runs.recordPart(runId, {
    ...{ kind: 'scope', key: 'x' },
    result: {
      ...{ scope: REGISTRY, status: 'complete', eksClusters: ['prod'] },
      inventory: { clusters: 1, tasks: 1, containers: 1, usages: 1, unresolved: 0 },
    },
  });
  expect(await look(world, runId)).toMatchObject({ open: 1, closed: 0 });
  expect(await closureOf(world)).toMatchObject({
    waitingFor: expect.stringContaining(`: eks-deployment ${REGISTRY.account}/${REGISTRY.region}/prod/shop/web`),
  });
});

test('pods keep the closure open while the step of their account died, although an earlier review read the cluster', async () => {
  const world = await scene();
  await replaced(world);
  const pod = { workloadKind: 'eks-deployment', workload: 'shop/web', cluster: 'prod' } as const;
  await world.usages.record([usage('web-old', { ...OTHER, ...pod })], world.clock());
  await reviewed(world);
  const scope = { ...OTHER, eksCluster: 'prod' };
  await world.scopes.record({ scope, completeAtEpochMs: world.clock(), includesStopping: true });

  // The step of this account and Region left neither a result nor a list of its clusters.
  const runId = await reviewed(world, { scopes: [REGISTRY] });
  await world.runFiles.put(runFileKeys(runId).scopes, [{ scope: REGISTRY }, { scope: OTHER }]);
  expect(await look(world, runId)).toMatchObject({ open: 1, closed: 0 });
  expect(await closureOf(world)).toMatchObject({
    waitingFor: expect.stringContaining(`: eks-deployment ${OTHER.account}/${OTHER.region}/prod/shop/web`),
  });
});

test('a review without the policy closes nothing: it only counts', async () => {
  const world = await scene();
  await replaced(world);
  const runId = await reviewed(world, { policyVersion: BUILT_IN_VERSION });
  expect(await look(world, runId)).toEqual({ open: 1, closed: 0, replaced: 0, witnessDisagrees: 0, overdue: 0 });
  expect(await closureOf(world)).toMatchObject({ state: 'open' });
  expect(await look(world, await reviewed(world))).toMatchObject({ closed: 1 });
});

test('a service that is being deployed may go back: open until that is over, and read once more', async () => {
  const world = await scene();
  const { services: [service = ''] = [] } = (await closureOf(world)) ?? {};
  await world.rollouts.beginDeployment(deployment(CASCADE, service, { state: 'running' }));
  // It stopped what ran before it has shown that the new tasks work.
  await replaced(world);
  const runId = await reviewed(world);
  expect(await look(world, runId)).toMatchObject({ open: 1, closed: 0 });
  expect(await closureOf(world)).toMatchObject({
    state: 'open',
    waitingFor: `these deployments are in progress: ${service}`,
  });

  const endedAtEpochMs = world.clock() + MINUTE_MS;
  await world.rollouts.changeDeployment(CASCADE, service, (before) => ({
    ...before,
    state: 'completed',
    endedAtEpochMs,
  }));
  expect(await look(world, runId)).toMatchObject({ open: 1, closed: 0 });
  world.advance(MINUTE_MS);
  expect(await look(world, await reviewed(world))).toMatchObject({ closed: 1 });
});

test('a later scan finds the cause in what was verified: the service gets the next head', async () => {
  const world = await scene();
  await replaced(world);
  await known(world, 'web', 'new', { holds: true, isHead: true });
  await look(world, await reviewed(world));
  expect(await closureOf(world)).not.toHaveProperty('abandoned');
  await world.images.recordPresence(digestOf('web-new'), { isHead: false });
  await look(world, await reviewed(world));
  expect(await closureOf(world)).toMatchObject({ state: 'open', abandoned: true });
});

describe('a service that is refused at each review has a new closure each time', () => {
  const NEWER = 'ba9876543210-g1';
  const OTHER_FACT = { ...FIXED, vulnerability: 'CVE-2026-2' } as const;

  /** The closure of the scene is abandoned and past its deadline, and another cascade has verified the same image. */
  async function refusedTwice(changes: Partial<Closure> = {}, abandoned: Partial<Closure> = {}) {
    const world = await scene();
    const first = await world.rollouts.changeClosure(CASCADE, STREAM, (before) => ({
      ...before,
      ...{ abandoned: true, waitingFor: 'still run by it', ...abandoned },
    }));
    world.advance(4 * DAY_MS);
    const { sinceEpochMs: _, abandoned: __, waitingFor: ___, ...rest } = first;
    const since = { sinceEpochMs: world.clock(), deadlineEpochMs: world.clock() + 3 * DAY_MS };
    await world.rollouts.openClosure({ ...rest, facts: [FIXED], cascadeId: NEWER, ...since, ...changes });
    world.advance(HOUR_MS);
    return { world, first };
  }
  const newer = async (world: RolloutWorld) => (await collect(world.rollouts.closures(NEWER)))[0];

  test('the newer one replaces the abandoned one, with its deadline', async () => {
    const { world, first } = await refusedTwice({ facts: [FIXED, OTHER_FACT] });
    const runId = await reviewed(world);
    expect(await look(world, runId)).toEqual({ open: 1, closed: 0, replaced: 1, witnessDisagrees: 0, overdue: 1 });
    const { waitingFor: _, ...rest } = first;
    const replacement = { cascadeId: NEWER, runId, atEpochMs: world.clock() };
    expect(await closureOf(world)).toEqual({ ...rest, state: 'replaced', replacement });
    expect(await newer(world)).toMatchObject({ state: 'open', deadlineEpochMs: first.deadlineEpochMs });
    expect(await causeOf(world)).toMatchObject({ state: 'taken', facts: [FIXED] });
    expect(await look(world, await reviewed(world))).toEqual({
      open: 1,
      closed: 0,
      replaced: 0,
      witnessDisagrees: 0,
      overdue: 1,
    });
    await replaced(world);
    expect(await look(world, await reviewed(world))).toEqual({
      open: 0,
      closed: 1,
      replaced: 0,
      witnessDisagrees: 0,
      overdue: 0,
    });
    expect(await closureOf(world)).toMatchObject({ state: 'replaced' });
  });

  test('a newer one that waits for its facts replaces it, also where the newest one waits for others', async () => {
    const { world, first } = await refusedTwice({ facts: [FIXED, OTHER_FACT] });
    const { sinceEpochMs: _, abandoned: __, waitingFor: ___, ...rest } = first;
    const newest = { ...rest, cascadeId: 'cba987654321-g1', facts: [] };
    const since = { sinceEpochMs: world.clock(), deadlineEpochMs: world.clock() + 3 * DAY_MS };
    await world.rollouts.openClosure({ ...newest, ...since });
    world.advance(HOUR_MS);
    expect(await look(world, await reviewed(world))).toEqual({
      open: 2,
      closed: 0,
      replaced: 1,
      witnessDisagrees: 0,
      overdue: 1,
    });
    expect(await closureOf(world)).toMatchObject({ state: 'replaced', replacement: { cascadeId: NEWER } });
    expect(await newer(world)).toMatchObject({ state: 'open', deadlineEpochMs: first.deadlineEpochMs });
    expect(await collect(world.rollouts.closures(newest.cascadeId))).toMatchObject([since]);
  });

  test('one that can be proven is closed with a proof of its own', async () => {
    const { world } = await refusedTwice({ facts: [FIXED] });
    await replaced(world);
    expect(await look(world, await reviewed(world))).toEqual({
      open: 0,
      closed: 2,
      replaced: 0,
      witnessDisagrees: 0,
      overdue: 0,
    });
  });

  test.each<readonly [string, Partial<Closure>, object]>([
    ['the newer one waits for another fact', { facts: [OTHER_FACT] }, {}],
    ['its rollout may still go on', {}, { abandoned: undefined }],
    ['it waits for images that are older than its own output', {}, { facts: [] }],
  ])('it stays where %s', async (_, changes, abandoned) => {
    const { world } = await refusedTwice(changes, abandoned);
    expect(await look(world, await reviewed(world))).toMatchObject({ replaced: 0 });
    expect(await closureOf(world)).toMatchObject({ state: 'open' });
  });

  test('it stays where its deployment ended after the newer one began: that has not been read by then', async () => {
    const { world, first } = await refusedTwice();
    const [service = ''] = first.services ?? [];
    await world.rollouts.beginDeployment(
      deployment(CASCADE, service, { state: 'rolled-back', endedAtEpochMs: world.clock() }),
    );
    expect(await look(world, await reviewed(world))).toMatchObject({ open: 2, replaced: 0 });
  });

  test('a check that dies between any two of its steps loses neither', async () => {
    const counting = crashAt(Number.POSITIVE_INFINITY);
    const whole = await refusedTwice();
    await look(whole.world, await reviewed(whole.world), counting);
    for (const at of counting.steps.keys()) {
      const { world, first } = await refusedTwice();
      const runId = await reviewed(world);
      await expect(look(world, runId, crashAt(at))).rejects.toThrow(CrashError);
      await look(world, runId);
      expect(await closureOf(world)).toMatchObject({ state: 'replaced' });
      expect(await newer(world)).toMatchObject({ state: 'open', deadlineEpochMs: first.deadlineEpochMs });
    }
  });
});

test('workloads that still run it are named', async () => {
  const world = await scene();
  expect(await look(world, await reviewed(world))).toMatchObject({ open: 1, closed: 0 });
  const waitingFor =
    'these workloads still run an image that needs the fix: ecs-service 111122223333/eu-west-1/prod/web. Deploy images with the fix, or stop them. To see what an image waits for: patchwave why IMAGE';
  expect(await closureOf(world)).toMatchObject({ state: 'open', waitingFor });
  expect(await causeOf(world)).toMatchObject({ state: 'taken', facts: [FIXED] });
});

test('a standalone task keeps it open until it stops', async () => {
  const world = await scene();
  await replaced(world);
  await runs(world, 'web', 'old', { workload: 'nightly', workloadKind: 'ecs-task' });
  await look(world, await reviewed(world));
  const waitingFor =
    'these workloads still run an image that needs the fix: ecs-task 111122223333/eu-west-1/prod/nightly. Deploy images with the fix, or stop them. To see what an image waits for: patchwave why IMAGE';
  expect(await closureOf(world)).toMatchObject({ state: 'open', waitingFor });
  await replaced(world);
  expect(await look(world, await reviewed(world))).toMatchObject({ closed: 1 });
});

test('an unreachable account keeps the closure open, also if all others are clean', async () => {
  const world = await scene();
  await replaced(world);
  expect(await look(world, await reviewed(world, { fails: [OTHER] }))).toMatchObject({ open: 1, closed: 0 });
  const waitingFor = expect.stringMatching(
    /^these scopes have not been read completely since .*: 444455556666\/us-east-1\. `patchwave status` names the reason of each$/,
  );
  expect(await closureOf(world)).toMatchObject({ state: 'open', waitingFor });
  expect(await causeOf(world)).toMatchObject({ state: 'taken' });
  expect(await look(world, await reviewed(world))).toMatchObject({ closed: 1 });
});

test('a read before the rollout proves nothing, and neither does a failed one after it', async () => {
  const world = await rolloutWorld();
  await reviewed(world);
  world.advance(MINUTE_MS);
  await service(world, 'web');
  await plan(world);
  await replaced(world);
  expect(await look(world, await reviewed(world, { fails: [OTHER] }))).toMatchObject({ open: 1, closed: 0 });
});

test('a read without the stopping tasks proves nothing, because they may run an old image', async () => {
  const world = await scene();
  await replaced(world);
  const runId = await reviewed(world);
  await world.scopes.record({ scope: OTHER, completeAtEpochMs: world.clock() });
  expect(await look(world, runId)).toMatchObject({ open: 1, closed: 0 });
  const waitingFor = 'tasks that are stopping were not read yet in 444455556666/us-east-1. The next review reads them';
  expect(await closureOf(world)).toMatchObject({ state: 'open', waitingFor });
  expect(await look(world, await reviewed(world))).toMatchObject({ closed: 1 });
});

test.each([
  ['of some scopes', { scopeKey: 'a list' }, { open: 1, closed: 0 }],
  ['of the fleet', { scopeKey: 'fleet' }, { open: 0, closed: 1 }],
])('a review %s', async (_, { scopeKey }, counts) => {
  const world = await scene();
  await replaced(world);
  expect(await look(world, await reviewed(world, { scopeKey }))).toMatchObject(counts);
});

test('an image that runs and is not judged keeps it open', async () => {
  const world = await scene();
  await replaced(world);
  await known(world, 'web', 'mystery', {});
  await runs(world, 'web', 'mystery');
  await look(world, await reviewed(world));
  expect(await closureOf(world)).toMatchObject({ state: 'open', waitingFor: expect.stringContaining('not judged') });
});

describe('images of the repository without a stream', () => {
  const stray = async (
    world: RolloutWorld,
    verdict: Partial<Verdict> | undefined,
    reference = imageOf('web', 'b7'),
    locations = [locationOf('web')],
  ) => {
    const digest = digestOf('stray');
    if (verdict) {
      const { stream: _, ...ofNone } = factsOf('stray', { locations });
      await world.images.recordProperties(ofNone);
      const whole: Verdict = { status: 'compliant', reasons: [], policyVersion: 'p', ...verdict };
      const scan = { state: 'complete', completedAtEpochMs: world.clock(), coverage: ['os'] } as const;
      await world.images.recordJudgement({ digest, scan, verdict: whole, judgedAtEpochMs: world.clock() });
    }
    const ran = usage('stray', { ...OTHER, cluster: 'lab', workload: 'probe', container: 'probe', digest, reference });
    await world.usages.record([ran], world.clock());
  };
  const holding = { status: 'violating', reasons: [REASON] } as const;

  test.each([
    [
      'holds the cause',
      holding,
      'these workloads still run an image that needs the fix: ecs-service 444455556666/us-east-1/lab/probe. Deploy images with the fix, or stop them. To see what an image waits for: patchwave why IMAGE',
      undefined,
    ],
    [
      'holds the cause, though it was pulled from a copy',
      holding,
      'these workloads still run an image that needs the fix: ecs-service 444455556666/us-east-1/lab/probe. Deploy images with the fix, or stop them. To see what an image waits for: patchwave why IMAGE',
      imageOf('copy'),
    ],
    ['is not known at all', undefined, `these running images are not judged yet: ${digestOf('stray')}`, undefined],
  ])('keeps it open if it %s, and is named', async (_, verdict, waitingFor, reference) => {
    const world = await scene();
    await replaced(world);
    await stray(world, verdict, reference);
    expect(await look(world, await reviewed(world))).toMatchObject({ open: 1, closed: 0 });
    expect(await closureOf(world)).toMatchObject({ state: 'open', waitingFor });
  });

  test.each([
    ['it holds none of it', {}, undefined, undefined],
    ['it is of another repository', holding, imageOf('shop'), [locationOf('shop')]],
    ['it is of no registry of ours', holding, 'team/web:b7', []],
    ['its reference is none', holding, '::', []],
  ])('does not keep it open if %s', async (_, verdict, reference, locations) => {
    const world = await scene();
    await replaced(world);
    await stray(world, verdict, reference, locations);
    expect(await look(world, await reviewed(world))).toMatchObject({ open: 0, closed: 1 });
  });
});

test('a container whose digest is not proven keeps it open, also while its account cannot be read again', async () => {
  const world = await scene();
  await replaced(world);
  const unidentified = [
    { repository: `${REGISTRY.account}/${REGISTRY.region}/team/web`, workload: 'ecs-task lab/probe' },
  ];
  const first = await reviewed(world);
  await world.scopes.record({ ...complete(world, OTHER), unidentified });
  expect(await look(world, first)).toMatchObject({ open: 1, closed: 0 });
  const waitingFor = expect.stringMatching(
    /^Patchwave does not know which image these workloads run: ecs-task lab\/probe\. .* declare `parents`/,
  );
  expect(await closureOf(world)).toMatchObject({ state: 'open', waitingFor });
  expect(await look(world, await reviewed(world, { fails: [OTHER] }))).toMatchObject({ open: 1, closed: 0 });
  expect(await look(world, await reviewed(world))).toMatchObject({ closed: 1 });
});

test.each<[string, string | undefined, number]>([
  ['keeps it open where its tag is of a line that is built on the stream', '1.4', 1],
  ['lets it close where its tag is of a line that is built on another base', '2.0', 0],
  ['keeps it open where its tag is of no line', 'stable', 1],
  ['keeps it open where it names no tag', undefined, 1],
])('a container whose digest is not proven %s', async (_, tag, open) => {
  const world = await scene();
  await replaced(world);
  const { policy } = await world.policies.load(world.policyVersion);
  const base: StreamRule = { ...(policy.streams[0] as StreamRule), id: 'base', tier: 'base', parents: [] };
  const line = (id: string, headTag: string, parents: readonly string[]): StreamRule => ({
    ...{ ...base, id, tier: 'application', repositories: ['apps/multi'], headTags: [headTag] },
    parents: [...parents],
  });
  const streams = [base, line('old', '^1\\..*$', ['base']), line('new', '^2\\..*$', [])];
  const policyVersion = await world.policies.publish({ ...policy, streams }, { replaces: world.policyVersion });
  const runId = await reviewed(world, { policyVersion });
  const key = `${REGISTRY.account}/${REGISTRY.region}`;
  const part = { images: 0, missing: 0, beganAtEpochMs: world.clock(), unread: [] };
  await world.runs.recordPart(runId, { kind: 'registry', key, status: 'complete', ...part });
  const repository = `${key}/apps/multi`;
  const unidentified = [{ repository, ...(tag !== undefined && { tag }), workload: 'ecs-task lab/probe' }];
  await world.scopes.record({ ...complete(world, OTHER), unidentified });
  expect(await checkClosures(portsOf(world), { runId, policyVersion })).toMatchObject({ open });
});

test('a scope that was left out as empty was not read: it keeps the closure open', async () => {
  const world = await scene();
  await replaced(world);
  const runId = await reviewed(world);
  const scope = { account: '777788889999', region: 'eu-west-1' };
  await world.scopes.record({
    scope,
    completeAtEpochMs: world.clock() - DAY_MS,
    emptyUntilEpochMs: world.clock() + DAY_MS,
  });
  const result: ScopeResult = { scope, status: 'skipped', reason: 'no cluster' };
  await world.runs.recordPart(runId, { kind: 'scope', key: '777788889999/eu-west-1', result });
  expect(await look(world, runId)).toMatchObject({ open: 1, closed: 0 });
  const waitingFor = expect.stringMatching(
    /^these scopes have not been read completely since .*: 777788889999\/eu-west-1\. `patchwave status` names the reason of each$/,
  );
  expect(await closureOf(world)).toMatchObject({ waitingFor });
});

test('past its deadline it stays open and is counted', async () => {
  const world = await scene();
  world.advance(73 * HOUR_MS);
  expect(await look(world, await reviewed(world))).toEqual({
    open: 1,
    closed: 0,
    replaced: 0,
    witnessDisagrees: 0,
    overdue: 1,
  });
});

test('a fact that was added meanwhile stays, and its cause is open', async () => {
  const world = await scene();
  await replaced(world);
  const later = { ...FIXED, vulnerability: 'CVE-2026-2' };
  await world.causes.change(STREAM, (cause) => cause && { ...cause, facts: [...cause.facts, later], version: 2 });
  await look(world, await reviewed(world));
  expect(await causeOf(world)).toMatchObject({ state: 'open', facts: [later] });
});

test('killed at any call it closes the next time, and the cause is settled with it', async () => {
  const arrange = async () => {
    const world = await scene();
    await replaced(world);
    return { world, runId: await reviewed(world) };
  };
  const first = await arrange();
  const turns = crashAt(Number.POSITIVE_INFINITY);
  await look(first.world, first.runId, turns);
  expect(turns.steps).toEqual(expect.arrayContaining(['causes.change', 'rollouts.changeClosure']));
  for (let at = 0; at < turns.steps.length; at += 1) {
    for (const side of ['before', 'after'] as const) {
      const { world, runId } = await arrange();
      await expect(look(world, runId, crashAt(at, side))).rejects.toThrow(CrashError);
      await look(world, runId);
      expect([at, (await closureOf(world))?.state, (await causeOf(world))?.state]).toEqual([at, 'closed', 'closed']);
    }
  }
});

test('one closure that fails stops no other, and the step fails', async () => {
  const world = await rolloutWorld({ modes: { api: 'restart', web: 'restart' } });
  await plan(world);
  world.advance(HOUR_MS);
  const runId = await reviewed(world);
  const { places, ...ports } = portsOf(world);
  const indexes: typeof places.indexes = async (digests) => {
    if (digests.includes(digestOf('api-new'))) throw new Error('no answer');
    return places.indexes(digests);
  };
  const broken = { ...ports, places: { ...places, locations: places.locations, indexes } };
  const step = checkClosures(broken, { runId, policyVersion: world.policyVersion });
  await expect(step).rejects.toThrow('no answer');
  const states = (await collect(world.rollouts.closures(CASCADE))).map(({ stream, state }) => [stream, state]);
  expect(states).toEqual([
    [streamOf('api'), 'open'],
    [STREAM, 'closed'],
  ]);
});

describe('where Amazon Inspector says that the old image is in use', () => {
  const REPOSITORY = '111122223333/eu-west-1/team/web';
  const used = (world: RolloutWorld, changes: Partial<ImageInUse> = {}): ImageInUse => ({
    ...{ repository: REPOSITORY, digest: digestOf('web-old'), count: 1, lastAtEpochMs: world.clock(), ...changes },
  });

  /** The rollout is over for 30 hours, and nothing that Patchwave sees runs the old image. */
  async function hidden() {
    const world = await scene();
    await replaced(world);
    world.advance(30 * HOUR_MS);
    return world;
  }
  /** @param listed what Inspector covers */
  async function says(
    world: RolloutWorld,
    images: readonly ImageInUse[] | 'unread' | 'basic',
    listed = [digestOf('web-old')],
  ) {
    const runId = await reviewed(world);
    const keys = runFileKeys(runId);
    await world.runFiles.put(keys.registries, [{ registry: REGISTRY }]);
    if (images === 'unread') return look(world, runId);
    await world.runFiles.put(keys.scanning(REGISTRY), { type: images === 'basic' ? 'basic' : 'enhanced', rules: [] });
    if (images !== 'basic') {
      await world.runFiles.put(keys.inUse(REGISTRY), images);
      const coverage = { status: 'ACTIVE', reason: 'SUCCESSFUL' };
      const covered = Object.fromEntries(listed.map((digest) => [digest, coverage]));
      await world.runFiles.put(keys.coverage(REGISTRY, ''), { 'team/web': covered });
      await world.runFiles.put(keys.coveragePieces(REGISTRY), { readAtEpochMs: world.clock(), digits: 0 });
    }
    return look(world, runId);
  }

  test('the closure waits and names it, also while the registry is unread', async () => {
    const world = await hidden();
    const seen = used(world);
    for (const images of [[seen], 'unread'] as const) {
      expect(await says(world, images)).toMatchObject({ open: 1, closed: 0, overdue: 0 });
      expect(await closureOf(world)).toMatchObject({
        ...{ state: 'open', witnessed: [seen] },
        waitingFor: expect.stringContaining(`(witness-disagrees): ${REPOSITORY}@${seen.digest}`),
      });
      expect(await causeOf(world)).toMatchObject({ state: 'taken' });
    }
    expect(await says(world, [])).toMatchObject({ open: 0, closed: 1 });
  });

  test.each<[string, readonly ImageInUse[] | 'basic']>([
    ['its registry has basic scanning from then on', 'basic'],
    ['Inspector lists the image no more, because it was deleted from its registry', []],
  ])('a closure that waits for it ends for a person where %s', async (_, images) => {
    const world = await hidden();
    const seen = used(world);
    await says(world, [seen]);
    for (const isOver of [false, true]) {
      if (isOver) world.advance(43 * HOUR_MS);
      expect(await says(world, images, [])).toMatchObject({ closed: 0, witnessDisagrees: isOver ? 1 : 0 });
    }
    expect(await closureOf(world)).toMatchObject({ disagreement: { witnessed: [seen] } });
  });

  test.each<[string, (world: RolloutWorld) => readonly ImageInUse[] | 'unread' | 'basic']>([
    ['the registry has basic scanning', () => 'basic'],
    ['the registry is unread and was silent before', () => 'unread'],
    [
      'it was in use less than 24 hours after the rollout',
      (world) => [used(world, { lastAtEpochMs: world.clock() - 7 * HOUR_MS })],
    ],
    ['the verified image is in use', (world) => [used(world, { digest: digestOf('web-new') })]],
  ])('the closure closes where %s', async (_, images) => {
    const world = await hidden();
    expect(await says(world, images(world))).toMatchObject({ closed: 1, witnessDisagrees: 0 });
  });

  test('an owner who deploys past the deadline is no riddle: what Inspector says is what Patchwave saw', async () => {
    const world = await scene();
    world.advance(80 * HOUR_MS);
    expect(await says(world, [used(world)])).toMatchObject({ open: 1, overdue: 1 });
    await replaced(world);
    world.advance(2 * HOUR_MS);
    const lastAtEpochMs = world.clock() - HOUR_MS;
    expect(await says(world, [used(world, { lastAtEpochMs })])).toMatchObject({ closed: 1, witnessDisagrees: 0 });
  });

  test('a use more than 24 hours after the last one that Patchwave saw is one, also past the deadline', async () => {
    const world = await scene();
    world.advance(80 * HOUR_MS);
    await replaced(world);
    world.advance(25 * HOUR_MS);
    expect(await says(world, [used(world)])).toMatchObject({ closed: 0, witnessDisagrees: 1 });
  });

  test('past the deadline it ends for a person: without a proof, and with a settled cause', async () => {
    const world = await hidden();
    await says(world, [used(world)]);
    world.advance(43 * HOUR_MS);
    const seen = used(world);
    expect(await says(world, [seen])).toEqual({ open: 0, closed: 0, replaced: 0, witnessDisagrees: 1, overdue: 0 });
    const ended = await closureOf(world);
    expect(ended).toMatchObject({ state: 'witness-disagrees', disagreement: { witnessed: [seen] } });
    expect(ended).not.toHaveProperty('proof');
    expect(await causeOf(world)).toMatchObject({ state: 'closed', facts: [] });
    expect(await says(world, [])).toMatchObject({ open: 0, closed: 0 });
  });

  test('an image that the ledger does not know may be built on a base, and on no application', async () => {
    const world = await hidden();
    const base = streamOf('base');
    await world.rollouts.openClosure({ ...((await closureOf(world)) as Closure), stream: base, services: [] });
    const age = { known: true, bornAtEpochMs: world.clock(), decidedBy: digestOf('web-new') } as const;
    await world.images.recordLineage(digestOf('web-new'), { age });
    await known(world, 'web', 'new', { holds: false });
    await says(world, [used(world, { repository: `${REPOSITORY}-other`, digest: digestOf('never seen') })]);
    const states = (await collect(world.rollouts.closures(CASCADE))).map(({ stream, state }) => [stream, state]);
    expect(states).toEqual([
      [base, 'open'],
      [STREAM, 'closed'],
    ]);
  });
});

describe('an account that left while it ran the old image', () => {
  const KEY = '444455556666/us-east-1';
  const waitingFor = `${KEY} left the fleet while these workloads still ran there: ecs-service ${KEY}/prod/web. Once they are gone, run \`patchwave confirm-left SCOPE --reason TEXT\` for each scope`;
  const confirmed = { by: 'ana', atEpochMs: 1_795_489_000_000, reason: 'the account was closed' };

  /** Nothing old runs in sight. */
  async function away(changes: Partial<LeftScope> = {}, which = 'old') {
    const world = await scene();
    await replaced(world);
    const ran = await runs(world, 'web', which, OTHER);
    await world.usages.leave([ran], world.clock());
    const runId = await reviewed(world, { scopes: [REGISTRY] });
    const left = { atEpochMs: world.clock(), usages: 1, isMoved: true, ...changes } as const;
    await world.scopes.record({ ...complete(world, OTHER), left });
    const result = { scope: OTHER, status: 'left', atEpochMs: left.atEpochMs, usages: left.usages } as const;
    await world.runs.recordPart(runId, { kind: 'scope', key: KEY, result });
    return { world, runId };
  }

  test('keeps the closure open, which says so, and is not overdue', async () => {
    const { world, runId } = await away();
    world.advance(73 * HOUR_MS);
    expect(await look(world, runId)).toEqual({ open: 1, closed: 0, replaced: 0, witnessDisagrees: 0, overdue: 0 });
    expect(await closureOf(world)).toMatchObject({ state: 'open', outOfSight: true, waitingFor });
    expect(await causeOf(world)).toMatchObject({ state: 'taken' });
  });

  test('closes it after a person confirmed, and the proof names that person', async () => {
    const { world, runId } = await away({ confirmed });
    expect(await look(world, runId)).toMatchObject({ closed: 1 });
    const proof = { scopes: 1, confirmed: [{ scope: KEY, by: 'ana', atEpochMs: confirmed.atEpochMs }] };
    expect(await closureOf(world)).toMatchObject({ state: 'closed', proof });
  });

  test('does not keep the closure open if it ran the verified image', async () => {
    const { world, runId } = await away({}, 'new');
    expect(await look(world, runId)).toMatchObject({ closed: 1 });
    expect((await closureOf(world))?.proof).not.toHaveProperty('confirmed');
  });

  test('does not hide what runs in sight: the closure waits for that first, and is overdue', async () => {
    const { world, runId } = await away();
    await runs(world, 'web', 'old', { workload: 'seen' });
    world.advance(73 * HOUR_MS);
    expect(await look(world, runId)).toEqual({ open: 1, closed: 0, replaced: 0, witnessDisagrees: 0, overdue: 1 });
    expect(await closureOf(world)).toMatchObject({
      waitingFor: expect.stringMatching(
        /^these workloads still run an image that needs the fix: .*prod\/seen\. Deploy images with the fix, or stop them. To see what an image waits for: patchwave why IMAGE$/,
      ),
    });
    expect(await closureOf(world)).not.toHaveProperty('outOfSight');
  });

  /** An image with unread lineage runs in a scope that left, and the closure of a base is open. */
  async function unreadAway(changes: Partial<LeftScope> = {}) {
    const { world, runId } = await away(changes, 'new');
    const base = streamOf('base');
    const age = { known: true, bornAtEpochMs: world.clock(), decidedBy: digestOf('web-new') } as const;
    await world.images.recordLineage(digestOf('web-new'), { age });
    await known(world, 'web', 'new', { holds: false });
    const closure = (await closureOf(world)) as Closure;
    await world.rollouts.openClosure({ ...closure, stream: base, services: [] });
    const { stream: _, ...imageProperties } = factsOf('unplaced', {
      locations: [locationOf('shop')],
      tier: 'unmanaged',
    });
    await world.images.recordProperties(imageProperties);
    const ran = usage('unplaced', { ...OTHER, workload: 'shop', digest: digestOf('unplaced') });
    await world.usages.leave([ran], world.clock());
    const baseClosure = async () =>
      (await collect(world.rollouts.closures(CASCADE))).find(({ stream }) => stream === base);
    return { world, runId, baseClosure, ran };
  }
  const named = `${KEY} left the fleet while these workloads still ran there: ecs-service ${KEY}/prod/shop. Once they are gone, run \`patchwave confirm-left SCOPE --reason TEXT\` for each scope`;

  test('keeps the closure of a base open if the image that ran there has no lineage', async () => {
    const { world, runId, baseClosure } = await unreadAway();
    await look(world, runId);
    expect(await baseClosure()).toMatchObject({ state: 'open', outOfSight: true, waitingFor: named });
  });

  test('a person confirms that, too', async () => {
    const { world, runId, baseClosure } = await unreadAway({ confirmed });
    await look(world, runId);
    expect(await baseClosure()).toMatchObject({ state: 'closed', proof: { confirmed: [{ scope: KEY, by: 'ana' }] } });
  });

  test('keeps the closure open where the item of what ran there cannot be read, and no other closure', async () => {
    const { world, runId, baseClosure, ran } = await unreadAway({ confirmed });
    const read = world.usages.leftOfImage.bind(world.usages);
    world.usages.leftOfImage = async (digest) => {
      if (digest === ran.digest) throw new LedgerItemUnreadableError('IMAGE#x / USE#y', 'count is a text');
      return read(digest);
    };
    expect(await look(world, runId)).toMatchObject({ open: 1, closed: 1 });
    const waitingFor = 'Ledger item IMAGE#x / USE#y cannot be read: count is a text. Correct or delete it.';
    expect(await baseClosure()).toMatchObject({ state: 'open', waitingFor });
  });

  test('keeps every closure open where its own item cannot be read', async () => {
    const { world, runId } = await away({ confirmed });
    const failure = { error: 'LedgerItemUnreadableError', detail: 'left is a text', sinceEpochMs: 0 };
    await world.scopes.record({ scope: OTHER, failure, isUnreadable: true });
    expect(await look(world, runId)).toMatchObject({ open: 1, closed: 0 });
    expect(await closureOf(world)).toMatchObject({ waitingFor: expect.stringContaining(`not been read completely`) });
  });

  test('keeps it open where only its repository is known', async () => {
    const { world, runId } = await away({}, 'new');
    const record = await world.scopes.get(OTHER);
    const repository = `${REGISTRY.account}/${REGISTRY.region}/team/web`;
    if (record)
      await world.scopes.record({ ...record, unidentified: [{ repository, workload: 'ecs-task lab/probe' }] });
    expect(await look(world, runId)).toMatchObject({ open: 1 });
    expect(await closureOf(world)).toMatchObject({
      outOfSight: true,
      waitingFor: expect.stringContaining('lab/probe'),
    });
  });
});

test('the closure of a base waits while its registry is unread, because an unknown image may lie between', async () => {
  const world = await scene();
  await replaced(world);
  const { policy } = await world.policies.load(world.policyVersion);
  const place = { account: REGISTRY.account, regions: [REGISTRY.region], repositories: ['team/*'] };
  const rule: StreamRule = {
    ...(policy.streams[0] as StreamRule),
    ...place,
    id: 'base',
    tier: 'base',
    headTags: ['^b$'],
  };
  const policyVersion = await world.policies.publish({ ...policy, streams: [rule] }, { replaces: world.policyVersion });
  const lookAs = async (isRead: boolean) => {
    const runId = await reviewed(world, { policyVersion });
    const part = { images: 0, missing: 0, beganAtEpochMs: world.clock(), unread: isRead ? [] : ['team/*'] };
    const key = `${REGISTRY.account}/${REGISTRY.region}`;
    await world.runs.recordPart(runId, { kind: 'registry', key, status: isRead ? 'complete' : 'failed', ...part });
    return checkClosures(portsOf(world), { runId, policyVersion });
  };
  const age = { known: true, bornAtEpochMs: world.clock(), decidedBy: digestOf('web-new') } as const;
  await world.images.recordLineage(digestOf('web-new'), { age });
  await known(world, 'web', 'new', { holds: false });
  expect(await lookAs(false)).toMatchObject({ open: 1, closed: 0 });
  const repository = `${REGISTRY.account}/${REGISTRY.region}/team/web`;
  const waitingFor = `running images of the stream may be missing from the ledger, because ${repository} was not read. The next review reads it`;
  expect(await closureOf(world)).toMatchObject({ waitingFor });
  expect(await lookAs(true)).toMatchObject({ closed: 1 });
});

test('an image whose age an unread registry hides keeps no closure open that it is known not to be built on', async () => {
  const world = await scene();
  await replaced(world);
  const stray = factsOf('stray', { tier: 'unmanaged', locations: [{ ...REGISTRY, repository: 'lab/stray' }] });
  const { stream: _, ...unplaced } = stray;
  const { policy } = await world.policies.load(world.policyVersion);
  const [first] = policy.streams;
  const rule = { ...(first as StreamRule), tier: 'base' as const };
  const policyVersion = await world.policies.publish({ ...policy, streams: [rule] }, { replaces: world.policyVersion });
  await world.images.recordProperties(unplaced);
  await world.usages.record([usage('stray', { digest: stray.digest })], world.clock());
  const age = { known: true, bornAtEpochMs: world.clock(), decidedBy: digestOf('web-new') } as const;
  await world.images.recordLineage(digestOf('web-new'), { age });
  await known(world, 'web', 'new', { holds: false });
  const lookWith = async (placed: readonly object[]) => {
    const runId = await reviewed(world, { policyVersion });
    const key = `${REGISTRY.account}/${REGISTRY.region}`;
    const read = { images: 1, missing: 0, beganAtEpochMs: world.clock(), unread: [] };
    await world.runs.recordPart(runId, { kind: 'registry', key, status: 'complete', ...read });
    await world.runFiles.put(runFileKeys(runId).digests(REGISTRY), [stray.digest, digestOf('web-new')]);
    await world.runFiles.put(runFileKeys(runId).placed, placed);
    return checkClosures(portsOf(world), { runId, policyVersion });
  };
  expect(await lookWith([])).toMatchObject({ open: 1 });
  expect((await closureOf(world))?.waitingFor).toContain(
    `${stray.digest} of ${REGISTRY.account}/${REGISTRY.region}/lab/stray`,
  );
  expect(await lookWith([{ digest: stray.digest }])).toMatchObject({ closed: 1 });
});

test('a preview closes nothing', async () => {
  const world = await scene();
  await replaced(world);
  expect(await look(world, await reviewed(world, { mode: 'preview' }))).toEqual({
    open: 1,
    closed: 0,
    replaced: 0,
    witnessDisagrees: 0,
    overdue: 0,
  });
  expect(await closureOf(world)).not.toHaveProperty('proof');
  expect(await causeOf(world)).toMatchObject({ state: 'taken' });
});

test('an image that the review saw running counts, also without a mark on the image or in the index', async () => {
  const world = await scene();
  await replaced(world);
  const runId = await reviewed(world);
  await runs(world, 'web', 'old', { workload: 'late' });
  await world.images.recordPresence(digestOf('web-old'), { inUse: false });
  await world.runFiles.put(runFileKeys(runId).digests(REGISTRY), [digestOf('web-old'), digestOf('web-new')]);
  world.usages.digests = async function* () {};
  expect(await look(world, runId)).toMatchObject({ open: 1, closed: 0 });
  const waitingFor =
    'these workloads still run an image that needs the fix: ecs-service 111122223333/eu-west-1/prod/late. Deploy images with the fix, or stop them. To see what an image waits for: patchwave why IMAGE';
  expect(await closureOf(world)).toMatchObject({ state: 'open', waitingFor });
});

test('an unknown review is refused', async () => {
  await expect(look(await scene(), 'nobody')).rejects.toMatchObject({ name: 'InvalidInputError' });
});

test('a service that the owner of another stream deploys is planned again once the owner replaced its images', async () => {
  const world = await rolloutWorld({ modes: { web: 'restart', agent: 'pipeline' } });
  await runs(world, 'web', 'old', { workload: 'shop' });
  const theirs = await runs(world, 'agent', 'old', { workload: 'shop' });
  await plan(world);
  const closureOfWeb = async () =>
    (await collect(world.rollouts.closures(CASCADE))).find(({ stream }) => stream === streamOf('web'));
  world.advance(HOUR_MS);
  await look(world, await reviewed(world));
  expect(await closureOfWeb()).toMatchObject({ state: 'open', decidedByOthers: [{ digests: [theirs.digest] }] });
  expect(await closureOfWeb()).not.toHaveProperty('abandoned');

  await runs(world, 'agent', 'new', { workload: 'shop' });
  await world.usages.end([theirs], world.clock());
  world.advance(HOUR_MS);
  await look(world, await reviewed(world));
  expect(await closureOfWeb()).toMatchObject({ state: 'open', abandoned: true });
});

describe('a service at zero', () => {
  const OLD = { ...REGISTRY, cluster: 'prod', service: 'old' };
  const confirmed = { by: 'Jo', author: 'jo', atEpochMs: 1, reason: 'kept for audits' };

  async function atZero(changes: Partial<ServiceAtZero> & { readonly days?: number } = {}) {
    const world = await scene();
    const { days = 1, ...others } = changes;
    await replaced(world);
    const old = usage('web-old', { ...REGISTRY, cluster: 'prod', workload: 'old', workloadKind: 'ecs-service' });
    await world.usages.record([{ ...old, isPossible: true }], world.clock());
    await world.images.recordPresence(digestOf('web-old'), { inUse: true });
    const untilEpochMs = world.clock() + days * DAY_MS;
    const service = { ...OLD, sinceEpochMs: 1, confirmed: { ...confirmed, untilEpochMs }, ...others };
    await world.servicesAtZero.change(service, () => service);
    const unidentified = [
      { repository: locationKey(locationOf('web')), tag: 'v1', workload: serviceText(OLD), isPossible: true } as const,
    ];
    const look1 = async () => {
      const runId = await reviewed(world);
      const before = await world.scopes.get(REGISTRY);
      await world.scopes.record({ ...before, scope: REGISTRY, unidentified });
      await world.runFiles.put(runFileKeys(runId).possible(REGISTRY), [digestOf('web-old')]);
      await look(world, runId);
      return closureOf(world);
    };
    return { world, look: look1, untilEpochMs };
  }

  test('that a person confirmed as unused keeps no closure open', async () => {
    const { look: checked, untilEpochMs } = await atZero();
    expect(await checked()).toMatchObject({
      state: 'closed',
      proof: { unused: [{ service: serviceText(OLD), by: 'Jo', atEpochMs: 1, untilEpochMs }] },
    });
  });

  test.each<[string, Parameters<typeof atZero>[0]]>([
    ['the end has passed', { days: 0 }],
    ['a review found it started', { ended: { atEpochMs: 2, why: 'started' } }],
    ['it is of another account', { account: '999900001111' }],
  ])('keeps the closure open where %s', async (_, changes) => {
    const { look: checked } = await atZero(changes);
    expect(await checked()).toMatchObject({ state: 'open', mayStart: true });
  });
});
