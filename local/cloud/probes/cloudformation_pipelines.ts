import assert from 'node:assert/strict';
import { CloudFormationClient, DeleteStackCommand, UpdateStackCommand } from '@aws-sdk/client-cloudformation';
import {
  CodePipelineClient,
  GetPipelineExecutionCommand,
  ListPipelineExecutionsCommand,
  StartPipelineExecutionCommand,
} from '@aws-sdk/client-codepipeline';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { createStack } from '../../stack.ts';
import type { PipelineJob, ProjectBuild } from '../admin-types.ts';
import { eventually, type ProbeCloud } from '../probe.ts';

const role = (service: string, statement: object) => ({
  Type: 'AWS::IAM::Role',
  Properties: {
    AssumeRolePolicyDocument: {
      Version: '2012-10-17',
      Statement: [
        {
          ...{ Effect: 'Allow', Principal: { Service: service }, Action: 'sts:AssumeRole' },
          Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
        },
      ],
    },
    Policies: [{ PolicyName: 'own', PolicyDocument: { Version: '2012-10-17', Statement: [statement] } }],
  },
});

const template = (name: string, started: string) => ({
  Parameters: { Tag: { Type: 'String' } },
  Resources: {
    BuildRole: role('codebuild.amazonaws.com', { Effect: 'Allow', Action: 'ecr:*', Resource: '*' }),
    PipelineRole: role('codepipeline.amazonaws.com', { Effect: 'Allow', Action: started, Resource: '*' }),
    Project: {
      Type: 'AWS::CodeBuild::Project',
      Properties: {
        ServiceRole: { 'Fn::GetAtt': ['BuildRole', 'Arn'] },
        Artifacts: { Type: 'CODEPIPELINE' },
        Source: { Type: 'CODEPIPELINE' },
        Environment: {
          ...{ Type: 'LINUX_CONTAINER', ComputeType: 'BUILD_GENERAL1_SMALL', Image: 'aws/codebuild/standard:7.0' },
          EnvironmentVariables: [
            { Name: 'TAG', Value: { Ref: 'Tag' } },
            { Name: 'ID', Value: 'of the project' },
          ],
        },
      },
    },
    Pipeline: {
      Type: 'AWS::CodePipeline::Pipeline',
      Properties: {
        ...{
          Name: name,
          PipelineType: 'V2',
          ExecutionMode: 'QUEUED',
          RoleArn: { 'Fn::GetAtt': ['PipelineRole', 'Arn'] },
        },
        ArtifactStore: { Type: 'S3', Location: 'artifacts' },
        Variables: [{ Name: 'ID', DefaultValue: 'none' }],
        Stages: [
          {
            Name: 'Source',
            Actions: [
              {
                ...{ Name: 'Source', Namespace: 'Source', OutputArtifacts: [{ Name: 'source' }] },
                ActionTypeId: { Category: 'Source', Owner: 'AWS', Provider: 'CodeStarSourceConnection', Version: '1' },
                Configuration: { ConnectionArn: 'arn', FullRepositoryId: 'org/images', BranchName: 'main' },
              },
            ],
          },
          {
            Name: 'Build',
            Actions: [
              {
                ...{ Name: 'Build', Namespace: 'Build', InputArtifacts: [{ Name: 'source' }] },
                ActionTypeId: { Category: 'Build', Owner: 'AWS', Provider: 'CodeBuild', Version: '1' },
                Configuration: {
                  ProjectName: { Ref: 'Project' },
                  EnvironmentVariables: '[{"name": "ID", "value": "#{variables.ID}"}]',
                },
              },
            ],
          },
        ],
      },
    },
  },
});

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const cloudFormation = new CloudFormationClient(cloud.config);
  const pipelines = new CodePipelineClient(cloud.config);
  const [name, pipeline] = [cloud.unique('stack'), cloud.unique('declared')];
  const body = JSON.stringify(template(pipeline, 'codebuild:StartBuild'));
  await createStack(cloudFormation, { name, template: { body }, parameters: { Tag: 'one' } });
  const start = async (): Promise<PipelineJob> => {
    await pipelines.send(
      new StartPipelineExecutionCommand({ name: pipeline, variables: [{ name: 'ID', value: '7' }] }),
    );
    const job = await cloud.admin.takeJob(2000);
    assert.equal(job?.pipeline, pipeline);
    return job as PipelineJob;
  };

  const job = await start();
  const { environment, credentials, source } = job.build as ProjectBuild;
  assert.deepEqual(environment, { TAG: 'one', ID: '#{variables.ID}' });
  assert.deepEqual(job.variables, { ID: '7' });
  assert.equal(source.FullRepositoryId, 'org/images');
  const { Arn = '' } = await new STSClient({ ...cloud.config, credentials }).send(new GetCallerIdentityCommand({}));
  assert.match(Arn, /:assumed-role\/.*BuildRole/);
  await cloud.admin.reportJob(job, { status: 'Succeeded', outputVariables: { IMAGE_DIGEST: 'sha256:1' } });
  const { pipelineExecution } = await pipelines.send(
    new GetPipelineExecutionCommand({ pipelineName: pipeline, pipelineExecutionId: job.executionId }),
  );
  assert.equal(pipelineExecution?.status, 'Succeeded');

  // A change of the project counts for the next build; a pipeline that may not start it builds nothing.
  const Parameters = [{ ParameterKey: 'Tag', ParameterValue: 'two' }];
  const Capabilities = ['CAPABILITY_IAM' as const];
  await cloudFormation.send(new UpdateStackCommand({ StackName: name, TemplateBody: body, Parameters, Capabilities }));
  const changed = await eventually(async () => {
    const again = await start();
    await cloud.admin.reportJob(again, { status: 'Succeeded' });
    const { build } = again;
    return (build as ProjectBuild).environment.TAG === 'two' ? build : undefined;
  }, 'a build in the changed project');
  assert.ok(changed);
  const forbidden = { name: cloud.unique('stack'), pipeline: cloud.unique('declared') };
  await createStack(cloudFormation, {
    name: forbidden.name,
    template: { body: JSON.stringify(template(forbidden.pipeline, 'codebuild:StopBuild')) },
    parameters: { Tag: 'one' },
  });
  await pipelines.send(new StartPipelineExecutionCommand({ name: forbidden.pipeline }));
  const denied = await eventually(async () => {
    const taken = await cloud.admin.takeJob(1000);
    return taken?.pipeline === forbidden.pipeline ? taken : undefined;
  }, 'the forbidden build');
  assert.match((denied.build as { readonly denied: string }).denied, /not authorized.*codebuild:StartBuild/);

  await cloudFormation.send(new DeleteStackCommand({ StackName: name }));
  await eventually(
    () =>
      pipelines.send(new ListPipelineExecutionsCommand({ pipelineName: pipeline })).then(
        () => undefined,
        ({ name: error }: Error) => (error === 'PipelineNotFoundException' ? error : undefined),
      ),
    'the deletion of the pipeline',
  );
}
