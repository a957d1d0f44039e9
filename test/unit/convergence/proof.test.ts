import { checkClosures } from '../../../functions/rollout/check-closures.ts';
import { collect } from '../../../shared/concurrency.ts';
import type { Closure } from '../../../shared/domain/cascade.ts';
import { DAY_MS } from '../../support/samples.ts';
import { Storm } from './storm.ts';
import { type Lines, nameOf, type PolicyChanges, TieredFleet } from './tiered-fleet.ts';

/*
 * What runs is held against what the ledger calls proven. Nobody deploys in these tests unless a test says so.
 */

const HOME = { account: '111122223333', region: 'us-east-1' };
const CLUSTER = { ...HOME, cluster: 'main' };

/** A fleet of which everything that may be rebuilt was rebuilt: its teams deployed nothing of it. */
async function rebuilt(
  lines: Lines,
  { atFault = Object.keys(lines).slice(0, 1), policy = {} as PolicyChanges, arrange = (_: Storm): void => {} } = {},
): Promise<Storm> {
  const storm = new Storm(await TieredFleet.of(lines, atFault, policy));
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

const verdictOf = ({ fleet }: Storm, name: string) => fleet.world.images.records.get(fleet.headOf(name))?.verdict;

describe('a task of which ECS tells no digest, and a rebuild that moves its tag', () => {
  const APP: Lines = { app: { tier: 'application' } };
  const image = `${HOME.account}.dkr.ecr.${HOME.region}.amazonaws.com/fleet/app:current`;
  /** The team's task runs since before the rebuild. */
  const untold =
    (pull?: 'told') =>
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
    const storm = await rebuilt(APP, { arrange: untold() });
    expect(await proven(storm)).toEqual({ app: { state: 'open', waitingFor: named } });
    expect(verdictOf(storm, 'app')).toMatchObject({
      status: 'unknown',
      reasons: [{ kind: 'digest-guessed', workload: named }],
    });
  });

  test('is the old image where ECS tells when it pulled: that is judged and still runs', async () => {
    const storm = await rebuilt(APP, { arrange: untold('told') });
    const { world, headOf } = storm.fleet;
    expect(await proven(storm)).toEqual({ app: { state: 'open', waitingFor: named } });
    const [usage] = await collect(world.usages.live(CLUSTER));
    expect(usage).toMatchObject({ digestSource: 'push-history' });
    expect(usage?.digest).not.toBe(headOf('app'));
    expect(world.images.records.get(usage?.digest ?? 'sha256:')?.verdict).toMatchObject({ status: 'violating' });
  });

  test('proves nothing either where it pulled what was rebuilt', async () => {
    const storm = await rebuilt(APP, { arrange: untold() });
    const { world, headOf } = storm.fleet;
    world.advance(DAY_MS);
    untold('told')(storm);
    expect(await proven(storm)).toEqual({ app: { state: 'open', waitingFor: named } });
    expect(await collect(world.usages.live(CLUSTER))).toMatchObject([
      { digest: headOf('app'), digestSource: 'push-history' },
    ]);
    expect(verdictOf(storm, 'app')).toMatchObject({ status: 'compliant' });
    storm.fleet.deploy('app');
    expect(await proven(storm)).toEqual({ app: { state: 'closed' } });
  });
});
