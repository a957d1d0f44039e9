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
