import { placeKey, pushesOf } from './places.ts';
import type { FleetProblem } from './problems.ts';
import type { Fleet, FleetImage, FleetPipeline } from './schema.ts';

/** The part of a tag that differs from build to build. */
export const BUILD_NUMBER = '{build}';

export function checkPipelines(fleet: Fleet): FleetProblem[] {
  const images = new Map(fleet.images.map((image) => [image.name, image]));
  return fleet.pipelines.flatMap((pipeline, i) => {
    const path = `pipelines[${i}]`;
    const problems = checkServices(path, pipeline, fleet);
    const image = images.get(pipeline.builds);
    if (image === undefined) {
      return [{ path: `${path}.builds`, message: `no image is named "${pipeline.builds}"` }, ...problems];
    }
    return [
      ...checkRecipe(path, image),
      ...checkParent(path, pipeline, image, images.get(image.parent ?? ''), fleet),
      ...checkParentsOn(path, pipeline, image, images),
      ...checkTags(path, pipeline, image, fleet),
      ...problems,
    ];
  });
}

function checkRecipe(path: string, image: FleetImage): FleetProblem[] {
  if (image.cachedFrom !== undefined) {
    const message = `"${image.name}" repeats the layers of "${image.cachedFrom}" (cachedFrom). Name that image: only it can be built`;
    return [{ path: `${path}.builds`, message }];
  }
  if (image.index === 'auto' || image.index === 'always') return [];
  return [{ path: `${path}.builds`, message: `the index of "${image.name}" contains no image` }];
}

function checkParent(
  path: string,
  { from, pinsParent }: FleetPipeline,
  image: FleetImage,
  parent: FleetImage | undefined,
  fleet: Fleet,
): FleetProblem[] {
  if (image.parent === undefined) {
    const field = from === undefined ? 'pinsParent' : 'from';
    if (from === undefined && !pinsParent) return [];
    return [{ path: `${path}.${field}`, message: `"${image.name}" is built from scratch; leave "${field}" out` }];
  }
  if (from === undefined) {
    if (parent === undefined || pinsParent || parent.tags.length > 0) return [];
    return [
      { path: `${path}.from`, message: `"${parent.name}" has no tag to build FROM. Give it a tag, or give "from"` },
    ];
  }
  if (pinsParent) return [{ path: `${path}.pinsParent`, message: 'give either "from" or "pinsParent"' }];
  const isThere = fleet.images.some((each) =>
    pushesOf(each).some((push) => placeKey(push) === placeKey(from) && push.tags.includes(from.tag)),
  );
  if (isThere) return [];
  return [{ path: `${path}.from`, message: `no image was pushed to "${placeKey(from)}" with the tag "${from.tag}"` }];
}

/** `from` is one place: it cannot stand for a parent on each platform. */
function checkParentsOn(
  path: string,
  { from, pinsParent }: FleetPipeline,
  { name, parentOn = {} }: FleetImage,
  images: ReadonlyMap<string, FleetImage>,
): FleetProblem[] {
  const parents = Object.values(parentOn).flatMap((parent) => images.get(parent ?? '') ?? []);
  if (parents.length > 0 && from !== undefined)
    return [
      {
        path: `${path}.from`,
        message: `"${name}" has parents by platform (parentOn), so one "from" cannot replace them; leave it out`,
      },
    ];
  return parents
    .filter(({ tags }) => !pinsParent && tags.length === 0)
    .map((parent) => ({ path: `${path}.builds`, message: `"${parent.name}" has no tag to build FROM` }));
}

function checkTags(path: string, { tags }: FleetPipeline, image: FleetImage, fleet: Fleet): FleetProblem[] {
  const repository = fleet.repositories.find((r) => placeKey({ ...r, repository: r.name }) === placeKey(image));
  if (repository?.tagMutability !== 'IMMUTABLE') return [];
  return tags.flatMap((tag, t) => {
    if (tag.includes(BUILD_NUMBER)) return [];
    const message = `every build pushes "${tag}", but tags of this repository are IMMUTABLE. Use ${BUILD_NUMBER} in the tag`;
    return [{ path: `${path}.tags[${t}]`, message }];
  });
}

function checkServices(path: string, pipeline: FleetPipeline, fleet: Fleet): FleetProblem[] {
  const keyOf = (account: string, region: string, cluster: string, name: string) =>
    `${account}/${region}/${cluster}/${name}`;
  const services = new Set(
    fleet.workloads
      .filter(({ kind }) => kind === 'service')
      .map(({ account, region, cluster, name }) => keyOf(account, region, cluster, name)),
  );
  return pipeline.deploys.flatMap((service, s) => {
    const { account = pipeline.account, region = pipeline.region } = service;
    const key = keyOf(account, region, service.cluster, service.service);
    if (services.has(key)) return [];
    return [{ path: `${path}.deploys[${s}]`, message: `no workload of kind "service" is "${key}"` }];
  });
}
