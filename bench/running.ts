import { placeKey, pushesOf, type SeededPush, SeededTagHistory } from '../local/fleet/places.ts';
import type { Fleet, FleetContainerImage, FleetImage, FleetWorkload } from '../local/fleet/schema.ts';

/** The manifests of an image, named by its handle: bytes and digests are not needed to count calls. */
export interface Manifests {
  /** What its tags stand for: an index, or the only image. */
  readonly head: string;
  readonly isIndex: boolean;
  /** Image of each platform; none for an index without images. */
  readonly images: ReadonlyMap<string, string>;
  readonly attestations: readonly string[];
}

export function manifestsOf({ name, platforms, index, mediaType }: FleetImage): Manifests {
  const isIndex = index !== 'auto' || platforms.length > 1;
  const holdsImages = index === 'auto' || index === 'always';
  const attested = isIndex && mediaType === 'oci' && index !== 'empty' ? platforms : [];
  const images = new Map(holdsImages ? platforms.map((platform) => [platform, `${name} ${platform}`]) : []);
  const [only = name] = images.values();
  return {
    head: isIndex ? name : only,
    isIndex,
    images,
    attestations: attested.map((platform) => `${name} ${platform} attestation`),
  };
}

/** One container that runs an image of a private ECR registry. */
export interface Running {
  readonly place: Pick<SeededPush, 'account' | 'region' | 'repository'>;
  readonly image: FleetImage;
  readonly architecture: string;
  /** The tag that had to be looked up, because neither the agent nor the reference tells the digest. */
  readonly lookedUpTag?: string;
}

/**
 * What the containers of a fleet run, as ECS would report it: the digest that a tag named when its task started. Also what templates
 * of EKS may start: the digest that a tag names now.
 */
export function runningContainers(fleet: Fleet): Running[] {
  const history = new SeededTagHistory(fleet.images);
  const images = new Map(fleet.images.map((image) => [image.name, image]));
  const known = { history, images };
  const readable = new Set(fleet.kubernetesClusters.filter(isClusterReadable).map(clusterKey));
  return [
    ...fleet.workloads.flatMap((workload) =>
      workload.containers.flatMap((container) => runningContainer(container, workload, known)),
    ),
    ...fleet.kubernetesWorkloads
      .filter((workload) => readable.has(clusterKey({ ...workload, name: workload.cluster })))
      .flatMap((workload) => {
        const { kind, replicas, startedDaysAgo, architecture } = workload;
        const containers = [...workload.containers, ...(workload.initContainers ?? [])];
        const runs = replicas > 0 && kind !== 'scaledjob';
        // A CronJob may start by its template again, while its Job runs.
        const mayStart = !runs || kind === 'cronjob';
        return [
          ...(runs ? containers.flatMap((one) => runningContainer(one, { architecture, startedDaysAgo }, known)) : []),
          ...(mayStart ? containers.flatMap((one) => possibleContainer(one, architecture, known)) : []),
        ];
      }),
  ];
}

/** Whether a review can read the pods of a cluster. */
export const isClusterReadable = ({ status, endpoint, access }: Fleet['kubernetesClusters'][number]): boolean =>
  status === 'ACTIVE' && endpoint === 'public' && access === 'granted';

const clusterKey = ({ account, region, name }: { account: string; region: string; name: string }): string =>
  [account, region, name].join('/');

interface Known {
  readonly history: SeededTagHistory;
  readonly images: ReadonlyMap<string, FleetImage>;
}

function runningContainer(
  container: FleetContainerImage,
  { architecture, startedDaysAgo }: Pick<FleetWorkload, 'architecture' | 'startedDaysAgo'>,
  { history, images }: Known,
): Running[] {
  if (!('image' in container)) return [];
  const named = images.get(container.image);
  if (named === undefined) return [];
  const place = container.from ?? named;
  const { account, region, repository } = place;
  const at = { place: { account, region, repository }, architecture };
  if (container.reference === 'digest') return [{ ...at, image: named }];
  const tag = container.tag ?? firstTag(named, at.place);
  if (tag === undefined) return [];
  const isDigestMissing = 'digestMissing' in container && container.digestMissing;
  const handle = history.holder(at.place, tag, isDigestMissing ? 0 : startedDaysAgo);
  const image = images.get(handle ?? '');
  return image === undefined ? [] : [{ ...at, image, ...(isDigestMissing && { lookedUpTag: tag }) }];
}

/** No agent tells a digest, so each tag is looked up. */
const possibleContainer = (
  container: FleetContainerImage,
  architecture: FleetWorkload['architecture'],
  known: Known,
): Running[] =>
  runningContainer(
    'image' in container && container.reference !== 'digest' ? { ...container, digestMissing: true } : container,
    { architecture, startedDaysAgo: 0 },
    known,
  );

const firstTag = (image: FleetImage, place: Running['place']): string | undefined =>
  pushesOf(image).find((push) => placeKey(push) === placeKey(place))?.tags[0];
