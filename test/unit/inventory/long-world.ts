import { type RegistryReply, readRegistry } from '../../../functions/inventory/registry.ts';
import type { Digest, ImageLocation } from '../../../shared/domain/image/image.ts';
import type { PolicyDocument } from '../../../shared/domain/policy/policy.ts';
import { CONFIGS_AT_ONCE } from '../../../shared/inventory/artifacts.ts';
import { lastStartEpochMs } from '../../../shared/lambda/end.ts';
import { interleave, type Turns } from '../../support/fakes/interleave.ts';
import { digestOf as named } from '../../support/samples.ts';
import { ofType, hub as template } from '../../template/template.ts';
import { config, debian, hub, inventoryWorld, keys, PUSHED, RUN } from './support.ts';

/* A base repository that takes longer to be read than an invocation may last. */

const STREAM = '111122223333/us-east-1/base/debian:^12$';
const inventory = ofType(template, 'AWS::Serverless::Function').find(({ id }) => id === 'InventoryFunction');
export const TIMEOUT_MS = Number(inventory?.properties.Timeout) * 1000;

export type LongWorld = Awaited<ReturnType<typeof longWorld>>;

/** A base repository with so many images; the one that was pushed last has the head tag. */
export async function longWorld(
  images: number,
  location: ImageLocation = debian,
  changes: Partial<PolicyDocument> = {},
) {
  const set = await inventoryWorld(changes);
  for (let n = 0; n < images; n += 1) push(set, n, { location, isHead: n === images - 1 });
  await set.world.runFiles.put(keys.registry(hub), { registry: hub, digests: {}, tags: {} });
  const downloads = new Map<Digest, number>();
  const download = set.world.registry.config.bind(set.world.registry);
  const latency = { configMs: 0 };
  set.world.registry.config = async (at, digest) => {
    downloads.set(digest, (downloads.get(digest) ?? 0) + 1);
    set.world.advance(latency.configMs);
    return download(at, digest);
  };
  return { ...set, downloads, latency };
}

export const imageNamed = (n: number): Digest => named(`image ${n}`);

export function push({ world }: Pick<LongWorld, 'world'>, n: number, { location = debian, isHead = false } = {}): void {
  const artifact = {
    kind: 'image',
    digest: imageNamed(n),
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    configDigest: named(`config ${n}`),
    layers: [named(`layer ${n}`)],
    annotations: {},
  } as const;
  const tags = [`12.0.${n}`, ...(isHead ? ['12'] : [])];
  world.registry.push(location, { artifact, tags, pushedAtEpochMs: PUSHED + n * 1000, config: config() });
}

const INTERLEAVED = ['images', 'places', 'contents', 'streams', 'streamImages', 'registry', 'runs', 'files'] as const;

/** One invocation, which may be cut off anywhere. */
export function attempt(
  set: LongWorld,
  { turns = {}, timeMs, runId = RUN }: { turns?: Turns; timeMs?: number; runId?: string } = {},
): Promise<RegistryReply> {
  const ports = Object.fromEntries(INTERLEAVED.map((name) => [name, interleave(name, set.ports[name], turns)]));
  const end = timeMs !== undefined && { endsAtEpochMs: set.world.clock() + timeMs };
  return readRegistry({ ...set.ports, ...ports, ...end }, { action: 'registry', ...set.run, runId, registry: hub });
}

/** What calls take that one repository makes one after the other, and what a call of the ledger takes of sixteen at once. */
const MANIFESTS_MS = 150;
const LEDGER_MS = 8 / 16;

/**
 * Reads the registry as the state machine does, within the time-out of the template.
 * @param configMs what one download takes
 */
export async function readAsTheMachine(set: LongWorld, configMs: number) {
  set.latency.configMs = configMs / CONFIGS_AT_ONCE;
  const takes = (step: string): number =>
    step === 'registry.manifests' ? MANIFESTS_MS : step.startsWith('registry.') ? 0 : LEDGER_MS;
  const statuses: RegistryReply['status'][] = [];
  let longestMs = 0;
  do {
    const beganAtEpochMs = set.world.clock();
    const timeMs = lastStartEpochMs({ getRemainingTimeInMillis: () => TIMEOUT_MS }, () => 0);
    const { status } = await attempt(set, { timeMs, turns: { before: (step) => set.world.advance(takes(step)) } });
    longestMs = Math.max(longestMs, set.world.clock() - beganAtEpochMs);
    statuses.push(status);
  } while (statuses.at(-1) === 'unfinished');
  return { statuses, longestMs };
}

/** All is recorded, each config was downloaded once, and the head is the image that was pushed last. */
export async function expectWhole(set: LongWorld, images: number): Promise<void> {
  expect(set.downloads.size).toBe(images);
  expect(Math.max(...set.downloads.values())).toBe(1);
  expect(set.world.images.records.size).toBe(images);
  expect(await set.parts()).toMatchObject([{ status: 'complete', images, missing: 0, unread: [] }]);
  expect(await headOf(set)).toEqual({ images: { 'linux/amd64': imageNamed(images - 1) } });
}

export const headOf = async ({ world }: LongWorld) => (await world.streams.streams([STREAM])).get(STREAM)?.head;

/** Everything that the ledger holds, for comparing two worlds. */
export const dump = ({ world }: LongWorld): readonly string[] =>
  [
    world.images.records,
    world.places.dump(),
    world.contents.dump(),
    world.streams.dump(),
    world.streamImages.dump(),
  ].flatMap((ledger) => [...ledger.values()].map((record) => JSON.stringify(record)).sort());
