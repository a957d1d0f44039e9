import { presenceEnded } from '../../shared/domain/admission/standing.ts';
import { policySchema } from '../../shared/domain/policy/policy.ts';
import { admissionFactsIn, readAdmissionRecords } from '../../shared/judging/read-admission-facts.ts';
import type { RunningLedger } from '../../shared/ports/admission.ts';
import type { ImageLedger, PlaceLedger } from '../../shared/ports/ledger.ts';
import { parse } from '../../shared/schema.ts';
import { inGoodStanding } from '../support/fakes/running.ts';
import {
  alone,
  DAY_MS,
  digestOf,
  imageProperties,
  judgement,
  LOCATION,
  NOON_EPOCH_MS,
  verdict,
} from '../support/samples.ts';

export interface AdmissionWorld {
  readonly images: ImageLedger;
  readonly places: PlaceLedger;
  readonly running: RunningLedger;
  /** Batch reads so far; absent where there are none. */
  readonly batches?: () => number;
}

const HOST = `${LOCATION.account}.dkr.ecr.${LOCATION.region}.amazonaws.com`;
const PLACE = { account: LOCATION.account, region: LOCATION.region, cluster: 'main', namespace: 'shop' };
const WAIVED_UNTIL = '2026-12-01';
const policy = parse(policySchema, {
  ...{ version: 1, scopes: 'organization', ages: { default: { limitDays: 30 } }, severities: [], streams: [] },
  approvedRegistries: { allow: [`${HOST}/team/*`] },
  waivers: [
    {
      ...{ id: 'envoy', finding: 'CVE-2026-00001', scope: { account: LOCATION.account }, reason: 'not reachable' },
      ...{ author: 'security', created: '2026-11-01', expires: WAIVED_UNTIL },
    },
  ],
});
const [compliant, violating, waived, child, index] = ['compliant', 'violating', 'waived', 'child', 'index'];
const platforms = { child: 'linux/arm64', missing: 'linux/amd64' } as const;

/** Three images, one of them from a registry that is not approved, and an index with a recorded and a missing image. */
async function record({ images, places }: AdmissionWorld): Promise<void> {
  const judged = async (name: string, changes: Parameters<typeof judgement>[2], properties = {}) => {
    const said = imageProperties(name, properties);
    await images.recordProperties(said);
    await images.recordLineage(said.digest, alone(said));
    await images.recordJudgement(judgement(name, NOON_EPOCH_MS, changes));
  };
  await judged(compliant, { verdict: verdict('compliant') });
  await judged(violating, { verdict: verdict('violating') }, { locations: [{ ...LOCATION, repository: 'other/web' }] });
  const reason = { ...verdict('violating').reasons[0], effect: 'waived', waiverId: 'envoy' } as const;
  await judged(waived, { verdict: { ...verdict('compliant'), reasons: [reason as never] } });
  await judged(child, { verdict: verdict('unknown') });
  await images.recordProperties(imageProperties('never judged'));
  await places.recordIndex(
    digestOf(index),
    [
      { digest: digestOf(child), platform: platforms.child },
      { digest: digestOf('missing'), platform: platforms.missing },
    ],
    NOON_EPOCH_MS,
  );
}

export function admissionFactsContract({ make }: { readonly make: () => AdmissionWorld }): void {
  const ASKED = [compliant, violating, waived, index, child, 'never judged', 'unheard of'].map(digestOf);
  const read = async (world: AdmissionWorld, digests = ASKED) => {
    const before = world.batches?.() ?? 0;
    const facts = admissionFactsIn(await readAdmissionRecords(world, PLACE, digests), policy, digests);
    const runsHere = (name: string) =>
      facts.get(digestOf(name))?.presences.some(({ presence }) => presence.endedAtEpochMs === undefined);
    return {
      runsHere,
      facts: (name: string) => facts.get(digestOf(name))?.images,
      batches: (world.batches?.() ?? 0) - before,
    };
  };

  test('tells of each digest what an admission decides on', async () => {
    const world = make();
    await record(world);
    const { facts } = await read(world);
    const age = { known: true, bornAtEpochMs: NOON_EPOCH_MS - 10 * DAY_MS };
    const recorded = {
      isRecorded: true,
      tier: 'application',
      judgedAtEpochMs: NOON_EPOCH_MS,
      waivers: [],
    };
    expect(facts(compliant)).toMatchObject([{ ...recorded, age, verdict: { status: 'compliant' } }]);
    expect(facts(violating)).toMatchObject([{ verdict: { status: 'violating' } }]);
    const waiver = { waiverId: 'envoy', ruleId: 'critical', voidFromEpochMs: Date.parse(WAIVED_UNTIL) + DAY_MS };
    expect(facts(waived)).toMatchObject([{ verdict: { status: 'compliant' }, waivers: [waiver] }]);
    expect(facts('unheard of')).toEqual([{ digest: digestOf('unheard of'), isRecorded: false }]);
  });

  test('an index has the facts of each of its images, and a missing one is no image without faults', async () => {
    const world = make();
    await record(world);
    const { facts } = await read(world, [digestOf(index)]);
    expect(facts(index)).toMatchObject([
      { digest: digestOf(child), isRecorded: true, verdict: { status: 'unknown' } },
      { digest: digestOf('missing'), isRecorded: false },
    ]);
  });

  test('an image without a verdict, or with one that no longer counts, shows that', async () => {
    const world = make();
    await record(world);
    await world.images.recordProperties(imageProperties(compliant, { tier: 'base' }));
    const { facts } = await read(world);
    const [never, before] = [facts('never judged')?.[0], facts(compliant)?.[0]];
    expect(never).toMatchObject({ isRecorded: true, age: { known: false, isUnread: true } });
    expect(never).not.toHaveProperty('verdict');
    expect(before).toMatchObject({ isRecorded: true, verdict: { status: 'compliant' } });
    expect(before).not.toHaveProperty('judgedAtEpochMs');
  });

  test('an image runs in the one namespace only, and an index runs where one of its images does', async () => {
    const world = make();
    await record(world);
    const [compliantHere, childHere] = [
      { digest: digestOf(compliant), place: PLACE },
      { digest: digestOf(child), place: PLACE },
    ];
    const elsewhere = { ...PLACE, namespace: 'other' };
    await world.running.record(
      inGoodStanding([compliantHere, childHere, { digest: digestOf(violating), place: elsewhere }], NOON_EPOCH_MS),
    );
    const { runsHere } = await read(world);
    expect([compliant, index, child, violating, 'unheard of'].map(runsHere)).toEqual([true, true, true, false, false]);
    await world.running.record([{ ...compliantHere, presence: presenceEnded(undefined, NOON_EPOCH_MS) }]);
    expect([compliant, index].map((await read(world)).runsHere)).toEqual([false, true]);
    await world.running.record(inGoodStanding([compliantHere], NOON_EPOCH_MS));
    expect((await read(world)).runsHere(compliant)).toBe(true);
  });

  test('takes one batch read for images, and two if there are indexes', async () => {
    const world = make();
    if (!world.batches) return;
    await record(world);
    expect((await read(world)).batches).toBe(2);
    expect((await read(world, [compliant, 'unheard of'].map(digestOf))).batches).toBe(1);
    expect(
      (
        await read(
          world,
          Array.from({ length: 30 }, (_, n) => digestOf(`image ${n}`)),
        )
      ).batches,
    ).toBe(1);
  });
}
