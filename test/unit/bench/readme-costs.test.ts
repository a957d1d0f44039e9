import { costsIn, toldCosts } from '../../../bench/readme-costs.ts';

test('README tells each cost that the benchmark compares', async () => {
  const told = await toldCosts();
  expect(Object.values(told).filter((usd) => !(usd > 0))).toEqual([]);
  expect(told.steadyDay).toBeLessThan(told.changingDay);
  expect(told.planner).toBeLessThan(told.plannerAtMost);
});

test('a sentence that was written anew is missed by its name', () => {
  expect(() => costsIn('It costs little.')).toThrow('README.md does not tell the cost steadyDay.');
});
