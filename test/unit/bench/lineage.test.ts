import { execFileSync } from 'node:child_process';

test('the lineage of measured fleets is found completely, each size as often as requested', () => {
  const words = ['--expose-gc', 'bench/lineage-run.ts', '2', '12', '100', '300'];
  const options = { encoding: 'utf8', env: { ...process.env, NODE_NO_WARNINGS: '1' } } as const;
  const sizes = JSON.parse(execFileSync(process.execPath, words, options)) as { images: number; cpuMs: number[] }[];
  expect(sizes.map(({ images, cpuMs }) => [images, cpuMs.length])).toEqual([
    [100, 2],
    [300, 2],
  ]);
});
