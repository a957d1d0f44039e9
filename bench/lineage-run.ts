/**
 * `node --expose-gc bench/lineage-run.ts ROUNDS LAYERS IMAGES...`: finds the parents in fleets of these sizes, in
 * turns, and prints for each size `{"images", "cpuMs": [of each round], "imageBytes", "heapBytes"}`: what the images
 * take, and what is on the heap beside them when the parents are found, garbage included.
 */
import type { Digest } from '../shared/domain/image/image.ts';
import { findParents } from '../shared/domain/lineage/find-parents.ts';
import type { LayeredImage } from '../shared/domain/lineage/layered-image.ts';

const APPLICATIONS_A_PLATFORM = 50;
const PLATFORMS_A_BASE = 20;

/** Every digest a text of its own, as if it had been read from the ledger. */
function fleetOf(applications: number, layers: number): LayeredImage[] {
  let made = 0;
  const digest = (): Digest => {
    made += 1;
    return `sha256:${made.toString(16).padStart(16, '0').repeat(4)}`;
  };
  const images: LayeredImage[] = [];
  const add = (
    tier: 'base' | 'platform' | 'application',
    below: readonly Digest[],
    depth: number,
  ): readonly Digest[] => {
    const own = Array.from({ length: depth - below.length }, digest);
    const image = { digest: digest(), tier, platform: 'linux/amd64' as const, layers: [...below, ...own] };
    images.push({ ...image, firstPushedAtEpochMs: made });
    return image.layers;
  };
  let base: readonly Digest[] = [];
  let platform: readonly Digest[] = [];
  for (let n = 0; n < applications; n += 1) {
    if (n % (APPLICATIONS_A_PLATFORM * PLATFORMS_A_BASE) === 0) base = add('base', [], Math.floor(layers / 3));
    if (n % APPLICATIONS_A_PLATFORM === 0) platform = add('platform', base, Math.floor((2 * layers) / 3));
    add('application', platform, layers);
  }
  return JSON.parse(JSON.stringify(images)) as LayeredImage[];
}

function heapBytes(): number {
  if (!globalThis.gc) throw new Error('Start this with --expose-gc: without it garbage would be counted as memory.');
  globalThis.gc();
  return process.memoryUsage().heapUsed;
}

/** CPU time of all threads of this process: what others do on the machine is not in it, and the collector's work is. */
function round(applications: number, layers: number) {
  const before = heapBytes();
  const layered = fleetOf(applications, layers);
  const withImages = heapBytes();
  const started = process.cpuUsage();
  const parents = findParents(layered);
  const { user, system } = process.cpuUsage(started);
  const expected = layered.filter(({ tier }) => tier !== 'base').length;
  if (parents.size !== expected) throw new Error(`${parents.size} images have a parent, expected ${expected}.`);
  const heap = process.memoryUsage().heapUsed - withImages;
  return { cpuMs: (user + system) / 1000, imageBytes: withImages - before, heapBytes: heap };
}

const [rounds = 5, layers = 12, ...sizes] = process.argv.slice(2).map(Number);
const measured = sizes.map((images) => ({ images, cpuMs: [] as number[], imageBytes: 0, heapBytes: 0 }));
for (let done = 0; done < rounds; done += 1) {
  for (const size of measured) {
    const { cpuMs, ...memory } = round(size.images, layers);
    size.cpuMs.push(cpuMs);
    Object.assign(size, { imageBytes: memory.imageBytes, heapBytes: Math.max(size.heapBytes, memory.heapBytes) });
  }
}
process.stdout.write(`${JSON.stringify(measured)}\n`);
