import { readFileSync } from 'node:fs';
import { parseDocument } from 'yaml';

/* What the roles of registry/ may do, and what tells of an import that fails. */

/** Without the short tags: `!Ref X` is `X`. */
const resourcesOf = (file: string) =>
  parseDocument(readFileSync(`registry/${file}`, 'utf8'), { logLevel: 'error' }).toJS().Resources;

interface Statement {
  readonly Sid?: string;
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
}
const statementsOf = (file: string, role: 'BuildRole' | 'PipelineRole'): readonly Statement[] =>
  resourcesOf(file)
    [role].Properties.Policies[0].PolicyDocument.Statement.flat()
    .filter((one: unknown) => typeof one === 'object');

const READ = ['s3:GetObject', 's3:GetObjectVersion'];
test.each([
  ['import.yaml', 'BuildRole', READ],
  ['import.yaml', 'PipelineRole', [...READ, 's3:PutObject']],
  ['pipeline.yaml', 'BuildRole', READ],
  ['pipeline.yaml', 'PipelineRole', [...READ, 's3:PutObject']],
] as const)('in %s the %s reaches the artifacts of its own pipeline only', (file, role, actions) => {
  const found = statementsOf(file, role).filter(({ Action }) => JSON.stringify(Action).includes('s3:'));
  expect(found.map(({ Action }) => Action)).toEqual([actions]);
  expect(JSON.stringify(found[0]?.Resource)).toMatch(/:s3:::\$\{Bucket\}\/\$\{AWS::StackName\}\/\*"/);
  expect(resourcesOf(file).Pipeline.Properties.Name).toBe('AWS::StackName');
});

test('a build lists the tags of its own repository only', () => {
  const listing = statementsOf('pipeline.yaml', 'BuildRole').filter(({ Action }) => Action === 'ecr:ListImages');
  expect(listing).toMatchObject([{ Resource: expect.stringMatching(/:repository\/\$\{Repository\}$/) }]);
});

test('an import that fails is published to the topic, if there is one', () => {
  expect(resourcesOf('import.yaml').Failures).toMatchObject({
    Type: 'AWS::Events::Rule',
    Condition: 'Tells',
    Properties: {
      EventPattern: { source: ['aws.codepipeline'], detail: { pipeline: ['Pipeline'], state: ['FAILED'] } },
      Targets: [{ Arn: 'FailureTopicArn' }],
    },
  });
});

/** What a template says of a repository, or of the repositories that Amazon ECR creates by itself. */
interface Repository {
  readonly ImageTagMutability: string;
  readonly ImageTagMutabilityExclusionFilters?: readonly { readonly ImageTagMutabilityExclusionFilterValue: string }[];
  readonly policy: readonly Record<string, unknown>[];
}
const repositoryOf = ({ Properties }: { readonly Properties: Record<string, unknown> }): Repository => {
  const text = (Properties.RepositoryPolicyText ?? Properties.RepositoryPolicy) as Record<string, unknown>;
  const { Statement } = (text['Fn::ToJsonString'] ?? text) as { readonly Statement: Repository['policy'] };
  return { ...(Properties as unknown as Repository), policy: Statement };
};
const registry = resourcesOf('registry.yaml');
const imports = resourcesOf('import.yaml');
const REPOSITORIES: readonly [string, Repository, readonly string[] | undefined][] = [
  ['shared', registry['Fn::ForEach::Shared'][2]['Repository&{Repository}'], ['stable', 'stable-candidate']],
  ['created shared', registry['Fn::ForEach::Templates'][2][`Template\${Prefix}`], ['stable', 'stable-candidate']],
  ['application', registry['Fn::ForEach::Applications'][2]['Repository&{Repository}'], undefined],
  ['created application', registry.ApplicationTemplate, undefined],
  [
    'imported',
    imports['Fn::ForEach::Imports'][2]['Repository&{Repository}'],
    ['stable', 'stable-candidate', 'upstream-*'],
  ],
].map(([name, resource, moving]) => [name, repositoryOf(resource), moving]);

test.each(REPOSITORIES)('in %s repositories only the moving tags may move', (_, repository, moving) => {
  expect(repository.ImageTagMutability).toBe(moving ? 'IMMUTABLE_WITH_EXCLUSION' : 'IMMUTABLE');
  const filters = repository.ImageTagMutabilityExclusionFilters;
  expect(filters?.map((one) => one.ImageTagMutabilityExclusionFilterValue)).toEqual(moving);
});

test.each(REPOSITORIES)(
  'from %s repositories the organization pulls, and one path of roles pushes',
  (_, { policy }) => {
    const [pulls, pushes, tags, ...more] = policy;
    expect(more).toEqual([]);
    expect(pulls).toEqual({
      ...{ Sid: 'OrganizationPulls', Effect: 'Allow', Principal: '*' },
      Action: ['ecr:BatchCheckLayerAvailability', 'ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'],
      Condition: { StringEquals: { 'aws:PrincipalOrgID': 'OrganizationId' } },
    });
    const role = expect.stringMatching(/:role\/registry-build\/(\$\{Repository\}|\$\{Prefix\}|apps|upstream)\/\*$/);
    expect(pushes).toMatchObject({
      ...{ Effect: 'Deny', Principal: '*' },
      Action: ['ecr:InitiateLayerUpload', 'ecr:UploadLayerPart', 'ecr:CompleteLayerUpload'],
      Condition: { ArnNotLike: { 'aws:PrincipalArn': role } },
    });
    expect(tags).toMatchObject({ Effect: 'Deny', Principal: '*', Action: 'ecr:PutImage' });
    const patchwave = expect.stringMatching(/:role\/\$\{Act(Build|Protect)RoleName\}$/);
    const [first, ...others] = (tags as { Condition: { ArnNotLike: { 'aws:PrincipalArn': string[] } } }).Condition
      .ArnNotLike['aws:PrincipalArn'];
    expect(first).toEqual(role);
    expect(others.length).toBeGreaterThan(0);
    for (const other of others) expect(other).toEqual(patchwave);
  },
);

test.each([
  ['pipeline.yaml', /:repository\/\$\{Repository\}$/],
  ['import.yaml', /:repository\/upstream\/\*$/],
])('the build of %s writes to its own repositories only', (file, own) => {
  const WRITES = /ecr:(?!(BatchCheckLayerAvailability|BatchGetImage|GetDownloadUrlForLayer|GetAuthorizationToken)\b)/;
  const writes = statementsOf(file, 'BuildRole').filter(({ Action }) => WRITES.test([Action].flat().join()));
  expect(writes.length).toBeGreaterThan(0);
  for (const { Resource } of writes) expect([Resource].flat()).toEqual([expect.stringMatching(own)]);
});

test('one import runs at a time', () => {
  expect(imports.Project.Properties.ConcurrentBuildLimit).toBe(1);
  expect(imports.Pipeline.Properties.ExecutionMode).toBe('QUEUED');
});

test('the schedule names the pipeline itself, which EventBridge Scheduler starts without an input', () => {
  const { Target } = imports.Daily.Properties;
  expect(Target).toEqual({
    Arn: expect.stringMatching(/:codepipeline:.*:\$\{Pipeline\}$/),
    RoleArn: 'StartRole.Arn',
  });
  expect(imports.StartRole.Properties.Policies[0].PolicyDocument.Statement).toEqual([
    { Effect: 'Allow', Action: 'codepipeline:StartPipelineExecution', Resource: Target.Arn },
  ]);
});
