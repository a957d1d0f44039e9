import { paginateDescribeStacks } from '@aws-sdk/client-cloudformation';
import { paginateGetMetricData } from '@aws-sdk/client-cloudwatch';
import { GetAccountSettingsCommand } from '@aws-sdk/client-lambda';
import { mapConcurrently } from '../../shared/concurrency.ts';
import { clusterPatterns } from '../../shared/domain/admission/enrolled-clusters.ts';
import { DAY_MS } from '../../shared/domain/common/time.ts';
import { asking } from './asking.ts';
import { AwsHub, type HubClients, stackDescription } from './aws-hub.ts';
import {
  type ConcurrencyDescription,
  DOOR_TEMPLATES,
  type DoorStackDescription,
  type DoorTemplate,
  type StackDescription,
} from './installation.ts';
import type { DoorReads } from './ports.ts';
import { reading } from './reading.ts';

const READS_AT_ONCE = 4;

/** Finds the stacks of doors by their parameters, because a person chooses their names. */
export class AwsDoors implements DoorReads {
  readonly #clientsIn: (region: string) => HubClients;
  readonly #clock: () => number;

  constructor(clientsIn: (region: string) => HubClients, clock: () => number) {
    this.#clientsIn = clientsIn;
    this.#clock = clock;
  }

  async stacks(region: string, ledgerTable: string): Promise<readonly DoorStackDescription[]> {
    const clients = this.#clientsIn(region);
    const { cloudFormation: client } = clients;
    const found: [StackDescription, DoorTemplate][] = [];
    // Without a name the answer has every stack that is not deleted.
    // https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html
    await asking('cloudformation:DescribeStacks', async () => {
      for await (const { Stacks = [] } of paginateDescribeStacks({ client }, {})) {
        for (const stack of Stacks.map(stackDescription)) {
          const template = doorTemplateOf(stack, ledgerTable);
          if (template !== undefined) found.push([stack, template]);
        }
      }
    });
    const hasWebhook = found.some(([, template]) => template === 'doors.yaml');
    const quota = hasWebhook ? reading(() => this.#concurrencyIn(clients)) : undefined;
    return mapConcurrently(found, READS_AT_ONCE, async ([{ name, status, outputs, parameters }, template]) => {
      const { TemplateVersion: version } = outputs;
      const { Clusters: clusters } = parameters;
      const hub = new AwsHub(name, clients, this.#clock);
      const alarms = await reading(async () => {
        const resources = await hub.resources();
        return hub.alarms(
          resources.flatMap(({ type, physicalId }) => (type === 'AWS::CloudWatch::Alarm' ? physicalId : [])),
        );
      });
      const concurrency = template === 'doors.yaml' ? await quota : undefined;
      return {
        template,
        name,
        region,
        status,
        alarms,
        ...(version !== undefined && { version }),
        ...(concurrency && { concurrency }),
        ...(template === 'door-publisher.yaml' && { clusters: clusterPatterns(clusters ?? '') }),
      };
    });
  }

  /** https://docs.aws.amazon.com/lambda/latest/api/API_GetAccountSettings.html */
  async #concurrencyIn({ lambda, cloudWatch: client }: HubClients): Promise<ConcurrencyDescription> {
    const { AccountLimit = {} } = await asking('lambda:GetAccountSettings', () =>
      lambda.send(new GetAccountSettingsCommand({})),
    );
    const { ConcurrentExecutions: quota = 0, UnreservedConcurrentExecutions: unreserved = quota } = AccountLimit;
    const now = this.#clock();
    const peaks: number[] = [];
    await asking('cloudwatch:GetMetricData', async () => {
      // Without a dimension it counts all functions of the Region.
      // https://docs.aws.amazon.com/lambda/latest/dg/monitoring-concurrency.html
      const Metric = { Namespace: 'AWS/Lambda', MetricName: 'ConcurrentExecutions' };
      for await (const { MetricDataResults = [] } of paginateGetMetricData(
        { client },
        {
          MetricDataQueries: [{ Id: 'peak', MetricStat: { Metric, Period: 3600, Stat: 'Maximum' } }],
          StartTime: new Date(now - DAY_MS),
          EndTime: new Date(now),
        },
      ))
        peaks.push(...MetricDataResults.flatMap(({ Values = [] }) => Values));
    });
    return { quota, unreserved, ...(peaks.length > 0 && { peak: Math.max(...peaks) }) };
  }
}

/** @returns nothing for a stack of another template, or of another hub */
const doorTemplateOf = ({ parameters }: StackDescription, ledgerTable: string): DoorTemplate | undefined =>
  DOOR_TEMPLATES.find(
    ({ parameter, ledger }) => parameters[parameter] !== undefined && parameters[ledger] === ledgerTable,
  )?.template;
