import {
  type CodePipelineClient,
  ListActionExecutionsCommand,
  paginateListPipelines,
} from '@aws-sdk/client-codepipeline';
import {
  ListTagsForResourceCommand,
  paginateDescribePullThroughCacheRules,
  paginateDescribeRepositories,
} from '@aws-sdk/client-ecr';
import { ecrClients, type MemberAccess, pipelineClients } from '../../shared/adapters/clients.ts';
import { EcrRegistry } from '../../shared/adapters/ecr-registry.ts';
import { clusterSources, workloadSources } from '../../shared/adapters/workload-sources.ts';
import { type Digest, type ImageLocation, isDigest, type Registry } from '../../shared/domain/image/image.ts';
import type { ProposalSources, RepositoryRow } from './sources.ts';

/** The most that DescribeRepositories and DescribePullThroughCacheRules list in a page. */
const ROWS_A_PAGE = 1000;
/** The most that ListActionExecutions lists in a page, newest first: the last runs of a pipeline. */
const ACTIONS_A_PAGE = 100;

/** Reads accounts with the credentials of the caller, or of a role that the caller may assume there. */
export function awsSources(access: MemberAccess, partition: string): ProposalSources {
  const ecr = ecrClients(access);
  const codePipeline = pipelineClients(access);
  return {
    registry: new EcrRegistry(ecr),
    workloads: [...workloadSources(access), ...clusterSources(access)],

    async *repositories(place: Registry): AsyncIterable<readonly RepositoryRow[]> {
      for await (const { repositories = [] } of paginateDescribeRepositories(
        { client: ecr(place), pageSize: ROWS_A_PAGE },
        {},
      ))
        yield repositories.flatMap(({ repositoryName, createdAt }) =>
          repositoryName === undefined
            ? []
            : [{ repository: repositoryName, ...(createdAt && { createdAtEpochMs: createdAt.getTime() }) }],
        );
    },

    async resourceTags({ repository, ...place }: ImageLocation) {
      const resourceArn = `arn:${partition}:ecr:${place.region}:${place.account}:repository/${repository}`;
      const { tags = [] } = await ecr(place).send(new ListTagsForResourceCommand({ resourceArn }));
      return Object.fromEntries(tags.flatMap(({ Key, Value }) => (Key === undefined ? [] : [[Key, Value ?? '']])));
    },

    async caches(place: Registry) {
      const prefixes: string[] = [];
      const pages = paginateDescribePullThroughCacheRules({ client: ecr(place), pageSize: ROWS_A_PAGE }, {});
      for await (const { pullThroughCacheRules = [] } of pages)
        prefixes.push(...pullThroughCacheRules.flatMap(({ ecrRepositoryPrefix }) => ecrRepositoryPrefix ?? []));
      return prefixes;
    },

    async *pipelines(place: Registry) {
      for await (const { pipelines = [] } of paginateListPipelines({ client: codePipeline(place) }, {}))
        yield pipelines.flatMap(({ name }) => name ?? []);
    },

    pushedBy: (place: Registry, name: string) => pushedBy(codePipeline(place), name),
  };
}

async function pushedBy(client: CodePipelineClient, pipelineName: string): Promise<readonly Digest[]> {
  const command = new ListActionExecutionsCommand({ pipelineName, maxResults: ACTIONS_A_PAGE });
  const { actionExecutionDetails = [] } = await client.send(command);
  const values = actionExecutionDetails
    .filter(({ status }) => status === 'Succeeded')
    // A source action names what the run began with, and not what it pushed.
    .filter(({ input }) => input?.actionTypeId?.category !== 'Source')
    .flatMap(({ output }) => Object.values(output?.outputVariables ?? {}));
  return [...new Set(values.flatMap((value) => [value, value.split('@')[1]]).filter(isDigest))];
}
