/** What a pipeline of a fleet does, as its builder gets it with each job. */

import { type BuildRepository, hostOf } from '../builds/registry.ts';
import type { DeclaredPipeline } from '../cloud/admin-types.ts';
import type { FleetBuild } from '../fleet/build.ts';
import { BUILD_NUMBER } from '../fleet/check-pipelines.ts';
import type { FleetImage, FleetPipeline, FleetPlatform } from '../fleet/schema.ts';

/** The variable with the rebuild of a run; `none` for a run without one. */
export const REBUILD_VARIABLE = 'PATCHWAVE_REBUILD_ID';
export const NO_REBUILD = 'none';

export interface Service {
  readonly account: string;
  readonly region: string;
  readonly cluster: string;
  readonly service: string;
}

export interface BuiltFrom {
  readonly place: BuildRepository;
  readonly reference: string;
}

export interface PipelineDefinition
  extends Pick<
    FleetPipeline,
    'tags' | 'firstBuild' | 'packages' | 'upgrades' | 'digestVariable' | 'seconds' | 'faults'
  > {
  /** What it builds, and where it pushes that. */
  readonly image: FleetImage;
  /** What it is built FROM; left out: from scratch. */
  readonly parent?: BuiltFrom;
  /** By platform: what it is built FROM there, where that is not its parent. */
  readonly parentOn?: Partial<Record<FleetPlatform, BuiltFrom>>;
  readonly deploys: readonly Service[];
}

/** A pipeline of a sound fleet as CodePipeline is to have it. */
export function declaredPipeline(pipeline: FleetPipeline, builds: ReadonlyMap<string, FleetBuild>): DeclaredPipeline {
  const { account, region, name, mode, approval, variables, limit, deploys } = pipeline;
  return {
    account,
    region,
    name,
    mode,
    deploys: deploys.length > 0,
    variables: variables.map((variable) => ({ name: variable, default: NO_REBUILD })),
    definition: definitionOf(pipeline, builds),
    ...(approval !== undefined && { approval }),
    ...(limit !== undefined && { limit }),
  };
}

function definitionOf(pipeline: FleetPipeline, builds: ReadonlyMap<string, FleetBuild>): PipelineDefinition {
  const { account, region, tags, firstBuild, packages, upgrades, digestVariable, seconds, faults } = pipeline;
  const image = builds.get(pipeline.builds)?.image;
  if (image === undefined) throw new RangeError(`The pipeline ${pipeline.name} builds no image of the fleet`);
  const parent = parentOf(pipeline, builds.get(image.parent ?? ''));
  const parentOn = Object.entries(image.parentOn ?? {}).map(
    ([platform, name]) => [platform, parentOf(pipeline, builds.get(name ?? ''))] as const,
  );
  return {
    ...{ image, tags, firstBuild, packages, upgrades, digestVariable, seconds, faults },
    ...(parent && { parent }),
    ...(parentOn.length > 0 && { parentOn: Object.fromEntries(parentOn) }),
    deploys: pipeline.deploys.map((service) => ({
      account: service.account ?? account,
      region: service.region ?? region,
      cluster: service.cluster,
      service: service.service,
    })),
  };
}

function parentOf({ from, pinsParent }: FleetPipeline, parent: FleetBuild | undefined): BuiltFrom | undefined {
  if (parent === undefined) return undefined;
  if (from !== undefined) return { place: from, reference: from.tag };
  const { account, region, repository, tags } = parent.image;
  const reference = pinsParent ? parent.head.digest : tags[0];
  if (reference === undefined) throw new RangeError(`${parent.image.name} has no tag to build FROM`);
  return { place: { account, region, repository }, reference };
}

/** The tags of the `number`th run of a pipeline. */
export function tagsOf({ tags, firstBuild }: PipelineDefinition, number: number): string[] {
  return tags.map((tag) => tag.replaceAll(BUILD_NUMBER, String(firstBuild + number - 1)));
}

export function repositoryUri(place: BuildRepository): string {
  return `${hostOf(place)}/${place.repository}`;
}
