import { openCascade } from '../../../functions/cascade-reaper/open-cascade.ts';
import { cascade, node } from '../../support/rebuild-samples.ts';
import { planWorld } from '../cascade-plan/support.ts';

const CASCADE = '0123456789ab-g1';
const INPUT = {
  cascadeId: CASCADE,
  executionArn: `arn:aws:states:us-east-1:111122223333:execution:rebuild-cascade:${CASCADE}`,
};
const LEASE = { nowEpochMs: 0, untilEpochMs: 60_000 };

test('a plan of 5,000 streams is a state of less than a kilobyte: its waves lie in the run bucket, each stream once', async () => {
  const world = await planWorld();
  const waveOf = (n: number) => (n === 0 ? 0 : n <= 200 ? 1 : 2);
  const nodes = Array.from({ length: 5000 }, (_, n) =>
    node(CASCADE, `111122223333/eu-west-1/team/application-${n}:^v.*$`, { wave: waveOf(n) }),
  );
  const { version: policyVersion } = await world.policies.current();
  await world.cascades.beginPlanning('planner', LEASE);
  await world.cascades.write('planner', cascade(CASCADE, { policyVersion, streams: nodes.length }), nodes);

  const opened = await openCascade({ ...world, files: world.runFiles }, INPUT);

  expect(opened.waves.map(({ wave, count }) => [wave, count])).toEqual([
    [0, 1],
    [1, 200],
    [2, 4799],
  ]);
  expect(JSON.stringify(opened).length).toBeLessThan(1024);
  const items = (await Promise.all(opened.waves.map(({ key }) => world.runFiles.get(key)))).flat();
  expect(items).toHaveLength(nodes.length);
  expect(new Set(items.map((item) => JSON.stringify(item))).size).toBe(nodes.length);
});
