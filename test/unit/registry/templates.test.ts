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
const ofBuild = (file: string): readonly Statement[] =>
  resourcesOf(file)
    .BuildRole.Properties.Policies[0].PolicyDocument.Statement.flat()
    .filter((one: unknown) => typeof one === 'object');

test.each(['import.yaml', 'pipeline.yaml'])('the build of %s reads its own artifacts only, and writes none', (file) => {
  const found = ofBuild(file).find(({ Sid }) => Sid === 'Artifacts');
  expect(found?.Action).toEqual(['s3:GetObject', 's3:GetObjectVersion']);
  expect(JSON.stringify(found?.Resource)).toMatch(/\$\{Bucket\}\/\$\{AWS::StackName\}\/\*"/);
  expect(resourcesOf(file).Pipeline.Properties.Name).toBe('AWS::StackName');
});

test('a build lists the tags of its own repository only', () => {
  const listing = ofBuild('pipeline.yaml').filter(({ Action }) => Action === 'ecr:ListImages');
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
