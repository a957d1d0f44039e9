import { check } from '../../../functions/verify-rebuild/check.ts';
import { findOutput } from '../../../functions/verify-rebuild/find-output.ts';
import type { VerifyPorts } from '../../../functions/verify-rebuild/ports.ts';
import { promote } from '../../../functions/verify-rebuild/promote.ts';
import { scanImages } from '../../../functions/verify-rebuild/scan-images.ts';
import type { CauseFact } from '../../../shared/domain/cause/cause.ts';
import { REBUILD_LABEL, type Rebuild } from '../../../shared/domain/cause/rebuild.ts';
import type { Artifact, Digest, ImageLocation, Platform } from '../../../shared/domain/image/image.ts';
import { type PolicyDocument, policySchema } from '../../../shared/domain/policy/policy.ts';
import type { Finding } from '../../../shared/domain/scan/finding.ts';
import { readRepository } from '../../../shared/inventory/repository.ts';
import { parse } from '../../../shared/schema.ts';
import { interleave, type Turns } from '../../support/fakes/interleave.ts';
import { fakeWorld } from '../../support/fakes/world.ts';
import { cascade, node, PIPELINE, rebuild } from '../../support/rebuild-samples.ts';
import { DAY_MS, digestOf, HOUR_MS } from '../../support/samples.ts';
import { answerRefreshes } from '../registry-events/support.ts';

export const MINUTE_MS = 60_000;
export const LIMITS = { pollSeconds: 5, outputGraceMs: 5 * MINUTE_MS };
export const LOCATION: ImageLocation = { account: '111122223333', region: 'eu-west-1', repository: 'team/base' };
export const STREAM = '111122223333/eu-west-1/team/base:^22$';
export const CASCADE = '0123456789ab-g1';
export const REBUILD = '20261124T030000Z-aaaaaaaaaaaa';
export const STEP = { cascadeId: CASCADE, stream: STREAM, rebuildId: REBUILD };
export const OLD = digestOf('old');
export const NEW = digestOf('new');

export const finding = (vulnerability: string, changes: Partial<Finding> = {}): Finding => ({
  ...{ vulnerability, package: 'openssl', version: '3.0.1', severity: 'critical', fix: 'unknown' },
  ...changes,
});

/** What the rebuild is to fix. */
export const FIXED: CauseFact = {
  ...{ kind: 'finding', ruleId: 'critical', vulnerability: 'CVE-2026-1', package: 'openssl', version: '3.0.1' },
  ...{ fix: 'unknown', packageKind: 'os', sinceEpochMs: 1_795_000_000_000 },
};

export const policyOf = (
  promotes: boolean,
  mode: PolicyDocument['mode'] = 'enforce',
  lines: Pick<PolicyDocument['streams'][number], 'headTags' | 'names'> = { headTags: ['^22$'] },
): PolicyDocument => ({
  version: 1,
  mode,
  ages: { default: { limitDays: 30 } },
  streams: [
    {
      ...{ id: 'base', tier: 'base', account: LOCATION.account, regions: [LOCATION.region], owner: 'platform' },
      ...{ repositories: ['team/base'], ...lines, pipeline: { name: PIPELINE.name }, promotes },
    },
  ],
  severities: [{ id: 'critical', severities: ['critical'], graceDays: 0 }],
});

export type VerifyWorld = Awaited<ReturnType<typeof verifyWorld>>;

/** A build has ended well; the head before it is scanned and judged. Scans end when a test says so. */
export async function verifyWorld({
  promotes = false,
  changes = {} as Partial<Rebuild>,
  lines = undefined as Parameters<typeof policyOf>[2],
} = {}) {
  const world = fakeWorld();
  const policyVersion = await world.policies.publish(parse(policySchema, policyOf(promotes, 'enforce', lines)), {});
  const retry = { attempts: 2, wait: async () => {} };
  const complete = { ...world, retry, pace: async () => {}, policyVersion };
  push(complete, 'old', { tags: ['22'], pushedAtEpochMs: world.clock() - 3 * DAY_MS, unpacked: 'files of old' });
  world.scanner.finds(OLD, [finding('CVE-2026-1'), finding('CVE-2026-9', { package: 'zlib', version: '1.0' })]);
  const head = { location: LOCATION, isListed: true, digests: {}, tags: {} };
  await readRepository(complete, (await world.policies.current()).policy, head);
  await scan(complete);
  world.scanner.completesAtOnce = false;

  const plannedAtEpochMs = world.clock();
  const lease = { nowEpochMs: plannedAtEpochMs, untilEpochMs: plannedAtEpochMs + 1 };
  await world.cascades.beginPlanning('planner', lease);
  const planned = cascade(CASCADE, { policyVersion, plannedAtEpochMs, state: 'running' });
  const facts = [FIXED];
  const working = { facts, headBefore: OLD };
  await world.cascades.write('planner', planned, [
    node(CASCADE, STREAM, { ...working, state: 'building', rebuildId: REBUILD }),
  ]);
  await world.cascades.endPlanning('planner');
  await world.causes.change(
    STREAM,
    (before) => before && { ...before, state: 'taken', takenBy: { cascadeId: CASCADE } },
  );
  await world.rebuilds.record(STREAM, REBUILD, () =>
    rebuild(REBUILD, {
      ...{ stream: STREAM, cascadeId: CASCADE, ...working },
      ...{ reservedAtEpochMs: plannedAtEpochMs, startingAtEpochMs: plannedAtEpochMs, executionId: 'run-1' },
      ...{ deadlineEpochMs: plannedAtEpochMs + HOUR_MS, build: { state: 'succeeded' } },
      ...(promotes && { promotes }),
      ...changes,
    }),
  );
  world.advance(10 * MINUTE_MS);
  return complete;
}

/** Scans and judges the old head, as a review did. */
async function scan(world: Parameters<typeof portsOf>[0]): Promise<void> {
  const image = world.images.records.get(OLD);
  if (!image) throw new Error('the old head is not recorded');
  await scanImages(portsOf(world), { asker: 'review', sinceEpochMs: world.clock() }, [image]);
  await scanImages(portsOf(world), { asker: 'review', sinceEpochMs: world.clock() }, [image]);
}

type Ports = Omit<VerifyWorld, 'policyVersion'>;

/** The ports of one Lambda invocation; a test may come between any two of its calls. */
export function portsOf(world: Ports, turns: Turns = {}): VerifyPorts {
  const { cascades, rebuilds, causes, images, contents, places, streams, policies, evidence, refreshes } = world;
  const { registry, scanner, tagger, killSwitch, pace, retry, clock } = world;
  const ports = { cascades, rebuilds, causes, images, contents, places, streams, policies, evidence };
  const all = { ...ports, registry, scanner, tagger, killSwitch, refreshes };
  const interleaved = Object.entries(all).map(([name, port]) => [name, interleave(name, port, turns)]);
  const sleep = async (ms: number) => world.advance(ms);
  return { ...all, ...Object.fromEntries(interleaved), pace, retry, clock, sleep };
}

interface Push {
  readonly tags?: readonly string[];
  readonly pushedAtEpochMs?: number;
  readonly label?: string;
  readonly platform?: Platform;
  readonly createdAtEpochMs?: number;
  /** It has the layers of the image of that name; its own where it is left out. */
  readonly layersOf?: string;
  /** What its layer unpacks to; not in its config where it is left out. */
  readonly unpacked?: string;
}

export const artifactOf = (name: string, layersOf = name): Extract<Artifact, { kind: 'image' }> => ({
  kind: 'image',
  digest: digestOf(name),
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  configDigest: digestOf(`config of ${name}`),
  layers: [digestOf(`layer of ${layersOf}`)],
  annotations: {},
});

/** Pushes an image of that name; its label says which rebuild asked for it. */
export function push({ registry, clock }: Pick<Ports, 'registry' | 'clock'>, name: string, made: Push = {}): Digest {
  const { tags = [], pushedAtEpochMs = clock(), label, platform = 'linux/arm64' } = made;
  const labels = label === undefined ? {} : { [REBUILD_LABEL]: label };
  const createdAtEpochMs = made.createdAtEpochMs ?? pushedAtEpochMs - MINUTE_MS;
  registry.push(LOCATION, {
    ...{ artifact: artifactOf(name, made.layersOf), tags, pushedAtEpochMs },
    config: {
      ...{ createdAtEpochMs, platform, labels },
      ...(made.unpacked !== undefined && { diffIds: [digestOf(made.unpacked)] }),
    },
  });
  return digestOf(name);
}

/** Pushes an index over images that were pushed before, by name and platform. */
export function pushIndex(
  { registry, clock }: Pick<Ports, 'registry' | 'clock'>,
  name: string,
  children: Readonly<Record<string, Platform>>,
  tags: readonly string[] = [],
): Digest {
  const held = Object.entries(children).map(([child, platform]) => ({ digest: digestOf(child), platform }));
  const mediaType = 'application/vnd.oci.image.index.v1+json';
  const artifact = { kind: 'index', digest: digestOf(name), mediaType, children: held } as const;
  registry.push(LOCATION, { artifact, tags, pushedAtEpochMs: clock() });
  return digestOf(name);
}

export async function rebuildOf(world: Ports): Promise<Rebuild> {
  const found = await world.rebuilds.get(STREAM, REBUILD);
  if (!found) throw new Error('the test has no rebuild');
  return found;
}

export const causeOf = async (world: Ports) => (await world.causes.get([STREAM])).get(STREAM);

type State = 'find-output' | 'check' | 'promote' | 'done';

/**
 * The verifying states of one child of the cascade machine; a step that throws is taken again. What a step asks to be
 * looked at is looked at before the next one, where nothing happens to it.
 */
export class VerifyMachine {
  readonly #world: VerifyWorld;
  state: State = 'find-output';

  constructor(world: VerifyWorld) {
    this.#world = world;
  }

  async step(turns: Turns = {}): Promise<void> {
    await this.#take(turns);
    await answerRefreshes(this.#world);
  }

  async #take(turns: Turns): Promise<void> {
    const ports = portsOf(this.#world, turns);
    switch (this.state) {
      case 'find-output': {
        const { decision, waitSeconds } = await findOutput(ports, LIMITS, STEP);
        if (decision === 'wait') this.#sleep(waitSeconds);
        else this.state = decision === 'verify' ? 'check' : 'done';
        return;
      }
      case 'check': {
        const { decision, waitSeconds } = await check(ports, LIMITS, STEP);
        if (decision === 'wait') this.#sleep(waitSeconds);
        else this.state = decision === 'promote' ? 'promote' : 'done';
        return;
      }
      case 'promote': {
        const { decision, waitSeconds } = await promote(ports, LIMITS, STEP);
        if (decision === 'wait') this.#sleep(waitSeconds);
        else this.state = 'done';
        return;
      }
      case 'done':
    }
  }

  /** Step after step until a state. */
  async run(until: State = 'done', steps = 500): Promise<this> {
    for (let taken = 0; taken < steps && this.state !== until && this.state !== 'done'; taken += 1) await this.step();
    if (this.state !== until) throw new Error(`verification is at ${this.state}, not ${until}`);
    return this;
  }

  #sleep(seconds: number): void {
    if (!(Number.isInteger(seconds) && seconds >= 1 && seconds <= 600)) throw new Error(`waits ${seconds} s`);
    this.#world.advance(seconds * 1000);
  }
}
