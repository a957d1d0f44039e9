import * as v from '../../shared/schema.ts';
import { account, handle, region, repositoryName, tag } from './schema-parts.ts';

const serviceSchema = v.strictObject({
  account: v.optional(v.pipe(account, v.description('if absent, the account of the pipeline'))),
  region: v.optional(v.pipe(region, v.description('if absent, the Region of the pipeline'))),
  cluster: v.string(),
  service: v.pipe(v.string(), v.description('the name of a workload of kind "service"')),
});

/** A pipeline that builds an image of the fleet anew, with its habits and faults. */
export const pipelineSchema = v.strictObject({
  account,
  region,
  name: v.pipe(v.string(), v.regex(/^[A-Za-z0-9.@_-]{1,100}$/, 'must be a pipeline name that CodePipeline allows')),
  builds: v.pipe(
    handle,
    v.description('the image that the pipeline builds again: same repository, parent, platforms, packages and layers'),
  ),
  tags: v.pipe(
    v.array(
      v.pipe(
        v.string(),
        v.regex(/^([A-Za-z0-9_]|\{build\})([A-Za-z0-9._-]|\{build\}){0,127}$/, 'must be a tag that OCI allows'),
      ),
    ),
    v.minLength(1),
    v.description('the tags that the pipeline pushes; {build} is the number of the build'),
  ),
  firstBuild: v.optional(v.pipe(v.integer(), v.gtValue(0), v.description('the number of the first build')), 1),
  from: v.optional(
    v.pipe(
      v.strictObject({ account, region, repository: repositoryName, tag }),
      v.description('the image in FROM; if absent, the first tag of the parent of the image'),
    ),
  ),
  pinsParent: v.optional(v.pipe(v.boolean(), v.description('builds FROM the first digest of the parent')), false),
  packages: v.optional(
    v.pipe(
      v.record(v.string(), v.text()),
      v.description('packages that the build installs in addition to those of the image'),
    ),
    {},
  ),
  upgrades: v.optional(
    v.pipe(v.boolean(), v.description('whether the build upgrades all packages to the newest version of the archive')),
    true,
  ),
  mode: v.optional(v.picklist(['SUPERSEDED', 'QUEUED', 'PARALLEL']), 'SUPERSEDED'),
  approval: v.optional(
    v.pipe(
      v.picklist(['before-build', 'after-build']),
      v.description('when a person has to approve; if absent, never'),
    ),
  ),
  variables: v.optional(
    v.pipe(
      v.array(v.pipe(v.string(), v.regex(/^[A-Za-z0-9@_-]{1,128}$/))),
      v.description('the variables that the pipeline declares, each with the default "none"'),
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
      v.description('maximum of concurrent executions in QUEUED and PARALLEL mode; if absent, the limit of AWS'),
    ),
  ),
  seconds: v.optional(v.pipe(v.number(), v.minValue(0), v.description('the minimum duration of a build')), 0),
  deploys: v.optional(
    v.pipe(v.array(serviceSchema), v.description('services that the pipeline deploys with the built image')),
    [],
  ),
  faults: v.optional(
    v.strictObject({
      alwaysFails: v.optional(v.boolean(), false),
      failsFirst: v.optional(
        v.pipe(v.integer(), v.minValue(0), v.description('the number of builds that fail before one succeeds')),
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
  distribution: v.optional(
    v.pipe(v.picklist(['debian', 'alpine']), v.description('if absent, the archives of all distributions have it')),
  ),
});
