import { rebuildIdOf } from '../../../../shared/domain/cause/rebuild.ts';
import { NOW } from '../arbitraries.ts';
import { STREAM } from '../rollout/acting.ts';

test('the id of a rebuild sorts by the instant of its plan, also within one second', () => {
  const instants = Array.from({ length: 20 }, (_, n) => NOW + n);
  const ids = instants.map((atEpochMs, n) => rebuildIdOf(`cascade-g${n}`, atEpochMs, STREAM));
  expect([...ids].sort()).toEqual(ids);
});

test('the id of a rebuild is the same for the same plan, and has only characters that a token of CodePipeline may have', () => {
  const id = rebuildIdOf('cascade-g1', NOW, STREAM);
  expect(rebuildIdOf('cascade-g1', NOW, STREAM)).toBe(id);
  expect(id).toMatch(/^\d{8}T\d{9}Z-[0-9a-f]{12}$/);
});
