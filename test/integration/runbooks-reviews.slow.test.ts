import { setTimeout as sleep } from 'node:timers/promises';
import { DeleteFunctionConcurrencyCommand, LambdaClient, PutFunctionConcurrencyCommand } from '@aws-sdk/client-lambda';
import { DescribeExecutionCommand, SFNClient } from '@aws-sdk/client-sfn';
import { eventually } from '../../local/cloud/probe.ts';
import { loadFleet } from '../../local/fleet/load.ts';
import type { Execution } from '../../local/installation.ts';
import * as keys from '../../shared/adapters/dynamodb/table/keys.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import { type DoorPlace, doorsSchema } from '../../shared/domain/policy/doors.ts';
import { parse } from '../../shared/schema.ts';
import { deny, giveBack, queuesOf, RunbookRuns } from '../support/alarms.ts';
import { useInstallation } from '../support/installation.ts';
import { type DumpedItem, hubOf, itemsOf } from '../support/readings.ts';
import { TRIED_ALARMS } from '../support/tried-alarms.ts';

const LIMIT_MS = 120_000;
const HOUR_SECONDS = 3600;
/** A review that nothing holds up is over by then, or nearly so. */
const BEGUN_MS = 1_000;
const INVENTORY = 'patchwave-inventory';

/** The tests follow one another: each finds what the one before left. */
describe('each alarm of reviews goes off by what its runbook describes, and ends after its steps:', () => {
  const installation = useInstallation(() => loadFleet('local/fleet/small.json'));
  const runs = new RunbookRuns(installation);
  const lambda = () => new LambdaClient(hubOf(installation()));
  const forward = (seconds: number) => installation().cloud.admin.setClockForward(seconds);

  /** `patchwave review`, once the review before has given its lease back. */
  const reviewed = (): Promise<Execution> =>
    eventually(
      async () => {
        const review = await installation().review();
        const { alreadyRunning } = (review.output ?? {}) as { readonly alreadyRunning?: boolean };
        return alreadyRunning === true ? undefined : review;
      },
      'a review of its own',
      LIMIT_MS / 2,
    );
  const succeeds = async () => expect(await reviewed()).toMatchObject({ status: 'SUCCEEDED' });

  /** A place in which every image that runs is compliant, with these images. */
  async function cleanPlace(): Promise<readonly [DoorPlace, readonly Digest[]]> {
    const items = await itemsOf(installation());
    const digestOf = ({ PK }: DumpedItem) => String(PK).slice('IMAGE#'.length) as Digest;
    const compliant = new Set(
      items.flatMap((item) =>
        (item.verdict as { readonly status?: unknown } | undefined)?.status === 'compliant' ? digestOf(item) : [],
      ),
    );
    const places = Map.groupBy(
      items.filter(({ kind }) => kind === 'running'),
      ({ SK }) => String(SK),
    );
    for (const [SK, there] of places) {
      const digests = there.map(digestOf);
      if (digests.every((digest) => compliant.has(digest))) return [keys.placeOfRunning({ PK: '', SK }), digests];
    }
    throw new Error('no place runs compliant images alone');
  }

  test(
    'ScopeUnreachableAlarm: an account has no role, until its stack is deployed',
    async () => {
      // The first review ends the alarm that stands until then; the next test begins with it ended.
      await runs.stands('NoReviewAlarm', LIMIT_MS / 2);
      await runs.raise(['ScopeUnreachableAlarm'], 5, succeeds);
      await runs.end(['ScopeUnreachableAlarm'], 90, async () => {
        for (const { id, memberRole } of installation().fleet.accounts) if (!memberRole) await installation().admit(id);
        await forward(600);
        await succeeds();
      });
    },
    LIMIT_MS,
  );

  test(
    'NoReviewAlarm: no review for more than a day, until one succeeds',
    async () => {
      await runs.raise(['NoReviewAlarm'], 2, () => forward(29 * HOUR_SECONDS));
      await runs.end(['NoReviewAlarm'], 5, succeeds);
    },
    LIMIT_MS,
  );

  test(
    'ReviewFailedAlarm: the inventory may take no role, until it may again',
    async () => {
      await runs.raise(['ReviewFailedAlarm'], 2, async () => {
        await deny(installation(), 'InventoryRole', ['sts:AssumeRole']);
        // What it took before lasts for an hour.
        await installation().cloud.admin.endEnvironments();
        expect(await reviewed()).toMatchObject({ status: 'FAILED', error: 'FleetReviewIncomplete' });
      });
      await runs.end(['ReviewFailedAlarm'], 60, async () => {
        await giveBack(installation(), 'InventoryRole');
        await succeeds();
      });
    },
    LIMIT_MS,
  );

  test(
    'ReviewTimedOutAlarm: the inventory is throttled for six hours',
    async () => {
      const sfn = new SFNClient(hubOf(installation()));
      await runs.raise(['ReviewTimedOutAlarm'], 2, async () => {
        await lambda().send(
          new PutFunctionConcurrencyCommand({ FunctionName: INVENTORY, ReservedConcurrentExecutions: 0 }),
        );
        const { executionArn } = await installation().context.reviews.start({});
        const status = async () => (await sfn.send(new DescribeExecutionCommand({ executionArn }))).status;
        await sleep(BEGUN_MS);
        expect(await status()).toBe('RUNNING');
        await forward(6 * HOUR_SECONDS);
        await eventually(async () => ((await status()) === 'TIMED_OUT' ? true : undefined), 'the time-out', 20_000);
      });
      await runs.end(['ReviewTimedOutAlarm'], 60, async () => {
        await lambda().send(new DeleteFunctionConcurrencyCommand({ FunctionName: INVENTORY }));
        await succeeds();
      });
    },
    LIMIT_MS,
  );

  test(
    'ImagesDoubtedAlarm: scan results cannot be read, until they can again',
    async () => {
      const [place, digests] = await cleanPlace();
      const { context } = installation();
      const { version: replaces, policy } = await context.policies.current();
      const { account, region, cluster, namespace } = place;
      const rule = { accounts: [account], regions: [region], clusters: [cluster], mode: 'warn' };
      const rules = [{ ...rule, ...(namespace !== undefined && { namespaces: [namespace] }) }];
      const doors = parse(doorsSchema, { rules });
      await context.policies.publish({ ...policy, doors }, { author: 'a test', atEpochMs: Date.now(), replaces });
      await runs.raise(['ImagesDoubtedAlarm'], 15, async () => {
        await deny(installation(), 'PolicyEvaluationRole', ['sts:AssumeRole']);
        await installation().cloud.admin.endEnvironments();
        const queues = await queuesOf(installation());
        for (const digest of digests) await queues.send('ScanEventQueue', JSON.stringify({ kind: 'judge', digest }));
      });
      await runs.end(['ImagesDoubtedAlarm'], 30, async () => {
        await giveBack(installation(), 'PolicyEvaluationRole');
        await succeeds();
      });
    },
    LIMIT_MS,
  );

  test('at the end none of them is on', async () => {
    expect(runs.ended).toEqual([...TRIED_ALARMS['runbooks-reviews.slow.test.ts']].sort());
    expect(await runs.lineage()).toEqual([]);
  });
});
