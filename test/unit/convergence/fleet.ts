import { Random } from '../../../local/fleet/random.ts';
import type { Artifact, Digest, ImageLocation, IndexChild, Registry } from '../../../shared/domain/image/image.ts';
import type { RunningTask } from '../../../shared/domain/image/usage.ts';
import { type PolicyDocument, policySchema } from '../../../shared/domain/policy/policy.ts';
import { parse } from '../../../shared/schema.ts';
import { type FakeWorld, fakeWorld, START_EPOCH_MS } from '../../support/fakes/world.ts';
import { DAY_MS, digestOf, finding } from '../../support/samples.ts';

const hub: Registry = { account: '111122223333', region: 'us-east-1' };
const near: Registry = { account: '444455556666', region: 'us-east-1' };
const far: Registry = { account: '444455556666', region: 'eu-west-1' };
/** An account whose role cannot be taken, and one whose ECS refuses. */
const dark: Registry = { account: '777788889999', region: 'us-east-1' };
const closed: Registry = { account: '888899990000', region: 'us-east-1' };
const AWS_MANAGED = '593207742271';

const base: ImageLocation = { ...hub, repository: 'base/debian' };
const platform: ImageLocation = { ...hub, repository: 'platform/node' };

const streamIn = (
  { account, region }: Registry,
  tier: 'base' | 'platform' | 'application',
  repositories: string[],
) => ({
  ...{ id: `${tier}-${account}-${region}`, tier, account, regions: [region], repositories, owner: tier },
  headTags: ['^current$', '^stable$'],
});

const policy: PolicyDocument = {
  version: 1,
  ages: { default: { limitDays: 30 } },
  streams: [
    streamIn(hub, 'base', ['base/*']),
    streamIn(hub, 'platform', ['platform/node']),
    streamIn(near, 'application', ['apps/*']),
    streamIn(far, 'application', ['apps/*']),
  ],
  severities: [
    { id: 'no-critical', severities: ['critical'], graceDays: 0 },
    { id: 'high-in-a-week', severities: ['high'], graceDays: 7 },
  ],
  awsManaged: { accounts: [AWS_MANAGED] },
};

/** A fleet in memory, the same for the same seed: everything that takes another way through a review. */
export class MemoryFleet {
  readonly world: FakeWorld = fakeWorld();
  readonly random: Random;
  #images = 0;
  #workloads: { readonly cluster: Registry & { readonly cluster: string }; readonly workload: string }[] = [];

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  static async of(seed: number): Promise<MemoryFleet> {
    const fleet = new MemoryFleet(seed);
    await fleet.#fill();
    return fleet;
  }

  /** A day on: something stopped, something new was pushed and runs, and a tag moved. */
  aDayLater(): void {
    const { random, world } = this;
    world.advance(25 * 3_600_000);
    const { cluster, workload } = random.pick(this.#workloads);
    world.workloads.stop(cluster, workload);
    this.#pushApplication(random.pick([near, far]));
    this.#push(base, 'base', ['current'], [], world.clock() - DAY_MS / 2);
  }

  async #fill(): Promise<void> {
    const { world, random } = this;
    for (const { account } of [hub, near, dark, closed]) {
      const regions = account === near.account ? [near.region, far.region] : ['us-east-1'];
      world.accounts.add({ id: account, name: account }, regions);
    }
    world.accounts.deny(dark.account);
    world.workloads.deny(closed);
    world.registry.deny(closed);
    await world.policies.publish(parse(policySchema, policy), {});
    const old = this.#push(base, 'base', ['current'], [], START_EPOCH_MS - 60 * DAY_MS);
    this.#push(base, 'base', ['current'], [], START_EPOCH_MS - 5 * DAY_MS);
    this.#push(platform, 'platform', ['current'], old.layers, START_EPOCH_MS - 40 * DAY_MS);
    if (random.chance(0.3)) world.scanner.enhance({ ...far, repository: 'apps/*' });
    world.scanner.completesAtOnce = false;
    for (let count = random.int(6, 12); count > 0; count -= 1) this.#pushApplication(random.pick([near, far, hub]));
    this.#runForeign();
  }

  #pushApplication(home: Registry): void {
    const { random, world } = this;
    const location = { ...home, repository: `apps/${random.pick(['web', 'api', 'batch'])}` };
    const pushedAt = world.clock() - random.int(1, 45) * DAY_MS;
    const tags = random.pick([['stable'], [], ['branch-7', 'stable']]);
    const { digest, child } = this.#push(location, 'app', tags, [], pushedAt);
    const shownBy = random.pick(['runtime', 'runtime', 'reference', 'nobody'] as const);
    const tag = tags[0] === undefined ? '' : `:${tags[0]}`;
    this.#run({
      image: `${hostOf(home)}/${location.repository}${shownBy === 'reference' ? `@${digest}` : tag}`,
      ...(shownBy === 'runtime' && { digest: random.chance(0.5) ? child : digest }),
    });
    const fate = random.int(1, 100);
    if (fate <= 15) world.registry.delete(location, digest);
    if (fate > 85) world.registry.archive(location, child);
  }

  /** Pushes an image, alone or in an index, and perhaps a copy of it elsewhere. */
  #push(
    location: ImageLocation,
    name: string,
    tags: readonly string[],
    below: readonly Digest[],
    pushedAtEpochMs: number,
  ) {
    const { random } = this;
    const kind = random.pick(['plain', 'plain', 'index', 'empty'] as const);
    const layers = [...below, digestOf(`layer ${this.#images}`)];
    const images = (kind === 'index' ? ['amd64', 'arm64'] : ['amd64']).map((architecture): Artifact => {
      const digest = digestOf(`${name} ${this.#images} ${architecture}`);
      return {
        kind: 'image',
        digest,
        ...MANIFEST,
        configDigest: digestOf(`config of ${digest}`),
        layers,
        annotations: {},
      };
    });
    this.#images += 1;
    const [first] = images;
    if (!first) throw new RangeError('an image has a platform');
    const places = [
      location,
      ...(random.chance(0.2) ? [{ ...random.pick([near, far]), repository: 'apps/copy' }] : []),
    ];
    const children = kind === 'empty' ? [] : images.map((image, n) => childOf(image.digest, n));
    const index: Artifact = { kind: 'index', digest: digestOf(`index of ${first.digest}`), ...INDEX, children };
    for (const place of places) {
      for (const [n, artifact] of images.entries()) {
        const config = {
          createdAtEpochMs: pushedAtEpochMs - DAY_MS,
          platform: childOf(artifact.digest, n).platform,
          labels: {},
        };
        this.world.registry.push(place, { artifact, pushedAtEpochMs, config, ...(kind === 'plain' && { tags }) });
      }
      if (kind !== 'plain') this.world.registry.push(place, { artifact: index, tags, pushedAtEpochMs });
    }
    for (const { digest } of images) this.#give(digest);
    const isIndex = kind === 'index' || kind === 'empty';
    return {
      digest: isIndex ? index.digest : first.digest,
      child: kind === 'empty' ? index.digest : first.digest,
      layers,
    };
  }

  /** What scanners will say of an image. */
  #give(digest: Digest): void {
    const { scanner } = this.world;
    const { random } = this;
    scanner.finds(
      digest,
      Array.from({ length: random.int(0, 6) }, () => ({
        ...finding(random.int(1, 9)),
        severity: random.pick(['critical', 'high', 'low'] as const),
      })).filter((one, n, all) => all.findIndex(({ vulnerability }) => vulnerability === one.vulnerability) === n),
    );
    if (random.chance(0.1)) {
      scanner.refuses(digest, { state: 'unsupported', reason: 'unsupported-image', detail: 'no package database' });
    }
  }

  #runForeign(): void {
    this.#run({ image: 'public.ecr.aws/nginx/nginx:1.27', digest: digestOf('nginx') });
    this.#run({ image: `${AWS_MANAGED}.dkr.ecr.us-east-1.amazonaws.com/agent:v1`, digest: digestOf('agent') });
    this.#run({ image: `${hostOf(closed)}/apps/secret:stable`, digest: digestOf('secret') });
    this.#run({ digest: digestOf('sidecar') });
  }

  #run(container: { readonly image?: string; readonly digest?: Digest }): void {
    const { random } = this;
    const cluster = { ...random.pick([hub, near, far]), cluster: random.pick(['main', 'batch']) };
    const workload = `workload-${this.#workloads.length}`;
    const task: RunningTask = {
      workloadKind: random.pick(['ecs-service', 'ecs-task', 'ecs-daemon'] as const),
      workload,
      ...(random.chance(0.8) && { architecture: 'amd64' }),
      containers: [{ name: 'main', ...container }],
    };
    this.#workloads.push({ cluster, workload });
    this.world.workloads.run(cluster, ...Array.from({ length: random.int(1, 3) }, () => task));
  }
}

const MANIFEST = { mediaType: 'application/vnd.oci.image.manifest.v1+json' };
const INDEX = { mediaType: 'application/vnd.oci.image.index.v1+json' };

const hostOf = ({ account, region }: Registry): string => `${account}.dkr.ecr.${region}.amazonaws.com`;
const childOf = (digest: Digest, n: number): IndexChild => ({
  digest,
  platform: n === 0 ? 'linux/amd64' : 'linux/arm64',
});
