import { IAMClient, ListRolesCommand } from '@aws-sdk/client-iam';
import { untilSettled } from '../../local/acting.ts';
import { wouldDo } from '../../local/demo/would-do.ts';
import type { Mode } from '../../shared/domain/policy/policy.ts';
import { deploymentsStarted, heldIn, NOTHING_HELD, PLANNING, runsStarted, wakePlanner } from '../support/acting.ts';
import { actingFleet, BASE_STREAM, streamOf, TEAM } from '../support/acting-fleet.ts';
import { useInstallation } from '../support/installation.ts';
import { callsOf } from '../support/readings.ts';

const LIMIT_MS = 60_000;
const fleet = () => actingFleet([{ name: 'shop' }]);

/** Of every service: what Patchwave may call that changes anything of others. */
const CHANGES = /^(codepipeline:Start|codepipeline:Stop|codepipeline:Put|ecs:(Update|Register|Create|Delete|Run|Stop))/;

describe('a mode that does not act', () => {
  const installation = useInstallation(fleet, { mode: 'report-only', parameters: PLANNING });

  test.each<[mode: Mode, answer: string, reason: string]>([
    ['report-only', 'refuse', 'report-only'],
    ['paused', 'wait', 'paused'],
  ])(
    '%s starts no pipeline and deploys nothing, whichever event starts the planner, and says why',
    async (mode, answer, reason) => {
      const { context, policy, review } = installation();
      const { version: replaces } = await context.policies.current();
      await context.policies.publish({ ...policy, mode }, { author: 'a test', atEpochMs: Date.now(), replaces });
      expect(await review()).toMatchObject({ status: 'SUCCEEDED' });
      await untilSettled(context, LIMIT_MS);
      await wakePlanner(installation());
      expect(await review()).toMatchObject({ status: 'SUCCEEDED' });
      const { causes } = await untilSettled(context, LIMIT_MS);

      // The head of the base, which nothing runs, has the flaw as well.
      const streams = [BASE_STREAM, streamOf('shop')];
      expect(causes).toMatchObject(streams.map((stream) => ({ stream, state: 'open', answer: { answer, reason } })));
      expect(await runsStarted(installation())).toBe(0);
      expect(await deploymentsStarted(installation())).toBe(0);
      expect([...(await callsOf(installation())).keys()].filter((name) => CHANGES.test(name))).toEqual([]);
      expect(await heldIn(installation())).toEqual(NOTHING_HELD);
    },
    LIMIT_MS,
  );

  test('the result names the work that the policy of the fleet would do, not a policy without actions', async () => {
    const { context, policy } = installation();
    const [would] = await wouldDo(context, { ...policy, mode: 'enforce' });
    expect(would).toMatchObject({ stream: streamOf('shop'), pipeline: `${TEAM.account}/${TEAM.region}/shop` });
    for (const mode of ['report-only', 'paused'] as const)
      expect(await wouldDo(context, { ...policy, mode })).toEqual([]);
  });
});

describe('without the roles for acting', () => {
  // The account lists no pipeline and no service: its stack then makes neither role.
  const installation = useInstallation(fleet, { acts: false, parameters: PLANNING });

  test(
    'nothing but reading and scanning is possible, and the rebuild says what is missing',
    async () => {
      const { cloud, context, review } = installation();
      const { Roles = [] } = await new IAMClient(cloud.clients(TEAM.account, TEAM.region)).send(
        new ListRolesCommand({}),
      );
      expect(Roles.map(({ RoleName }) => RoleName).filter((name) => name?.includes('Act'))).toEqual([]);
      expect(await review()).toMatchObject({ status: 'SUCCEEDED' });
      await untilSettled(context, LIMIT_MS);

      const [rebuild] = await context.rebuilds.latest(streamOf('shop'), 1);
      expect(rebuild?.outcome).toMatchObject({
        result: 'failed',
        reason: expect.stringContaining('PatchwaveActBuild'),
      });
      expect(await runsStarted(installation())).toBe(0);
      expect([...(await callsOf(installation())).keys()].filter((name) => CHANGES.test(name))).toEqual([]);
      expect(await heldIn(installation())).toEqual(NOTHING_HELD);
    },
    LIMIT_MS,
  );
});
