import { counted } from '../../shared/domain/common/counted.ts';
import type { BuildRepository } from '../builds/registry.ts';
import { placeKey, pushesOf, SeededTagHistory } from './places.ts';
import type { FleetProblem } from './problems.ts';
import type { Fleet, FleetContainerImage, FleetImage, FleetWorkload } from './schema.ts';

interface Known {
  readonly images: ReadonlyMap<string, FleetImage>;
  readonly history: SeededTagHistory;
}

/** What the containers of a workload run in its time. */
type Running = Pick<FleetWorkload, 'architecture' | 'startedDaysAgo'>;

const knownIn = ({ images }: Fleet): Known => ({
  images: new Map(images.map((image) => [image.name, image])),
  history: new SeededTagHistory(images),
});

/** Whether the images of containers exist, and were what the references say when the workload started. */
export function checkContainers(
  path: string,
  containers: readonly FleetContainerImage[],
  workload: Running,
  fleet: Fleet,
): FleetProblem[] {
  const known = knownIn(fleet);
  return containers.flatMap((container, n) => checkContainer(`${path}[${n}]`, container, workload, known));
}

export function checkWorkloads(fleet: Fleet): FleetProblem[] {
  const clusters = new Set(fleet.clusters.map((c) => `${c.account}/${c.region}/${c.name}`));
  const known = knownIn(fleet);
  return fleet.workloads.flatMap((workload, i) => {
    const path = `workloads[${i}]`;
    const cluster = `${workload.account}/${workload.region}/${workload.cluster}`;
    const problems = clusters.has(cluster)
      ? []
      : [{ path: `${path}.cluster`, message: `no cluster "${cluster}" is listed in clusters` }];
    const foreign = workload.controller === 'ECS' || workload.kind === 'service' ? [] : [controllerProblem(path)];
    return [
      ...problems,
      ...foreign,
      ...workload.containers.flatMap((c, n) => checkContainer(`${path}.containers[${n}]`, c, workload, known)),
    ];
  });
}

/** Whether each schedule runs the task definition of a workload in its cluster. */
export function checkSchedules({ schedules, workloads }: Fleet): FleetProblem[] {
  const known = new Set(workloads.map((one) => `${one.account}/${one.region}/${one.cluster}/${one.name}`));
  return schedules.flatMap(({ account, region, cluster, workload }, i) =>
    known.has(`${account}/${region}/${cluster}/${workload}`)
      ? []
      : [{ path: `schedules[${i}].workload`, message: `no workload "${workload}" is in the cluster "${cluster}"` }],
  );
}

const controllerProblem = (path: string): FleetProblem => ({
  path: `${path}.controller`,
  message: 'only a workload of kind "service" can have another controller than ECS',
});

function checkContainer(path: string, container: FleetContainerImage, workload: Running, known: Known): FleetProblem[] {
  if ('external' in container) return [];
  if ('digestOnly' in container) {
    const name = container.digestOnly;
    if (name.startsWith('sha256:') || known.images.has(name)) return [];
    return [{ path: `${path}.digestOnly`, message: `no image is named "${name}"` }];
  }
  const image = known.images.get(container.image);
  if (image === undefined) return [{ path: `${path}.image`, message: `no image is named "${container.image}"` }];
  const place = container.from ?? image;
  const push = pushesOf(image).find((candidate) => placeKey(candidate) === placeKey(place));
  if (push === undefined) {
    return [{ path: `${path}.from`, message: `"${image.name}" has no copy in "${placeKey(place)}"` }];
  }
  const problems = checkPlatform(path, image, workload);
  if (push.pushedDaysAgo < workload.startedDaysAgo) {
    const message = `"${image.name}" was pushed ${counted(push.pushedDaysAgo, 'day')} ago, after the workload started`;
    return [...problems, { path: `${path}.image`, message }];
  }
  if (container.reference === 'digest') return problems;
  return [...problems, ...checkTag(path, container.tag ?? push.tags[0], image, push, workload, known)];
}

function checkPlatform(path: string, image: FleetImage, { architecture }: Running): FleetProblem[] {
  // An index without images is a test of a fault, so any architecture is allowed.
  if (image.index === 'empty' || image.index === 'attestations-only') return [];
  if (image.platforms.includes(`linux/${architecture}`)) return [];
  return [{ path: `${path}.image`, message: `"${image.name}" has no image for linux/${architecture}` }];
}

function checkTag(
  path: string,
  tag: string | undefined,
  image: FleetImage,
  place: BuildRepository & { tags: readonly string[] },
  workload: Running,
  { history }: Known,
): FleetProblem[] {
  if (tag === undefined) {
    return [{ path: `${path}.reference`, message: `"${image.name}" has no tag; set "reference" to "digest"` }];
  }
  if (!place.tags.includes(tag)) {
    return [{ path: `${path}.tag`, message: `"${image.name}" does not have the tag "${tag}"` }];
  }
  const holder = history.holder(place, tag, workload.startedDaysAgo);
  if (holder === image.name) return [];
  const started = `when the workload started ${counted(workload.startedDaysAgo, 'day')} ago`;
  const message = `"${tag}" named "${holder}", not "${image.name}", ${started}; change "tag", "image" or "startedDaysAgo"`;
  return [{ path: `${path}.tag`, message }];
}
