import type {
  Artifact,
  Digest,
  ImageLocation,
  IndexChild,
  Platform,
  Registry,
} from '../../../shared/domain/image/image.ts';
import type { Pipeline } from '../../../shared/domain/policy/pipeline.ts';
import { type PolicyDocument, policySchema } from '../../../shared/domain/policy/policy.ts';
import type { Finding } from '../../../shared/domain/scan/finding.ts';
import { parse } from '../../../shared/schema.ts';
import { type FakeWorld, fakeWorld } from '../../support/fakes/world.ts';
import { DAY_MS, digestOf, finding } from '../../support/samples.ts';

const HOME: Registry = { account: '111122223333', region: 'us-east-1' };
const CLUSTER = { ...HOME, cluster: 'main' };

export type Arch = 'amd64' | 'arm64';

/** A stream, what its image runs on, and from which stream that is built: of an index, one for each platform. */
export interface TieredLine {
  readonly tier: 'base' | 'platform' | 'application';
  /** `amd64` where left out. */
  readonly arch?: readonly Arch[];
  readonly on?: string | Readonly<Record<Arch, string>>;
  /** No workload runs it. */
  readonly idle?: true;
}
export type Lines = Readonly<Record<string, TieredLine>>;

export const locationOf = (name: string): ImageLocation => ({ ...HOME, repository: `fleet/${name}` });
export const streamOf = (name: string): string => `${HOME.account}/${HOME.region}/fleet/${name}:^current$`;
export const nameOf = (stream: string): string => /fleet\/(.*):/.exec(stream)?.[1] ?? stream;
const pipelineOf = (name: string): Pipeline => ({
  ...{ runner: 'codepipeline', ...HOME, name, digestVariable: 'IMAGE_DIGEST' },
});

/** What a test is about in its policy. */
export type FleetPolicyChanges = Partial<Pick<PolicyDocument, 'mode' | 'modes' | 'caps' | 'guards'>>;

interface FleetChanges extends FleetPolicyChanges {
  /** Of a layer that is vulnerable. */
  readonly findings?: number;
  readonly world?: FakeWorld;
}

const policyOf = (lines: Lines, changes: FleetPolicyChanges): PolicyDocument => ({
  version: 1,
  mode: 'enforce',
  ages: { default: { limitDays: 30 } },
  streams: Object.entries(lines).map(([id, { tier }]) => ({
    ...{ id, tier, account: HOME.account, regions: [HOME.region], repositories: [`fleet/${id}`], owner: tier },
    ...{ headTags: ['^current$'], pipeline: { name: id, buildMinutes: 10_080 } },
  })),
  severities: [{ id: 'no-critical', severities: ['critical'], graceDays: 0 }],
  guards: { coolDownMinutes: 0 },
  ...changes,
});

/**
 * A fleet whose images are built on one another: each has the layers of its parents' heads at the time, and one of its own.
 * A scanner finds what a layer brought, so that a finding goes once an image is built on a base that is fixed.
 */
export class ConvergingFleet {
  readonly world: FakeWorld;
  readonly lines: Lines;
  readonly #vulnerable = new Set<Digest>();
  /** By stream: the layers of its head on each platform. */
  readonly #heads = new Map<string, ReadonlyMap<Arch, readonly Digest[]>>();
  readonly #images = new Map<string, readonly IndexChild[]>();
  readonly #pinned = new Map<string, ReadonlyMap<string, ReadonlyMap<Arch, readonly Digest[]>>>();
  readonly #indexes = new Map<string, Digest>();
  readonly #packsAnew = new Set<string>();
  readonly #stamps = new Set<string>();
  /** What a vulnerable layer has. */
  readonly #findings: readonly Finding[];
  #builds = 0;

  private constructor(lines: Lines, findings: number, world: FakeWorld) {
    this.lines = lines;
    this.world = world;
    this.#findings = Array.from({ length: findings }, (_, n) => ({ ...CRITICAL, vulnerability: `CVE-2026-${n}` }));
  }

  /** @param atFault streams whose own layer is vulnerable at first */
  static async of(
    lines: Lines,
    atFault: readonly string[],
    { findings = 1, world: given = fakeWorld(), ...changes }: FleetChanges = {},
  ): Promise<ConvergingFleet> {
    const fleet = new ConvergingFleet(lines, findings, given);
    const { world } = fleet;
    world.scanner.completesAtOnce = false;
    world.accounts.add({ id: HOME.account, name: 'home' }, [HOME.region]);
    await world.policies.publish(parse(policySchema, policyOf(lines, changes)), {});
    for (const name of Object.keys(lines)) {
      world.runner.create(pipelineOf(name));
      fleet.build(name, { isVulnerable: atFault.includes(name), pushedAtEpochMs: world.clock() - 5 * DAY_MS });
      fleet.deploy(name);
    }
    return fleet;
  }

  /** From now on its pipeline builds on its present parents, also after they changed. */
  pin(name: string): void {
    this.#pinned.set(name, new Map(this.#heads));
  }

  /** From now on its pipeline packs the layers of its parents anew: only what they unpack to is the same. */
  packAnew(name: string): void {
    this.#packsAnew.add(name);
  }

  /** From now on each of its builds stamps another version of a vulnerable package, without a known fix. */
  stamp(name: string): void {
    this.#stamps.add(name);
  }

  /** What a pipeline does: builds on the parents' heads, and pushes. */
  build(name: string, { isVulnerable = false, pushedAtEpochMs = this.world.clock() } = {}): Digest {
    this.#builds += 1;
    const own = digestOf(`layer ${this.#builds} of ${name}`);
    if (isVulnerable) this.#vulnerable.add(own);
    const { arch = ['amd64'], on } = this.lines[name] ?? {};
    const heads = this.#pinned.get(name) ?? this.#heads;
    const parentOn = (one: Arch) => heads.get(typeof on === 'object' ? on[one] : (on ?? ''))?.get(one) ?? [];
    const chains = new Map(arch.map((one) => [one, [...parentOn(one), own]] as const));
    this.#heads.set(name, chains);
    const tags = ['current'];
    const children = Array.from(chains, ([one, layers]): IndexChild => {
      const digest = digestOf(`${one} ${this.#builds} of ${name}`);
      const platform: Platform = `linux/${one}`;
      const packed = this.#packsAnew.has(name)
        ? layers.map((layer) => digestOf(`packed by ${name}: ${layer}`))
        : layers;
      const content = { layers: packed, annotations: {}, configDigest: digest };
      const artifact: Artifact = { kind: 'image', digest, ...MANIFEST, ...content };
      const diffIds = layers.map((layer) => digestOf(`files of ${layer}`));
      const config = { createdAtEpochMs: pushedAtEpochMs, platform, labels: {}, diffIds };
      this.world.registry.push(locationOf(name), {
        artifact,
        pushedAtEpochMs,
        config,
        tags: arch.length > 1 ? [] : tags,
      });
      const found = layers.some((layer) => this.#vulnerable.has(layer)) ? this.#findings : [];
      const stamped: Finding = { ...CRITICAL, fix: 'unknown', version: `3.0-build.${this.#builds}` };
      this.world.scanner.finds(digest, this.#stamps.has(name) ? [...found, stamped] : found);
      return { digest, platform };
    });
    this.#images.set(name, children);
    if (children.length > 1) {
      const index: Artifact = {
        kind: 'index',
        digest: digestOf(`index ${this.#builds} of ${name}`),
        ...INDEX,
        children,
      };
      this.world.registry.push(locationOf(name), { artifact: index, pushedAtEpochMs, tags });
      this.#indexes.set(name, index.digest);
    }
    return this.headOf(name);
  }

  /** What its last build pushed: an index, or the one image. */
  headOf = (name: string): Digest => this.#indexes.get(name) ?? (this.imagesOf(name)[0] as Digest);

  /** The images of its last build, one for each platform. */
  imagesOf(name: string): readonly Digest[] {
    return (this.#images.get(name) ?? []).map(({ digest }) => digest);
  }

  /** From now on no rule of the policy names a stream. */
  async unname(name: string): Promise<void> {
    const { policies } = this.world;
    const { policy, version: replaces } = await policies.current();
    await policies.publish({ ...policy, streams: policy.streams.filter(({ id }) => id !== name) }, { replaces });
  }

  /** Another policy is in force from now on. */
  async setPolicy(changes: FleetPolicyChanges): Promise<void> {
    const { policies } = this.world;
    const { version: replaces } = await policies.current();
    await policies.publish(parse(policySchema, policyOf(this.lines, changes)), { replaces });
  }

  /** Its team runs the head of an application, on each platform. */
  deploy(name: string): void {
    const { tier, idle } = this.lines[name] ?? {};
    if (tier !== 'application' || idle) return;
    this.world.workloads.stop(CLUSTER, name);
    const image = `${HOME.account}.dkr.ecr.${HOME.region}.amazonaws.com/fleet/${name}:current`;
    for (const { digest, platform } of this.#images.get(name) ?? [])
      this.world.workloads.run(CLUSTER, {
        ...{ workloadKind: 'ecs-service', workload: name, architecture: platform.slice('linux/'.length) },
        containers: [{ name: 'main', image, digest }],
      });
  }
}

const CRITICAL = { ...finding(1), severity: 'critical', fix: 'yes' } as const;
const MANIFEST = { mediaType: 'application/vnd.oci.image.manifest.v1+json' };
const INDEX = { mediaType: 'application/vnd.oci.image.index.v1+json' };
