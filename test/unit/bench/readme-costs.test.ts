import { costsIn, readmeCosts } from '../../../bench/readme-costs.ts';

test('README has each cost that the benchmark compares', async () => {
  const costs = await readmeCosts();
  expect(Object.values(costs).filter((usd) => !(usd > 0))).toEqual([]);
  expect(costs.steadyDay).toBeLessThan(costs.changingDay);
  expect(costs.planner).toBeLessThan(costs.plannerAtMost);
});

test('README without a cost sentence: the error names the cost', () => {
  expect(() => costsIn('It costs little.')).toThrow('README.md does not state the cost steadyDay');
});
