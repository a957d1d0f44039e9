import { CloudWatchClient, paginateDescribeAlarms } from '@aws-sdk/client-cloudwatch';
import type { Installation } from '../installation.ts';

/** The alarm of the hub that a failed cascade sets off; `undefined` if the stack has none. */
export async function cascadeAlarm({
  cloud,
  fleet,
}: Pick<Installation, 'cloud' | 'fleet'>): Promise<string | undefined> {
  const client = new CloudWatchClient(cloud.clients(fleet.hub.account, fleet.hub.region));
  for await (const { MetricAlarms = [] } of paginateDescribeAlarms({ client }, { AlarmTypes: ['MetricAlarm'] })) {
    const found = MetricAlarms.find(
      ({ MetricName, Dimensions = [] }) =>
        MetricName === 'ExecutionsFailed' &&
        Dimensions.some(({ Name, Value = '' }) => Name === 'StateMachineArn' && Value.includes('rebuild-cascade')),
    );
    if (found?.AlarmName !== undefined) return found.AlarmName;
  }
  return undefined;
}
