import { matchesAnyGlob } from '../../shared/domain/common/glob.ts';
import type { PolicyDocument as SamplePolicy } from '../../shared/domain/policy/policy.ts';
import { BUILD_NUMBER } from './check-pipelines.ts';
import { parseFleet } from './load.ts';
import { placeKey } from './places.ts';
import { Random } from './random.ts';
import type { Fleet, FleetFile, FleetImage } from './schema.ts';

type PipelineDraft = NonNullable<FleetFile['pipelines']>[number];
type Rule = SamplePolicy['streams'][number];
type Repository = Fleet['repositories'][number];

/** Builds of an application are numbered from here, so that none takes the tag of a seeded one. */
const FIRST_BUILD = 1000;
/** Most pipelines do what they should. */
const FAULTS: readonly PipelineDraft['faults'][] = [
  ...Array.from({ length: 12 }, () => ({})),
  { alwaysFails: true },
  { failsFirst: 1 },
  { pushesNothing: true },
  { noOutput: true },
  { noLabel: true },
];

/**
 * A generated fleet with a pipeline for every repository that has an image to build, with habits and faults drawn from
 * the seed, and a policy that enforces and names each. The same fleet and seed give the same.
 */
export function withPipelines(fleet: Fleet, seed: number): Fleet {
  const random = new Random(seed);
  const pipelines: PipelineDraft[] = [];
  const policy = fleet.policy as unknown as SamplePolicy;
  const streams = policy.streams.flatMap((rule) => {
    const own = repositoriesOf(fleet, rule).map((repository) => ({ repository, image: newestIn(fleet, repository) }));
    const built = own.flatMap(({ repository, image }) => {
      if (image === undefined) return [];
      const pipeline = pipelineFor(random, fleet, rule, repository, image, pipelines.length);
      pipelines.push(pipeline);
      return [ruleFor(random, rule, repository, pipeline)];
    });
    const rest = own.flatMap(({ repository, image }) => (image === undefined ? [repository.name] : []));
    return rest.length === 0 ? built : [...built, { ...rule, repositories: rest }];
  });
  const document = { ...fleet, pipelines, policy: { ...policy, mode: 'enforce', streams } };
  return parseFleet(JSON.parse(JSON.stringify(document)), `${fleet.name} with pipelines`);
}

function repositoriesOf(fleet: Fleet, { account, regions, repositories }: Rule): Repository[] {
  return fleet.repositories.filter(
    (repository) =>
      repository.account === account &&
      regions.includes(repository.region) &&
      matchesAnyGlob(repositories, repository.name),
  );
}

/** The newest image of a repository that can be built anew. */
function newestIn({ images }: Fleet, repository: Repository): FleetImage | undefined {
  const tagsOf = new Map(images.map(({ name, tags }) => [name, tags]));
  return images
    .filter(
      (image) =>
        placeKey(image) === placeKey({ ...repository, repository: repository.name }) &&
        image.cachedFrom === undefined &&
        (image.index === 'auto' || image.index === 'always') &&
        (image.parent === undefined || (tagsOf.get(image.parent) ?? []).length > 0),
    )
    .sort((one, other) => one.pushedDaysAgo - other.pushedDaysAgo)[0];
}

function pipelineFor(
  random: Random,
  fleet: Fleet,
  { tier }: Rule,
  { account, region, name, tagMutability }: Repository,
  image: FleetImage,
  n: number,
): PipelineDraft {
  const numbered = `${random.hex(7)}-${BUILD_NUMBER}`;
  const moving = image.tags[0] ?? 'current';
  return {
    ...{ account, region, name: `${name.replaceAll(/[^a-z0-9]+/g, '-')}-${n}`, builds: image.name },
    tags: tier === 'application' || tagMutability === 'IMMUTABLE' ? [numbered] : [moving, numbered],
    firstBuild: FIRST_BUILD,
    mode: random.pick(['SUPERSEDED', 'QUEUED', 'PARALLEL']),
    upgrades: random.chance(0.8),
    pinsParent: image.parent !== undefined && random.chance(0.1),
    ...(random.chance(0.05) && { approval: random.pick(['before-build', 'after-build'] as const) }),
    faults: random.pick(FAULTS),
    deploys: tier === 'application' && random.chance(0.5) ? servicesOn(fleet, image) : [],
  };
}

/** The services of which a container runs an image of the same repository. */
function servicesOn({ workloads, images }: Fleet, { account, region, repository }: FleetImage) {
  const here = placeKey({ account, region, repository });
  const names = new Set(images.filter((image) => placeKey(image) === here).map(({ name }) => name));
  return workloads
    .filter(({ kind, containers }) => kind === 'service' && containers.some((c) => 'image' in c && names.has(c.image)))
    .map((workload) => ({
      account: workload.account,
      region: workload.region,
      cluster: workload.cluster,
      service: workload.name,
    }));
}

/** Who has a pipeline that deploys leaves it to it; the others are rolled out to by a new revision, or not at all. */
function ruleFor(random: Random, rule: Rule, { region, name }: Repository, pipeline: PipelineDraft): Rule {
  const deploys = (pipeline.deploys ?? []).length > 0;
  return {
    ...rule,
    id: `${rule.id}-${pipeline.name}`,
    regions: [region],
    repositories: [name],
    pipeline: { name: pipeline.name },
    rollout: deploys ? 'pipeline' : random.pick(['register', 'restart', 'none'] as const),
  };
}
