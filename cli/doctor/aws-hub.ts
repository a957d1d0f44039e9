import {
  type CloudFormationClient,
  DescribeStacksCommand,
  paginateListStackResources,
  type Stack,
} from '@aws-sdk/client-cloudformation';
import { type CloudWatchClient, DescribeAlarmsCommand, paginateGetMetricData } from '@aws-sdk/client-cloudwatch';
import { DescribeContinuousBackupsCommand, DescribeTableCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DescribeRuleCommand, type EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { DescribeKeyCommand, GetKeyPolicyCommand, type KMSClient } from '@aws-sdk/client-kms';
import { GetEventSourceMappingCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import {
  DescribeExecutionCommand,
  GetExecutionHistoryCommand,
  ListExecutionsCommand,
  ListMapRunsCommand,
  type SFNClient,
} from '@aws-sdk/client-sfn';
import { paginateListSubscriptionsByTopic, type SNSClient } from '@aws-sdk/client-sns';
import { GetQueueAttributesCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { isNamed } from '../../shared/adapters/refusal.ts';
import { mapConcurrently } from '../../shared/concurrency.ts';
import { asking } from './asking.ts';
import type {
  AlarmDescription,
  CallbackCounts,
  KeyDescription,
  MappingDescription,
  QueueDescription,
  RuleDescription,
  StackDescription,
  StackResource,
  TableDescription,
  TopicDescription,
} from './installation.ts';
import type { HubReads } from './ports.ts';

export interface HubClients {
  readonly dynamo: DynamoDBClient;
  readonly events: EventBridgeClient;
  readonly kms: KMSClient;
  readonly lambda: LambdaClient;
  readonly cloudFormation: CloudFormationClient;
  readonly cloudWatch: CloudWatchClient;
  readonly sfn: SFNClient;
  readonly sns: SNSClient;
  readonly sqs: SQSClient;
}

const READS_AT_ONCE = 8;
/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html */
const ALARMS_A_CALL = 100;
/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html */
const QUERIES_A_CALL = 500;
/** Number of the last cascades, maps and children to read. */
const MOST_READ = 5;
const HISTORY_EVENTS = 1000;
/** SQS measures once a minute; CloudWatch shows the value some minutes later. */
const MEASURED_WITHIN_MS = 15 * 60_000;

/** Reads the hub with the given clients' credentials. */
export class AwsHub implements HubReads {
  readonly #name: string;
  readonly #clients: HubClients;
  readonly #clock: () => number;

  constructor(name: string, clients: HubClients, clock: () => number) {
    this.#name = name;
    this.#clients = clients;
    this.#clock = clock;
  }

  async stack(): Promise<StackDescription | undefined> {
    const { cloudFormation } = this.#clients;
    const { Stacks = [] } = await asking('cloudformation:DescribeStacks', () =>
      cloudFormation.send(new DescribeStacksCommand({ StackName: this.#name })),
    ).catch((error: unknown) => {
      // https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html: a ValidationError.
      if (error instanceof Error && /does not exist/.test(error.message)) return { Stacks: [] };
      throw error;
    });
    return Stacks[0] && stackDescription(Stacks[0]);
  }

  async resources(): Promise<readonly StackResource[]> {
    const { cloudFormation: client } = this.#clients;
    return asking('cloudformation:ListStackResources', async () => {
      const resources: StackResource[] = [];
      for await (const { StackResourceSummaries = [] } of paginateListStackResources(
        { client },
        { StackName: this.#name },
      )) {
        resources.push(
          ...StackResourceSummaries.map(({ LogicalResourceId, ResourceType, PhysicalResourceId }) => ({
            logicalId: LogicalResourceId ?? '',
            type: ResourceType ?? '',
            physicalId: PhysicalResourceId ?? '',
          })),
        );
      }
      return resources;
    });
  }

  async queues(queues: readonly StackResource[]): Promise<readonly QueueDescription[]> {
    const counted = await mapConcurrently(queues, READS_AT_ONCE, (queue) => this.#waiting(queue));
    const waiting = counted.filter((queue) => queue.waiting > 0 && !queue.logicalId.endsWith('DeadLetters'));
    const ages = await this.#oldestSeconds(waiting.map(({ name }) => name));
    return counted.map((queue) => {
      const oldestSeconds = ages.get(queue.name);
      return { ...queue, ...(oldestSeconds !== undefined && { oldestSeconds }) };
    });
  }

  async #waiting({ logicalId, physicalId: QueueUrl }: StackResource): Promise<QueueDescription> {
    const { Attributes = {} } = await asking('sqs:GetQueueAttributes', () =>
      this.#clients.sqs.send(
        new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['ApproximateNumberOfMessages'] }),
      ),
    );
    const name = QueueUrl.slice(QueueUrl.lastIndexOf('/') + 1);
    return { logicalId, name, waiting: Number(Attributes.ApproximateNumberOfMessages ?? 0) };
  }

  /** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html */
  async #oldestSeconds(names: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const ages = new Map<string, number>();
    if (names.length === 0) return ages;
    const { cloudWatch: client } = this.#clients;
    const now = this.#clock();
    const queries = names.slice(0, QUERIES_A_CALL).map((name, at) => ({
      Id: `q${at}`,
      MetricStat: {
        Metric: {
          Namespace: 'AWS/SQS',
          MetricName: 'ApproximateAgeOfOldestMessage',
          Dimensions: [{ Name: 'QueueName', Value: name }],
        },
        Period: 60,
        Stat: 'Maximum',
      },
    }));
    await asking('cloudwatch:GetMetricData', async () => {
      for await (const { MetricDataResults = [] } of paginateGetMetricData(
        { client },
        {
          MetricDataQueries: queries,
          StartTime: new Date(now - MEASURED_WITHIN_MS),
          EndTime: new Date(now),
          ScanBy: 'TimestampDescending',
        },
      )) {
        for (const { Id = '', Values: [latest] = [] } of MetricDataResults) {
          const name = names[Number(Id.slice(1))];
          if (name !== undefined && latest !== undefined && !ages.has(name)) ages.set(name, latest);
        }
      }
    });
    return ages;
  }

  async alarms(names: readonly string[]): Promise<readonly AlarmDescription[]> {
    const found = new Map<string, AlarmDescription>();
    for (let from = 0; from < names.length; from += ALARMS_A_CALL) {
      const { MetricAlarms = [], CompositeAlarms = [] } = await asking('cloudwatch:DescribeAlarms', () =>
        this.#clients.cloudWatch.send(
          new DescribeAlarmsCommand({
            AlarmNames: names.slice(from, from + ALARMS_A_CALL),
            AlarmTypes: ['CompositeAlarm', 'MetricAlarm'],
            MaxRecords: ALARMS_A_CALL,
          }),
        ),
      );
      for (const { AlarmName: name = '', AlarmActions = [], ActionsEnabled, StateValue } of [
        ...MetricAlarms,
        ...CompositeAlarms,
      ])
        found.set(name, {
          name,
          exists: true,
          actions: AlarmActions,
          actionsEnabled: ActionsEnabled !== false,
          isRinging: StateValue === 'ALARM',
        });
    }
    const missing = { exists: false, actions: [], actionsEnabled: false, isRinging: false };
    return names.map((name) => found.get(name) ?? { name, ...missing });
  }

  /** https://docs.aws.amazon.com/sns/latest/api/API_ListSubscriptionsByTopic.html */
  async topics(arns: readonly string[]): Promise<readonly TopicDescription[]> {
    const { sns: client } = this.#clients;
    return mapConcurrently(arns, READS_AT_ONCE, async (arn): Promise<TopicDescription> => {
      let confirmed = 0;
      try {
        await asking('sns:ListSubscriptionsByTopic', async () => {
          for await (const { Subscriptions = [] } of paginateListSubscriptionsByTopic({ client }, { TopicArn: arn }))
            confirmed += Subscriptions.filter(({ SubscriptionArn }) => SubscriptionArn?.startsWith('arn:')).length;
        });
      } catch (error) {
        if (!isNamed(error, 'NotFoundException')) throw error;
        return { arn, exists: false, confirmed: 0 };
      }
      return { arn, exists: true, confirmed };
    });
  }

  async rules(rules: readonly StackResource[], hubBus: string): Promise<readonly RuleDescription[]> {
    return mapConcurrently(rules, READS_AT_ONCE, async ({ logicalId, physicalId }): Promise<RuleDescription> => {
      const { name, bus } = ruleIn(physicalId);
      // An id without a bus may belong to a rule on either bus.
      for (const candidate of bus === undefined ? [undefined, hubBus] : [bus]) {
        const { State } = await asking('events:DescribeRule', () =>
          this.#clients.events.send(new DescribeRuleCommand({ Name: name, EventBusName: candidate })),
        ).catch(absent);
        if (State === undefined) continue;
        const state = State === 'DISABLED' ? 'disabled' : 'enabled';
        return { logicalId, name, ...(candidate !== undefined && { bus: candidate }), state };
      }
      return { logicalId, name, ...(bus !== undefined && { bus }), state: 'gone' };
    });
  }

  async mappings(mappings: readonly StackResource[]): Promise<readonly MappingDescription[]> {
    return mapConcurrently(
      mappings,
      READS_AT_ONCE,
      async ({ logicalId, physicalId: id }): Promise<MappingDescription> => {
        const { State: state } = await asking('lambda:GetEventSourceMapping', () =>
          this.#clients.lambda.send(new GetEventSourceMappingCommand({ UUID: id })),
        ).catch(absent);
        return { logicalId, id, ...(state !== undefined && { state }) };
      },
    );
  }

  async key(arn: string, TableName: string): Promise<KeyDescription> {
    const { kms, dynamo } = this.#clients;
    const [key, policy, table] = await Promise.all([
      asking('kms:DescribeKey', () => kms.send(new DescribeKeyCommand({ KeyId: arn }))),
      asking('kms:GetKeyPolicy', () => kms.send(new GetKeyPolicyCommand({ KeyId: arn, PolicyName: 'default' }))),
      asking('dynamodb:DescribeTable', () => dynamo.send(new DescribeTableCommand({ TableName }))),
    ]);
    // https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_SSEDescription.html
    const lostAt = table.Table?.SSEDescription?.InaccessibleEncryptionDateTime?.getTime();
    return {
      arn,
      state: key.KeyMetadata?.KeyState ?? 'unknown',
      policy: policy.Policy ?? '',
      ...(lostAt !== undefined && { ledgerLostAtEpochMs: lostAt }),
    };
  }

  /** https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DescribeContinuousBackups.html */
  async table(TableName: string): Promise<TableDescription> {
    const { dynamo } = this.#clients;
    const name = TableName;
    try {
      const { Table } = await asking('dynamodb:DescribeTable', () =>
        dynamo.send(new DescribeTableCommand({ TableName })),
      );
      const { ContinuousBackupsDescription: backups } = await asking('dynamodb:DescribeContinuousBackups', () =>
        dynamo.send(new DescribeContinuousBackupsCommand({ TableName })),
      );
      const isRestorable = backups?.PointInTimeRecoveryDescription?.PointInTimeRecoveryStatus === 'ENABLED';
      return { name, status: Table?.TableStatus ?? 'unknown', isRestorable };
    } catch (error) {
      if (!isNamed(error, 'ResourceNotFoundException', 'TableNotFoundException')) throw error;
      return { name, isRestorable: false };
    }
  }

  async callbacks(machineArn: string): Promise<CallbackCounts> {
    const { sfn } = this.#clients;
    const newest = async (of: { stateMachineArn: string } | { mapRunArn: string }): Promise<readonly string[]> => {
      const { executions = [] } = await asking('states:ListExecutions', () =>
        sfn.send(new ListExecutionsCommand({ ...of, maxResults: MOST_READ })),
      );
      return executions.map(({ executionArn = '' }) => executionArn);
    };
    let description: CallbackCounts = { answered: 0, lapsed: 0 };
    for (const executionArn of await newest({ stateMachineArn: machineArn })) {
      const { mapRuns = [] } = await asking('states:ListMapRuns', () =>
        sfn.send(new ListMapRunsCommand({ executionArn, maxResults: MOST_READ })),
      );
      for (const { mapRunArn = '' } of mapRuns)
        for (const child of await newest({ mapRunArn })) description = await this.#withChild(description, child);
      if (description.answered > 0) break;
    }
    return description;
  }

  /** https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html */
  async #withChild({ answered, lapsed }: CallbackCounts, executionArn: string): Promise<CallbackCounts> {
    const { events = [] } = await asking('states:GetExecutionHistory', () =>
      this.#clients.sfn.send(new GetExecutionHistoryCommand({ executionArn, maxResults: HISTORY_EVENTS })),
    );
    const isWaiting = (resource: string | undefined) => resource?.endsWith('.waitForTaskToken') === true;
    const taken = events.filter(
      ({ taskSucceededEventDetails: succeeded, taskFailedEventDetails: failed }) =>
        isWaiting(succeeded?.resource) || isWaiting(failed?.resource),
    );
    const late = events.filter(({ taskTimedOutEventDetails: late }) => isWaiting(late?.resource));
    return { answered: answered + taken.length, lapsed: lapsed + late.length };
  }

  async startOf(executionArn: string): Promise<number> {
    const { startDate } = await asking('states:DescribeExecution', () =>
      this.#clients.sfn.send(new DescribeExecutionCommand({ executionArn })),
    );
    return startDate?.getTime() ?? 0;
  }
}

/** A stack as CloudFormation describes it. */
export function stackDescription(stack: Stack): StackDescription {
  const [, , , region = '', account = ''] = (stack.StackId ?? '').split(':');
  return {
    name: stack.StackName ?? '',
    account,
    region,
    status: stack.StackStatus ?? 'unknown',
    outputs: Object.fromEntries((stack.Outputs ?? []).map((one) => [one.OutputKey ?? '', one.OutputValue ?? ''])),
    parameters: Object.fromEntries(
      (stack.Parameters ?? []).map((one) => [one.ParameterKey ?? '', one.ParameterValue ?? '']),
    ),
  };
}

/**
 * The physical id of a rule: `<bus>|<rule>`, or `<rule>` on the default bus.
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-events-rule.html#aws-resource-events-rule-return-values
 */
function ruleIn(physicalId: string): { readonly name: string; readonly bus?: string } {
  const at = physicalId.lastIndexOf('|');
  return at < 0 ? { name: physicalId } : { bus: physicalId.slice(0, at), name: physicalId.slice(at + 1) };
}

function absent(error: unknown): Record<string, undefined> {
  if (isNamed(error, 'ResourceNotFoundException')) return {};
  throw error;
}
