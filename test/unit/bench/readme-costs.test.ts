import { costsIn, toldCosts } from '../../../bench/readme-costs.ts';

test('README has each cost that the benchmark compares', async () => {
  const told = await toldCosts();
  expect(Object.values(told).filter((usd) => !(usd > 0))).toEqual([]);
  expect(told.steadyDay).toBeLessThan(told.changingDay);
  expect(told.planner).toBeLessThan(told.plannerAtMost);
});

test('README without a cost sentence: the error names the cost', () => {
  expect(() => costsIn('It costs little.')).toThrow('README.md has no cost steadyDay.');
});
