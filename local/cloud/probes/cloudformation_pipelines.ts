import assert from 'node:assert/strict';
import { CloudFormationClient, DeleteStackCommand, UpdateStackCommand } from '@aws-sdk/client-cloudformation';
import {
  CodePipelineClient,
  GetPipelineExecutionCommand,
  ListActionExecutionsCommand,
  ListPipelineExecutionsCommand,
  StartPipelineExecutionCommand,
} from '@aws-sdk/client-codepipeline';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { createStack } from '../../stack.ts';
import type { PipelineJob, ProjectBuild } from '../admin-types.ts';
import { eventually, type ProbeCloud } from '../probe.ts';

const role = (service: string, ...statements: readonly object[]) => ({
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
    Policies: [{ PolicyName: 'own', PolicyDocument: { Version: '2012-10-17', Statement: statements } }],
  },
});

const CONNECTION = 'arn:aws:codeconnections:us-east-1:111122223333:connection/0a1b2c3d';
const allow = (Action: string | readonly string[], Resource: string) => ({ Effect: 'Allow', Action, Resource });

const template = (name: string, started = 'codebuild:StartBuild') => ({
  Parameters: { Tag: { Type: 'String' } },
  Resources: {
    BuildRole: role('codebuild.amazonaws.com', allow('s3:GetObject', `arn:aws:s3:::artifacts/${name}/*`)),
    PipelineRole: role(
      'codepipeline.amazonaws.com',
      allow([started, 'codebuild:BatchGetBuilds'], '*'),
      allow('codeconnections:UseConnection', CONNECTION),
      allow('s3:PutObject', 'arn:aws:s3:::artifacts/*'),
    ),
    Project: {
      Type: 'AWS::CodeBuild::Project',
      Properties: {
        ServiceRole: { 'Fn::GetAtt': ['BuildRole', 'Arn'] },
        Artifacts: { Type: 'CODEPIPELINE' },
        Source: { Type: 'CODEPIPELINE', BuildSpec: 'version: 0.2' },
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
                Configuration: { ConnectionArn: CONNECTION, FullRepositoryId: 'org/images', BranchName: 'main' },
              },
            ],
          },
          {
            Name: 'Make',
            Actions: [
              {
                ...{ Name: 'Image', Namespace: 'Build', InputArtifacts: [{ Name: 'source' }] },
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
  const body = JSON.stringify(template(pipeline));
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
  const { environment, credentials, source, buildSpec } = job.build as ProjectBuild;
  assert.equal(buildSpec, 'version: 0.2');
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
  const filter = { pipelineExecutionId: job.executionId };
  const { actionExecutionDetails = [] } = await pipelines.send(
    new ListActionExecutionsCommand({ pipelineName: pipeline, filter }),
  );
  const ran = actionExecutionDetails.map(({ stageName, actionName }) => `${stageName}/${actionName}`);
  assert.deepEqual(ran, ['Make/Image', 'Source/Source']);

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
  const deniedOf = async (refused: string, started?: string): Promise<string> => {
    const body = JSON.stringify(template(refused, started));
    await createStack(cloudFormation, { name: cloud.unique('stack'), template: { body }, parameters: { Tag: 'one' } });
    await pipelines.send(new StartPipelineExecutionCommand({ name: refused }));
    const taken = await eventually(async () => {
      const found = await cloud.admin.takeJob(1000);
      return found?.pipeline === refused ? found : undefined;
    }, 'the refused build');
    return (taken.build as { readonly denied: string }).denied;
  };
  const forbidden = await deniedOf(cloud.unique('forbidden'), 'codebuild:StopBuild');
  assert.match(forbidden, /not authorized.*codebuild:StartBuild/);
  // The folder of the artifacts has the first 20 characters of the name, and the role reads that of the whole name.
  const long = cloud.unique('a-name-that-is-too-long');
  const unread = await deniedOf(long);
  assert.match(unread, new RegExp(`not authorized.*s3:GetObject .*:::artifacts/${long.slice(0, 20)}/source/`));

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
