import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { SetAlarmStateCommand } from '@aws-sdk/client-cloudwatch';
import { beforeAll } from '@jest/globals';
import { AwsDoors } from '../../cli/doctor/aws-doors.ts';
import { hubClients } from '../../cli/doctor/connect.ts';
import { createStack } from '../../local/stack.ts';
import { useCloud } from '../support/cloud.ts';
import { DOOR, doorReadsContract, LEDGER_TABLE, REGION } from './door-reads.contract.ts';

const ACCOUNT = '111122223333';

const templateWith = (AlarmName: string): string =>
  JSON.stringify({
    Parameters: { LedgerTableName: { Type: 'String' }, PathSecretHash: { Type: 'String' } },
    Resources: {
      Alarm: {
        Type: 'AWS::CloudWatch::Alarm',
        Properties: {
          ...{
            AlarmName,
            Namespace: 'Contract',
            MetricName: 'Any',
            Statistic: 'Sum',
            Period: 60,
            EvaluationPeriods: 1,
          },
          ...{ TreatMissingData: 'ignore', ComparisonOperator: 'GreaterThanThreshold', Threshold: 0 },
          AlarmActions: [`arn:aws:sns:${REGION}:${ACCOUNT}:topic`],
        },
      },
    },
    Outputs: { TemplateVersion: { Value: DOOR.version } },
  });

const cloud = useCloud();
let doors: AwsDoors;
beforeAll(async () => {
  const config = cloud().clients(ACCOUNT, REGION);
  const client = new CloudFormationClient(config);
  for (const [name, LedgerTableName, alarm] of [
    [DOOR.name, LEDGER_TABLE, DOOR.alarm],
    ['other-doors', 'another-ledger', 'other-alarm'],
  ] as const)
    await createStack(client, {
      name,
      template: { body: templateWith(alarm) },
      parameters: { LedgerTableName, PathSecretHash: 'a-hash' },
    });
  // A stack of no door.
  const plain = { Resources: { Queue: { Type: 'AWS::SQS::Queue' } } };
  await createStack(client, { name: 'plain', template: { body: JSON.stringify(plain) }, parameters: {} });
  await hubClients(config).cloudWatch.send(
    new SetAlarmStateCommand({ AlarmName: DOOR.alarm, StateValue: 'ALARM', StateReason: 'a test' }),
  );
  doors = new AwsDoors((region) => hubClients(cloud().clients(ACCOUNT, region)), Date.now);
});

doorReadsContract(() => doors);
