/** Registries and running containers of a fleet, read once by plain SDK calls. */

import {
  DescribeImagesCommand,
  ECRClient,
  paginateDescribeImages,
  paginateDescribeRepositories,
} from '@aws-sdk/client-ecr';
import type { Fleet } from '../../../local/fleet/schema.ts';
import { type Bearing, bearingImages, below } from './lineage.ts';
import { podContainersIn } from './pods.ts';
import { digestsIn, type Made, madeOf, scanOf } from './registry.ts';
import { configOf, containersIn, type Home, homeOf, imagesOf, manifestOf } from './running.ts';

/** An image: in a repository, or running without one. */
export interface Sighting {
  readonly home: Home | undefined;
  readonly digest: string;
  readonly made: Made | undefined;
}

export interface StoryContainer {
  readonly home: Home | undefined;
  readonly digest: string;
  /** As `OracleContainer`; empty for a task of its own. */
  readonly group: string;
}

export class StoryWorld {
  readonly endpoint: string;
  readonly homes: readonly Home[];
  readonly running: readonly StoryContainer[];
  readonly #images: readonly Bearing[];

  private constructor(
    endpoint: string,
    homes: readonly Home[],
    running: readonly StoryContainer[],
    images: readonly Bearing[],
  ) {
    this.endpoint = endpoint;
    this.homes = homes;
    this.running = running;
    this.#images = images;
  }

  static async of(endpoint: string, fleet: Fleet): Promise<StoryWorld> {
    const places = fleet.accounts.flatMap(({ id, regions }) => regions.map((region) => ({ account: id, region })));
    const homes: Home[] = [];
    for (const place of places) {
      const client = new ECRClient(configOf(endpoint, place));
      for await (const { repositories = [] } of paginateDescribeRepositories({ client }, {}))
        homes.push(...repositories.map(({ repositoryName = '' }) => ({ ...place, repository: repositoryName })));
    }
    const running: StoryContainer[] = [];
    for (const seen of (await Promise.all(places.map((place) => containersIn(endpoint, place)))).flat()) {
      for (const digest of await imagesOf(endpoint, seen))
        running.push({ home: homeOf(seen.container), digest, group: seen.group ?? '' });
    }
    for (const { account, region, name } of fleet.kubernetesClusters) {
      for (const seen of await podContainersIn(endpoint, { account, region, cluster: name }))
        for (const digest of await imagesOf(endpoint, seen))
          running.push({ home: homeOf(seen.container), digest, group: seen.group ?? '' });
    }
    const images = await bearingImages(
      endpoint,
      homes.map((home) => ({ ...home, tier: '' })),
    );
    return new StoryWorld(endpoint, homes, running, images);
  }

  below(made: Made): readonly Bearing[] {
    return below(made, this.#images);
  }

  /** The repositories that a name of the demo may stand for: it leaves out the place, and may add a tag. */
  homesNamed(name: string): readonly Home[] {
    const repository = name.replace(/^\d{12}\/[a-z0-9-]+\//, '').replace(/:[^:]*$/, '');
    return this.homes.filter((home) => home.repository === repository);
  }

  async imagesNamed(name: string): Promise<readonly Sighting[]> {
    const running = await Promise.all(this.runningNamed(name).map((one) => this.seen(one)));
    if (name.startsWith('sha256:')) return running;
    const homes = this.homesNamed(name);
    const found = this.#images.filter(({ home }) => homes.some((one) => isSame(one, home)));
    // An archived image runs, and its repository does not list it.
    return [...found.map(({ home, digest, ...made }) => ({ home, digest, made })), ...running];
  }

  runningNamed(name: string): readonly StoryContainer[] {
    if (name.startsWith('sha256:')) return this.running.filter(({ digest }) => digest.startsWith(name));
    const homes = this.homesNamed(name);
    return this.running.filter(({ home }) => home && homes.some((one) => isSame(one, home)));
  }

  runningIn(service: string): readonly StoryContainer[] {
    return this.running.filter(({ group }) => group === `service:${service}` || group.startsWith(`${service}-`));
  }

  async seen({ home, digest }: StoryContainer): Promise<Sighting> {
    const made = home && (await madeOf(this.endpoint, home, digest).catch(() => undefined));
    return { home, digest, made };
  }

  async runningMade(): Promise<readonly Made[]> {
    return (await Promise.all(this.running.map((one) => this.seen(one)))).flatMap(({ made }) => made ?? []);
  }

  async findings(home: Home, digest: string): Promise<readonly string[]> {
    return (await scanOf(this.endpoint, home, digest)).findings.map(({ name }) => name ?? '');
  }

  async digestsNamed(name: string): Promise<readonly string[]> {
    return (await Promise.all(this.homesNamed(name).map((home) => digestsIn(this.endpoint, home)))).flat();
  }

  /** The images of what was pushed last, one for each platform. */
  async newest(name: string): Promise<readonly { readonly home: Home; readonly digest: string }[]> {
    const found = [];
    for (const home of this.homesNamed(name)) {
      const client = new ECRClient(configOf(this.endpoint, home));
      const details = [];
      for await (const { imageDetails = [] } of paginateDescribeImages({ client }, { repositoryName: home.repository }))
        details.push(...imageDetails);
      const tagged = details
        .filter(({ imageTags = [] }) => imageTags.length > 0)
        .sort((one, other) => (other.imagePushedAt?.getTime() ?? 0) - (one.imagePushedAt?.getTime() ?? 0));
      const digest = tagged[0]?.imageDigest;
      if (digest === undefined) continue;
      const children = (await manifestOf(this.endpoint, home, digest))?.manifests?.filter(
        ({ platform }) => platform?.os !== 'unknown',
      );
      found.push(...(children?.map((child) => child.digest) ?? [digest]).map((one) => ({ home, digest: one })));
    }
    return found;
  }

  async tagged(name: string): Promise<readonly string[]> {
    const all = this.homesNamed(name).map((home) =>
      new ECRClient(configOf(this.endpoint, home)).send(
        new DescribeImagesCommand({ repositoryName: home.repository, filter: { tagStatus: 'TAGGED' } }),
      ),
    );
    return (await Promise.all(all)).flatMap(({ imageDetails = [] }) =>
      imageDetails.flatMap(({ imageDigest }) => imageDigest ?? []),
    );
  }
}

const isSame = (one: Home, other: Home): boolean =>
  one.account === other.account && one.region === other.region && one.repository === other.repository;
