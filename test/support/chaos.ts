import { setTimeout as sleep } from 'node:timers/promises';
import { GetQueueAttributesCommand, ListQueuesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { eventually } from '../../local/cloud/probe.ts';
import { troubleOf } from '../../local/demo/trouble.ts';
import { generateDifficultFleet } from '../../local/fleet/difficult.ts';
import type { Fleet } from '../../local/fleet/schema.ts';
import { type Execution, type Installation, install } from '../../local/installation.ts';
import { differences, hubOf, ledgerOf } from './readings.ts';

const LIMIT_MS = 30_000;
const SEED_LIMIT_MS = 300_000;

export interface Reviewed {
  readonly execution: Execution;
  /** The canonical ledger. */
  readonly ledger: string;
  /** Calls that were throttled or broken. */
  readonly troubled: number;
}

/** One review of a fleet in a cloud of its own, on a quiet day or on a bad one, once all its events have come. */
export async function reviewOnce(fleet: Fleet, troubleSeed?: number): Promise<Reviewed> {
  await using installation = await install(fleet, { parameters: { ScanPollSeconds: '1', PlanningState: 'DISABLED' } });
  const { cloud, review } = installation;
  const trouble = troubleSeed === undefined ? undefined : troubleOf(troubleSeed);
  if (trouble) await cloud.admin.setFaults(trouble);
  const execution = await review();
  await cloud.admin.endFaults();
  // A late event may come twice, each time as late as events come.
  await sleep(2 * (trouble?.events?.lateMs ?? 0));
  await scanEventsHandled(installation);
  const calls = await cloud.admin.calls();
  const troubled = calls.reduce((sum, { throttled, failed }) => sum + throttled + failed, 0);
  return { execution, ledger: await ledgerOf(installation), troubled };
}

/** The canonical ledger of a fleet, which two clouds have come to alike. */
export async function knownTwice(fleetOf: () => Fleet | Promise<Fleet>): Promise<string> {
  const [one, other] = await Promise.all([reviewOnce(await fleetOf()), reviewOnce(await fleetOf())]);
  expect(differences(one.ledger, other.ledger)).toEqual([]);
  expect(one.ledger).toBe(other.ledger);
  return one.ledger;
}

/** One test for each seed: a difficult fleet, reviewed on a bad day, is known as it is after a quiet one. */
export function behaveAsOnAQuietDay(seeds: readonly number[]): void {
  test.each(seeds)(
    'a bad day of seed %i ends like a quiet one',
    async (seed) => {
      const fleet = generateDifficultFleet(seed);
      const [quiet, bad] = await Promise.all([reviewOnce(fleet), reviewOnce(fleet, seed)]);
      expect(bad.troubled).toBeGreaterThan(0);
      const { status, error, cause } = bad.execution;
      // Where it ended otherwise, the reader of a failed test wants to know why.
      expect(status === quiet.execution.status ? status : { status, error, cause }).toBe(quiet.execution.status);
      expect(differences(quiet.ledger, bad.ledger)).toEqual([]);
      expect(bad.ledger).toBe(quiet.ledger);
    },
    SEED_LIMIT_MS,
  );
}

/** Waits until no scan event is on its way any more; one that failed waits for its visibility time-out, as if lost. */
export async function scanEventsHandled(installation: Installation): Promise<void> {
  const sqs = new SQSClient(hubOf(installation));
  const QueueUrl = await queueOf(installation, 'ScanEventQueue');
  const isEmpty = async () => {
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['ApproximateNumberOfMessages'] }),
    );
    return Attributes?.ApproximateNumberOfMessages === '0' ? true : undefined;
  };
  await eventually(isEmpty, 'The end of all scan events', LIMIT_MS);
}

/** The URL of a queue of template.yaml. */
export async function queueOf(installation: Installation, logicalId: string): Promise<string> {
  const sqs = new SQSClient(hubOf(installation));
  const { QueueUrls = [] } = await sqs.send(new ListQueuesCommand({ QueueNamePrefix: `patchwave-${logicalId}-` }));
  const [url] = QueueUrls;
  if (url === undefined) throw new Error(`there is no queue ${logicalId}`);
  return url;
}
