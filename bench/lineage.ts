import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { median } from '../shared/domain/common/median.ts';
import type { BenchReport, Row } from './report.ts';

const ROUNDS = 5;
const LAYERS = 12;
const SIZES = [50_000, 100_000, 200_000] as const;
const MOST_SECONDS = 1;
/** Four times the images: linear would be 4, and what is left is the caches of the processor. */
const MOST_GROWTH = 6;
const MIB = 2 ** 20;

interface Measured {
  readonly images: number;
  readonly cpuMs: readonly number[];
  readonly imageBytes: number;
  readonly heapBytes: number;
}

/** The time to find all parents from images in memory, and its growth. */
export async function lineageBenchmark(): Promise<BenchReport> {
  const run = fileURLToPath(new URL('lineage-run.ts', import.meta.url));
  const words = ['--expose-gc', '--disable-warning=ExperimentalWarning', run, ROUNDS, LAYERS, ...SIZES].map(String);
  const { stdout } = await promisify(execFile)(process.execPath, words);
  const [small, middle, large] = JSON.parse(stdout) as Measured[];
  if (!small || !middle || !large) throw new Error(`The run printed no figures: ${stdout}`);
  return {
    benchmark: 'lineage',
    question: `the parents of all images of a fleet, ${LAYERS} layers each, ${ROUNDS} times`,
    rows: [
      { figure: `CPU time, ${countText(middle)} images`, measured: secondsOf(middle), unit: 's', budget: MOST_SECONDS },
      {
        ...{
          figure: `CPU time, ${countText(large)} images against ${countText(small)}`,
          measured: secondsOf(large),
          unit: 's',
        },
        ...{ reference: secondsOf(small), budget: MOST_GROWTH },
      },
      ...[small, middle, large].map(memoryRow),
    ],
    notes: [
      'medians; each round measures every size, with new facts; nothing is parsed during the measurement',
      'CPU time of all threads, with the garbage collector, without other processes',
      'memory: the heap at the end with garbage, without the facts, compared with the size of the facts',
    ],
  };
}

const countText = ({ images }: Measured): string => images.toLocaleString('en');
const secondsOf = ({ cpuMs }: Measured): number => median(cpuMs) / 1000;

const memoryRow = (size: Measured): Row => ({
  figure: `memory, ${countText(size)} images`,
  measured: size.heapBytes / MIB,
  unit: 'MiB',
  reference: size.imageBytes / MIB,
});
