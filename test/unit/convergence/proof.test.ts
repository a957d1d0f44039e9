import { confirmLeftCommand } from '../../../cli/commands/confirm-left.ts';
import { checkClosures } from '../../../functions/rollout/check-closures.ts';
import { collect } from '../../../shared/concurrency.ts';
import type { Closure } from '../../../shared/domain/cause/cascade.ts';
import { isOverdue } from '../../../shared/domain/rollout/closure.ts';
import { DAY_MS, HOUR_MS } from '../../support/samples.ts';
import { cliContext, run } from '../cli/support.ts';
import { Storm } from './storm.ts';
import { ConvergingFleet, type FleetPolicyChanges, type Lines, nameOf } from './tiered-fleet.ts';

/*
 * The running images are compared with the proofs in the ledger. Patchwave deploys only where a test says so.
 */

const HOME = { account: '111122223333', region: 'us-east-1' };
const CLUSTER = { ...HOME, cluster: 'main' };

/** A fleet of which everything that may be rebuilt was rebuilt: its teams deployed nothing of it. */
async function rebuilt(
  lines: Lines,
  {
    atFault = Object.keys(lines).slice(0, 1),
    policy = {} as FleetPolicyChanges,
    arrange = (_: Storm): void => {},
  } = {},
): Promise<Storm> {
  const storm = new Storm(await ConvergingFleet.of(lines, atFault, policy));
  arrange(storm);
  for (const name of Object.keys(lines)) storm.tell(name);
  await storm.hear();
  await storm.review();
  await storm.comeToRest();
  return storm;
}

/** A day later, by the review of then. */
async function proven(storm: Storm): Promise<Readonly<Record<string, Pick<Closure, 'state' | 'waitingFor'>>>> {
  const { world } = storm.fleet;
  world.advance(DAY_MS);
  await storm.review();
  const { ended } = await world.runs.latest();
  if (ended?.state !== 'succeeded') throw new Error(`the review ${ended?.state ?? 'is missing'}`);
  const { policyVersion, runId } = ended;
  await checkClosures({ ...world, files: world.runFiles }, { runId, policyVersion });
  const closures: Closure[] = [];
  for (const cascadeId of new Set(world.executions.started))
    closures.push(...(await collect(world.rollouts.closures(cascadeId))));
  return Object.fromEntries(
    closures.map(({ stream, state, waitingFor }) => [
      nameOf(stream),
      { state, ...(waitingFor !== undefined && { waitingFor }) },
    ]),
  );
}

/** Closures past their deadline, as an alarm counts them. */
async function overdue(storm: Storm): Promise<number> {
  const { world } = storm.fleet;
  world.advance(4 * DAY_MS);
  const open = await collect(world.rollouts.openClosures());
  return open.filter((closure) => isOverdue(closure, world.clock())).length;
}

const verdictOf = ({ fleet }: Storm, name: string) => fleet.world.images.records.get(fleet.headOf(name))?.verdict;

describe('a task without a digest from ECS, and a rebuild that moves its tag', () => {
  const APP: Lines = { app: { tier: 'application' } };
  const image = `${HOME.account}.dkr.ecr.${HOME.region}.amazonaws.com/fleet/app:current`;
  /** The team's task runs since before the rebuild. */
  const withoutDigest =
    (pull?: 'reported') =>
    ({ fleet: { world, headOf } }: Storm) => {
      world.workloads.stop(CLUSTER, 'app').run(CLUSTER, {
        ...{
          workloadKind: 'ecs-service',
          workload: 'app',
          architecture: 'amd64',
          containers: [{ name: 'main', image }],
        },
        ...(pull && { pull: { endedAtEpochMs: world.clock() + 10_000 } }),
      });
      expect(headOf('app')).toBeDefined();
    };
  const named = expect.stringContaining('ecs-service 111122223333/us-east-1/main/app');

  test('is a guess from then on: its image is not compliant, nothing closes, and the closure names the task', async () => {
    const storm = await rebuilt(APP, { arrange: withoutDigest() });
    expect(await proven(storm)).toEqual({ app: { state: 'open', waitingFor: named } });
    expect(verdictOf(storm, 'app')).toMatchObject({
      status: 'unknown',
      reasons: [{ kind: 'digest-guessed', workload: named }],
    });
  });

  test('is the old image if ECS reports the pull time: that image is judged and still runs', async () => {
    const storm = await rebuilt(APP, { arrange: withoutDigest('reported') });
    const { world, headOf } = storm.fleet;
    expect(await proven(storm)).toEqual({ app: { state: 'open', waitingFor: named } });
    const [usage] = await collect(world.usages.live(CLUSTER));
    expect(usage).toMatchObject({ digestSource: 'push-history' });
    expect(usage?.digest).not.toBe(headOf('app'));
    expect(world.images.records.get(usage?.digest ?? 'sha256:')?.verdict).toMatchObject({ status: 'violating' });
  });

  test('proves nothing either where it pulled what was rebuilt', async () => {
    const storm = await rebuilt(APP, { arrange: withoutDigest() });
    const { world, headOf } = storm.fleet;
    world.advance(DAY_MS);
    withoutDigest('reported')(storm);
    expect(await proven(storm)).toEqual({ app: { state: 'open', waitingFor: named } });
    expect(await collect(world.usages.live(CLUSTER))).toMatchObject([
      { digest: headOf('app'), digestSource: 'push-history' },
    ]);
    expect(verdictOf(storm, 'app')).toMatchObject({ status: 'compliant' });
    storm.fleet.deploy('app');
    expect(await proven(storm)).toEqual({ app: { state: 'closed' } });
  });
});

describe('the closure of what others are built on', () => {
  const TIERS: Lines = {
    base: { tier: 'base' },
    platform: { tier: 'platform', on: 'base' },
    app: { tier: 'application', on: 'platform' },
    other: { tier: 'application', on: 'base' },
    apart: { tier: 'application' },
  };
  const run = (...names: string[]) => ({
    state: 'open',
    waitingFor: `these workloads still run an image that needs the fix: ${names.map((name) => `ecs-service 111122223333/us-east-1/main/${name}`).join(', ')}. Deploy images with the fix, or stop them. To see what an image waits for: patchwave why IMAGE`,
  });

  test('stays open while an application runs old content of it, and closes with the last one', async () => {
    const storm = await rebuilt(TIERS);
    expect(await proven(storm)).toEqual({
      ...{ base: run('app', 'other'), platform: run('app'), app: run('app'), other: run('other') },
    });
    storm.fleet.deploy('app');
    expect(await proven(storm)).toMatchObject({
      ...{ base: run('other'), platform: { state: 'closed' }, app: { state: 'closed' }, other: run('other') },
    });
    storm.fleet.deploy('other');
    expect(await proven(storm)).toMatchObject({ base: { state: 'closed' }, other: { state: 'closed' } });
  });

  test('stays open while an application runs it that is only reported', async () => {
    const storm = await rebuilt(TIERS, { policy: { modes: { tiers: { application: 'report-only' } } } });
    storm.fleet.deploy('app');
    expect(storm.builds()).toEqual({ base: 1, platform: 1 });
    expect(await proven(storm)).toEqual({ base: run('app', 'other'), platform: run('app') });
  });

  test('closes if its descendants were rebuilt on a later head', async () => {
    const storm = await rebuilt(TIERS);
    for (const name of ['base', 'platform', 'app', 'other']) storm.push(name);
    await storm.hear();
    for (const name of ['app', 'other']) storm.fleet.deploy(name);
    expect(await proven(storm)).toMatchObject({ base: { state: 'closed' }, platform: { state: 'closed' } });
  });

  test('stays open while the lineage of a running image is unread', async () => {
    const storm = await rebuilt(TIERS);
    const { world, headOf } = storm.fleet;
    for (const name of ['app', 'other']) storm.fleet.deploy(name);
    const { [headOf('app')]: record } = Object.fromEntries(world.images.records);
    const forget = world.images.recordLineage.bind(world.images);
    world.images.recordLineage = async (digest, lineage) => {
      if (digest !== record?.digest) await forget(digest, lineage);
    };
    if (record) {
      const { lineage: _, ...unread } = record;
      world.images.records.set(record.digest, unread);
    }
    const waitingFor = expect.stringMatching(
      `running images are unknown: ${headOf('app')} of \\S+/fleet/app \\(run by ecs-\\S+ \\S+app\\)`,
    );
    expect(await proven(storm)).toMatchObject({ base: { state: 'open', waitingFor }, other: { state: 'closed' } });
  });

  test.each([
    ['stays open while a container of which only a tag is known may run what is built on it', 'other', 'open'],
    ['closes though a container of another line tells no digest', 'apart', 'closed'],
  ] as const)('%s', async (_, name, state) => {
    const storm = await rebuilt(TIERS);
    const { world } = storm.fleet;
    for (const one of ['app', 'other']) storm.fleet.deploy(one);
    const image = `${HOME.account}.dkr.ecr.${HOME.region}.amazonaws.com/fleet/${name}:current`;
    const task = { workloadKind: 'ecs-task', workload: 'unidentified', architecture: 'amd64' } as const;
    world.workloads.run(CLUSTER, { ...task, containers: [{ name: 'main', image }] });
    const closures = await proven(storm);
    expect(closures).toMatchObject({ base: { state }, platform: { state: 'closed' }, app: { state: 'closed' } });
    if (state === 'open')
      expect(closures.base?.waitingFor).toContain('ecs-task 111122223333/us-east-1/main/unidentified');
  });
});

describe('a closure without facts', () => {
  const LINES: Lines = { base: { tier: 'base' }, app: { tier: 'application', on: 'base' } };
  const older = {
    state: 'open',
    waitingFor:
      'these workloads still run an image that needs the fix: ecs-service 111122223333/us-east-1/main/app. Deploy images with the fix, or stop them. To see what an image waits for: patchwave why IMAGE',
  };

  test('stays open while something older runs: of an application that only followed its base', async () => {
    const storm = await rebuilt(LINES, { atFault: [] });
    storm.push('base');
    await storm.hear();
    expect(await storm.comeToRest()).toEqual({ app: 1 });
    expect(await proven(storm)).toEqual({ app: older });
    storm.fleet.deploy('app');
    expect(await proven(storm)).toEqual({ app: { state: 'closed' } });
  });

  test('closes where something newer runs that Patchwave did not build', async () => {
    const storm = await rebuilt(LINES, { atFault: [] });
    storm.push('base');
    await storm.hear();
    await storm.comeToRest();
    storm.fleet.world.advance(HOUR_MS);
    storm.push('app');
    await storm.hear();
    storm.fleet.deploy('app');
    expect(await proven(storm)).toEqual({ app: { state: 'closed' } });
  });
});

describe('an account that leaves while it runs old content', () => {
  const LINES: Lines = { base: { tier: 'base' }, app: { tier: 'application', on: 'base' } };
  const AWAY = { account: '444455556666', region: 'us-east-1' };
  const image = `${HOME.account}.dkr.ecr.${HOME.region}.amazonaws.com/fleet/app:current`;
  const copy = { workloadKind: 'ecs-service', workload: 'copy', architecture: 'amd64' } as const;

  /** Its own application is deployed, and what an account that left ran of it is not. */
  async function moved(): Promise<Storm> {
    const storm = await rebuilt(LINES, {
      arrange: ({ fleet: { world, headOf } }) => {
        world.accounts.add({ id: AWAY.account, name: 'away' }, [AWAY.region]);
        world.workloads.run(
          { ...AWAY, cluster: 'main' },
          { ...copy, containers: [{ name: 'main', image, digest: headOf('app') }] },
        );
      },
    });
    storm.fleet.deploy('app');
    storm.fleet.world.accounts.remove(AWAY.account);
    return storm;
  }
  const waitingFor = expect.stringMatching(
    /^444455556666.us-east-1 left the fleet while these workloads still ran there: .*main.copy\. Once/,
  );

  test('is put aside: nothing violates for it, nothing counts as gone, and a person settles it', async () => {
    const storm = await moved();
    const { world } = storm.fleet;
    expect(await proven(storm)).toEqual({ base: { state: 'open', waitingFor }, app: { state: 'open', waitingFor } });
    expect((await world.runs.latest()).ended?.totals).toMatchObject({ scopes: { complete: 1, left: 1 } });
    expect(
      [...world.images.records.values()].filter(({ inUse, verdict }) => inUse && verdict?.status !== 'compliant'),
    ).toEqual([]);
    world.advance(30 * DAY_MS);
    expect(await overdue(storm)).toBe(0);
    await run(confirmLeftCommand, cliContext(world), ['444455556666/us-east-1'], { reason: 'the account was closed' });
    expect(await proven(storm)).toEqual({ base: { state: 'closed' }, app: { state: 'closed' } });
  });

  test('holds the closure again once it is back', async () => {
    const storm = await moved();
    await proven(storm);
    storm.fleet.world.accounts.add({ id: AWAY.account, name: 'away' }, [AWAY.region]);
    const open = {
      state: 'open',
      waitingFor:
        'these workloads still run an image that needs the fix: ecs-service 444455556666/us-east-1/main/copy. Deploy images with the fix, or stop them. To see what an image waits for: patchwave why IMAGE',
    };
    expect(await proven(storm)).toEqual({ base: open, app: open });
    expect(await overdue(storm)).toBe(2);
  });
});
