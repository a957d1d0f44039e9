import * as v from '../../shared/schema.ts';
import { account, handle, region, repositoryName, tag } from './schema-parts.ts';

const serviceSchema = v.strictObject({
  account: v.optional(v.pipe(account, v.description("absent: the pipeline's"))),
  region: v.optional(v.pipe(region, v.description("absent: the pipeline's"))),
  cluster: v.string(),
  service: v.pipe(v.string(), v.description('the name of a workload of kind "service"')),
});

/** A pipeline that builds an image of the fleet anew, with its habits and faults. */
export const pipelineSchema = v.strictObject({
  account,
  region,
  name: v.pipe(v.string(), v.regex(/^[A-Za-z0-9.@_-]{1,100}$/, 'not a pipeline name as CodePipeline allows it')),
  builds: v.pipe(
    handle,
    v.description('the image whose recipe it repeats: place, parent, platforms, own packages and layers'),
  ),
  tags: v.pipe(
    v.array(
      v.pipe(
        v.string(),
        v.regex(/^([A-Za-z0-9_]|\{build\})([A-Za-z0-9._-]|\{build\}){0,127}$/, 'not a tag as OCI allows it'),
      ),
    ),
    v.minLength(1),
    v.description('the tags that it pushes; {build} is the number of the build'),
  ),
  firstBuild: v.optional(v.pipe(v.integer(), v.gtValue(0), v.description('the number of its first build')), 1),
  from: v.optional(
    v.pipe(
      v.strictObject({ account, region, repository: repositoryName, tag }),
      v.description('the image of its FROM; absent: the first tag of the parent of the image, in its repository'),
    ),
  ),
  pinsParent: v.optional(v.pipe(v.boolean(), v.description('builds FROM the first digest of the parent')), false),
  packages: v.optional(
    v.pipe(v.record(v.string(), v.text()), v.description('packages that it installs in addition to the recipe')),
    {},
  ),
  upgrades: v.optional(
    v.pipe(v.boolean(), v.description('whether it upgrades all packages to the newest version of the archive')),
    true,
  ),
  mode: v.optional(v.picklist(['SUPERSEDED', 'QUEUED', 'PARALLEL']), 'SUPERSEDED'),
  approval: v.optional(
    v.pipe(v.picklist(['before-build', 'after-build']), v.description('when a person has to approve; absent: never')),
  ),
  variables: v.optional(
    v.pipe(
      v.array(v.pipe(v.string(), v.regex(/^[A-Za-z0-9@_-]{1,128}$/))),
      v.description('the variables it declares, each with the default "none"'),
    ),
    ['PATCHWAVE_REBUILD_ID', 'PATCHWAVE_NO_CACHE', 'PATCHWAVE_PULL'],
  ),
  digestVariable: v.optional(
    v.pipe(v.text(), v.description('the output variable with the pushed digest')),
    'IMAGE_DIGEST',
  ),
  limit: v.optional(
    v.pipe(
      v.integer(),
      v.gtValue(0),
      v.description('executions at once, in QUEUED and PARALLEL mode; absent: as AWS does'),
    ),
  ),
  seconds: v.optional(v.pipe(v.number(), v.minValue(0), v.description('the minimum duration of a build')), 0),
  deploys: v.optional(
    v.pipe(v.array(serviceSchema), v.description('services that it deploys with the built image')),
    [],
  ),
  faults: v.optional(
    v.strictObject({
      alwaysFails: v.optional(v.boolean(), false),
      failsFirst: v.optional(
        v.pipe(v.integer(), v.minValue(0), v.description('this many builds fail, then they succeed')),
        0,
      ),
      pushesNothing: v.optional(v.pipe(v.boolean(), v.description('succeeds without a push')), false),
      noOutput: v.optional(v.pipe(v.boolean(), v.description('pushes, but sets no output variable')), false),
      noLabel: v.optional(v.pipe(v.boolean(), v.description('does not label the image with its rebuild')), false),
    }),
    {},
  ),
});

/** A version that a package archive offers. */
export const archivedSchema = v.strictObject({
  package: v.text(),
  version: v.text(),
  distribution: v.optional(v.pipe(v.picklist(['debian', 'alpine']), v.description('absent: in the archives of all'))),
});
