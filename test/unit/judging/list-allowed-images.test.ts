import { DynamoImageIndex, DynamoRecordedIndexes } from '../../../shared/adapters/dynamodb/images/image-index.ts';
import { DynamoRunningLedger } from '../../../shared/adapters/dynamodb/images/running-ledger.ts';
import { DynamoUsageLedger } from '../../../shared/adapters/dynamodb/images/usage-ledger.ts';
import { LedgerTable } from '../../../shared/adapters/dynamodb/table/table.ts';
import type { Presence, Standing } from '../../../shared/domain/admission/standing.ts';
import type { Digest } from '../../../shared/domain/image/image.ts';
import type { Cluster } from '../../../shared/domain/image/usage.ts';
import { doorPlaceOf } from '../../../shared/domain/policy/doors.ts';
import { type Policy, policySchema } from '../../../shared/domain/policy/policy.ts';
import { findingKey } from '../../../shared/domain/scan/finding.ts';
import type { ScanState } from '../../../shared/domain/scan/scan.ts';
import { evaluate } from '../../../shared/domain/verdict/evaluate.ts';
import {
  type AllowedImagesPorts,
  type GraceInCluster,
  listAllowedImages,
} from '../../../shared/judging/list-allowed-images.ts';
import { imageLedgers } from '../../../shared/lambda/ledgers.ts';
import type { PresencesOfImages, RunningLedger } from '../../../shared/ports/admission.ts';
import type { ImageLedger, PlaceLedger, UsageLedger } from '../../../shared/ports/ledger.ts';
import { parse } from '../../../shared/schema.ts';
import { answersOfDoors, type ListedDoorPorts } from '../../support/door-lists.ts';
import { doorImage } from '../../support/door-world.ts';
import { fakeWorld } from '../../support/fakes/world.ts';
import { allAnomalies, MemoryTable } from '../../support/memory-dynamo.ts';
import {
  alone,
  DAY_MS,
  digestOf,
  finding,
  HOUR_MS,
  imageProperties,
  NOON_EPOCH_MS,
  usage,
} from '../../support/samples.ts';
import { fc, SEED } from '../../support/seeded.ts';

const NOW = NOON_EPOCH_MS;
const CLUSTERS = ['east', 'west'].map((cluster) => ({ account: '111122223333', region: 'eu-west-1', cluster }));
const PLACES = CLUSTERS.flatMap((cluster) => ['shop', 'pay'].map((namespace) => ({ ...cluster, namespace })));
const LIMIT_DAYS = 30;
const GRACE_DAYS = 10;
const policyWith = (waivers: readonly object[] = []): Policy =>
  parse(policySchema, {
    ...{ version: 1, ages: { default: { limitDays: LIMIT_DAYS } }, streams: [], waivers },
    severities: [{ id: 'high', severities: ['high'], graceDays: 2 }],
    doors: { mode: 'deny', graceRunningDays: GRACE_DAYS },
  });

interface Ports extends ListedDoorPorts {
  readonly images: ImageLedger;
  readonly places: PlaceLedger;
  readonly usages: UsageLedger;
  readonly running: PresencesOfImages & RunningLedger;
}

/** The ledger of the tests, over a table that does all that DynamoDB may do. */
function tableWorld(seed: number): Ports {
  const memory = new MemoryTable(allAnomalies(seed));
  const table = new LedgerTable(memory.client(), 'ledger', { attempts: 200, wait: async () => {} }, () => NOW);
  return {
    ...imageLedgers(table),
    ...{ imageIndex: new DynamoImageIndex(table), recordedIndexes: new DynamoRecordedIndexes(table) },
    ...{ usages: new DynamoUsageLedger(table), running: new DynamoRunningLedger(table), clock: () => NOW },
  };
}

interface SomeImage {
  readonly bornDaysAgo: number | undefined;
  readonly scannedHoursAgo: number | undefined;
  readonly scan: Pick<ScanState, 'state' | 'reason'>;
  readonly judgedHoursLater: number | undefined;
  readonly foundDaysAgo: number | undefined;
  readonly isJudgedAnew: boolean;
  readonly isUsed: boolean;
  readonly isHead: boolean;
  readonly places: readonly number[];
  /** How it began in them; `undecided` if it was never judged. */
  readonly standing: Standing;
  readonly endedDaysAgo: number | undefined;
}
interface SomeIndex {
  readonly images: readonly number[];
  readonly recordedShareOfAge: number;
  readonly namedIn: number | undefined;
}
interface SomeLedger {
  readonly images: readonly SomeImage[];
  readonly indexes: readonly SomeIndex[];
  readonly waivers: readonly { readonly endsInDays: number; readonly isOfAge: boolean }[];
  /** The first reading, of all clusters: a list has one end for an image. */
  readonly readFirstDaysAgo: number | undefined;
}

const days = (most: number) => fc.integer({ min: 0, max: most });
const someImage: fc.Arbitrary<SomeImage> = fc.record({
  bornDaysAgo: fc.option(fc.oneof(days(50), fc.integer({ min: LIMIT_DAYS, max: LIMIT_DAYS + GRACE_DAYS + 1 })), {
    ...{ nil: undefined, freq: 10 },
  }),
  scannedHoursAgo: fc.option(fc.oneof(days(40), fc.integer({ min: 46, max: 50 }), days(400)), {
    ...{ nil: undefined, freq: 10 },
  }),
  scan: fc.constantFrom<SomeImage['scan']>(
    ...Array.from({ length: 4 }, () => ({ state: 'complete' as const })),
    ...Array.from({ length: 2 }, () => ({ state: 'continuous' as const })),
    ...[{ state: 'requested' as const }, { state: 'off' as const, reason: 'enhanced' as const }],
    { state: 'failed' as const, reason: 'scan-failed' as const },
  ),
  judgedHoursLater: fc.option(days(20), { nil: undefined, freq: 8 }),
  foundDaysAgo: fc.option(days(20), { nil: undefined }),
  isJudgedAnew: fc.nat(4).map((n) => n === 0),
  isUsed: fc.boolean(),
  isHead: fc.boolean(),
  standing: fc.constantFrom<Standing>('good', 'good', 'good', 'undecided', 'forbidden'),
  endedDaysAgo: fc.option(days(GRACE_DAYS + 1), { nil: undefined, freq: 4 }),
  places: fc.oneof(fc.constant([]), fc.uniqueArray(fc.nat(PLACES.length - 1), { minLength: 1, maxLength: 4 })),
});
const IMAGES = 6;
const someLedger: fc.Arbitrary<SomeLedger> = fc.record({
  images: fc.array(someImage, { minLength: IMAGES - 1, maxLength: IMAGES }),
  indexes: fc.array(
    fc.record({
      images: fc.oneof(
        fc.uniqueArray(fc.nat(IMAGES), { maxLength: 3 }),
        fc.uniqueArray(fc.nat(IMAGES - 2), { minLength: 1, maxLength: 2 }),
      ),
      recordedShareOfAge: fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true })),
      namedIn: fc.option(fc.nat(PLACES.length - 1), { nil: undefined }),
    }),
    { minLength: 2, maxLength: 4 },
  ),
  waivers: fc.array(fc.record({ endsInDays: fc.integer({ min: -15, max: 15 }), isOfAge: fc.boolean() }), {
    maxLength: 1,
  }),
  readFirstDaysAgo: fc.option(days(GRACE_DAYS + 1), { nil: undefined }),
});

const policyOf = ({ waivers }: SomeLedger): Policy =>
  policyWith(
    waivers.map(({ endsInDays, isOfAge }, n) => ({
      ...{ id: `w-${n}`, ...(isOfAge ? { rule: 'age-limit' } : { finding: finding(1).vulnerability }) },
      ...{ reason: 'accepted for now', author: 'security', created: dateOf(endsInDays - 60) },
      expires: dateOf(endsInDays),
    })),
  );
const dateOf = (daysAhead: number): string => new Date(NOW + daysAhead * DAY_MS).toISOString().slice(0, 10);

const nameOfImage = (nth: number): string => `image-${nth}`;
const nameOfIndex = (nth: number): string => `index-${nth}`;

/** Every verdict is what `evaluate` says at some earlier instant. */
async function record(ports: Ports, ledger: SomeLedger): Promise<void> {
  const policy = policyOf(ledger);
  for (const [nth, some] of ledger.images.entries())
    await recordImage(ports, nameOfImage(nth), some, policy, ledger.readFirstDaysAgo);
  for (const [nth, { images, recordedShareOfAge, namedIn }] of ledger.indexes.entries()) {
    const children = images.map((one) => ({ digest: digestOf(nameOfImage(one)), platform: 'linux/amd64' as const }));
    const youngest = Math.min(50, ...images.flatMap((one) => ledger.images[one]?.bornDaysAgo ?? []));
    const recordedAtEpochMs = NOW - recordedShareOfAge * youngest * DAY_MS;
    await ports.places.recordIndex(digestOf(nameOfIndex(nth)), children, recordedAtEpochMs);
    const [first] = children;
    const one = ledger.images[images[0] ?? 0];
    if (namedIn !== undefined && first)
      await run(
        ports,
        first.digest,
        namedIn,
        doorImage(nameOfIndex(nth)),
        one && presenceOf(one, ledger.readFirstDaysAgo),
      );
  }
}

async function recordImage(
  ports: Ports,
  name: string,
  some: SomeImage,
  policy: Policy,
  readFirstDaysAgo?: number,
): Promise<void> {
  const bornAtEpochMs = some.bornDaysAgo === undefined ? undefined : NOW - some.bornDaysAgo * DAY_MS;
  const properties = imageProperties(name, {
    birth:
      bornAtEpochMs === undefined
        ? { known: false, rejected: [] }
        : { known: true, bornAtEpochMs, evidence: [{ kind: 'config-created', atEpochMs: bornAtEpochMs }] },
  });
  const { digest } = properties;
  await ports.images.recordProperties(properties);
  await ports.images.recordLineage(digest, alone(properties));
  await ports.images.recordPresence(digest, { inUse: some.isUsed, isHead: some.isHead });
  for (const place of some.places) await run(ports, digest, place, doorImage(name), presenceOf(some, readFirstDaysAgo));
  if (some.judgedHoursLater === undefined) return;
  const completedAtEpochMs = some.scannedHoursAgo === undefined ? undefined : NOW - some.scannedHoursAgo * HOUR_MS;
  const scan: ScanState = {
    ...{ ...some.scan, coverage: ['os'] },
    ...(completedAtEpochMs !== undefined && { completedAtEpochMs }),
  };
  const judgedAtEpochMs = Math.min(NOW, (completedAtEpochMs ?? NOW - 30 * HOUR_MS) + some.judgedHoursLater * HOUR_MS);
  const image = { ...properties, lineage: alone(properties) };
  const found = some.foundDaysAgo === undefined ? [] : [finding(1)];
  const firstSeen = new Map(found.map((one) => [findingKey(one), NOW - (some.foundDaysAgo ?? 0) * DAY_MS]));
  const verdict = evaluate({ image, scan, findings: found, firstSeen }, policy, 'policy-1', judgedAtEpochMs);
  await ports.images.recordJudgement({ ...{ digest, scan, verdict }, judgedAtEpochMs });
  if (some.isJudgedAnew) await ports.images.recordProperties({ ...properties, owner: 'others' });
}

function presenceOf(
  { judgedHoursLater, standing, endedDaysAgo }: SomeImage,
  readFirstDaysAgo: number | undefined,
): Presence {
  return {
    beganAtEpochMs: NOW - 20 * DAY_MS,
    standing: judgedHoursLater === undefined ? 'undecided' : standing,
    ...(endedDaysAgo !== undefined && { endedAtEpochMs: NOW - endedDaysAgo * DAY_MS }),
    ...(readFirstDaysAgo !== undefined && { countsFromEpochMs: NOW - readFirstDaysAgo * DAY_MS }),
  };
}

async function run(
  ports: Ports,
  digest: Digest,
  nth: number,
  reference: string,
  presence: Presence = { standing: 'good', beganAtEpochMs: 0 },
): Promise<void> {
  const place = PLACES[nth];
  if (!place) throw new RangeError(`there is no place ${nth}`);
  const { namespace, ...cluster } = place;
  const one = usage('', {
    ...{
      ...cluster,
      digest,
      reference,
      workloadKind: 'eks-deployment',
      workload: `${namespace}/${reference.slice(60, 70)}`,
    },
  });
  await ports.running.record([{ digest, place: doorPlaceOf(one), presence }]);
  if (presence.endedAtEpochMs === undefined) await ports.usages.record([one], NOW);
}

/** Every digest, also one that the ledger does not know. */
const digestsOf = ({ indexes }: SomeLedger): readonly Digest[] => [
  ...Array.from({ length: IMAGES + 1 }, (_, nth) => digestOf(nameOfImage(nth))),
  ...indexes.map((_, nth) => digestOf(nameOfIndex(nth))),
];

const compare = (ports: Ports, ledger: SomeLedger) =>
  answersOfDoors(ports, policyOf(ledger), PLACES, digestsOf(ledger));

describe('a list of allowed images answers as the door does', () => {
  test('in memory', async () => {
    const seen = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(someLedger, async (ledger) => {
        const world = fakeWorld({ nowEpochMs: NOW });
        await record(world, ledger);
        const { ofWebhook, ofList } = await compare(world, ledger);
        const indexes = ledger.indexes.map((_, nth) => digestOf(nameOfIndex(nth)));
        for (const [key, answer] of Object.entries(ofWebhook)) {
          const kind = `${indexes.some((one) => key.startsWith(one)) ? 'index' : 'image'} ${answer.split(' ')[0]}`;
          seen.set(kind, (seen.get(kind) ?? 0) + 1);
        }
        expect(ofList).toEqual(ofWebhook);
      }),
      { numRuns: 1000 },
    );
    expect([...seen.keys()].sort()).toEqual(
      ['image', 'index'].flatMap((kind) => ['allow', 'deny', 'until'].map((answer) => `${kind} ${answer}`)),
    );
    expect(Math.min(...seen.values())).toBeGreaterThan(50);
  });

  test('in the table', async () => {
    let seed = SEED;
    await fc.assert(
      fc.asyncProperty(someLedger, async (ledger) => {
        seed += 1;
        const world = tableWorld(seed);
        await record(world, ledger);
        const { ofWebhook, ofList } = await compare(world, ledger);
        expect(ofList).toEqual(ofWebhook);
      }),
      { numRuns: 50 },
    );
  });
});

/** A fleet of one cluster: `names` may start everywhere, `old` is over the age limit and has grace. */
async function fleetWith(names: readonly string[], changes: Partial<SomeImage> = {}) {
  const world = fakeWorld({ nowEpochMs: NOW });
  for (const name of names) await recordImage(world, name, { ...FINE, ...changes }, policyWith());
  return world;
}
const FINE: SomeImage = {
  ...{ bornDaysAgo: 1, scannedHoursAgo: 1, scan: { state: 'complete' }, judgedHoursLater: 0, foundDaysAgo: undefined },
  ...{ isJudgedAnew: false, isUsed: false, isHead: false, places: [], standing: 'good', endedDaysAgo: undefined },
};
const namespacesOf = (graced: ReadonlyMap<Digest, GraceInCluster>) =>
  [...graced].map(([digest, { namespaces }]) => [digest, namespaces]);
const list = (world: AllowedImagesPorts) => listAllowedImages(world, { policy: policyWith(), applied: [] }, CLUSTERS);
const platform = 'linux/amd64' as const;

describe('what is listed', () => {
  test('an index with an index in it is not allowed, and one without images is no image', async () => {
    const world = await fleetWith(['a']);
    await world.places.recordIndex(digestOf('inner'), [{ digest: digestOf('a'), platform }], NOW);
    await world.places.recordIndex(digestOf('outer'), [{ digest: digestOf('inner'), platform }], NOW);
    await world.places.recordIndex(digestOf('empty'), [], NOW);
    const { allowed } = await list(world);
    expect(allowed).toEqual(new Set([digestOf('a'), digestOf('inner')]));
  });

  test('a record that cannot be judged is named, and keeps nothing else out of the list', async () => {
    const world = await fleetWith(['a', 'b']);
    const broken = world.images.records.get(digestOf('b'));
    world.images.records.set(digestOf('b'), { ...broken, verdict: { status: 'compliant' } } as never);
    for (const children of [{}, 'text', [null], 7])
      await world.places.recordIndex(digestOf(`index ${children}`), children as never, NOW);
    const { allowed, unreadable } = await list(world);
    expect(allowed).toEqual(new Set([digestOf('a')]));
    expect(unreadable).toEqual(
      [digestOf('b'), ...['[object Object]', 'text', '', '7'].map((name) => digestOf(`index ${name}`))].sort(),
    );
  });

  test('a usage that cannot be read names an image, and no namespace', async () => {
    const world = await fleetWith(['old'], { bornDaysAgo: 35, places: [0] });
    const [east, west] = CLUSTERS as [Cluster, Cluster];
    world.usages.corrupt({ account: west.account, region: west.region, eksCluster: west.cluster }, digestOf('old'));
    const { gracedIn } = await list(world);
    expect(namespacesOf(gracedIn(east))).toEqual([[digestOf('old'), ['shop']]]);
    expect(namespacesOf(gracedIn(west))).toEqual([]);
  });

  test('what ran in a cluster when it left the fleet has its grace there until it is read again', async () => {
    const world = await fleetWith(['old'], { bornDaysAgo: 35, places: [0] });
    const [east] = CLUSTERS as [Cluster];
    await world.usages.leave(await world.usages.ofImage(digestOf('old')), NOW);
    expect(namespacesOf((await list(world)).gracedIn(east))).toEqual([[digestOf('old'), ['shop']]]);
  });

  test('what runs without a record has its grace, also where its cluster is read again meanwhile', async () => {
    const world = await fleetWith([]);
    const lost = digestOf('lost');
    const [east] = CLUSTERS as [Cluster];
    await run(world, lost, 0, doorImage('lost'), { standing: 'good', beganAtEpochMs: NOW - DAY_MS });
    expect(namespacesOf((await list(world)).gracedIn(east))).toEqual([[lost, ['shop']]]);
    const running = await world.usages.ofImage(lost);
    await world.usages.leave(running, NOW);
    const usages: AllowedImagesPorts['usages'] = {
      async *all(scope, state) {
        yield* world.usages.all(scope, state);
        if (scope?.eksCluster === east.cluster) await world.usages.record(running, NOW);
      },
    };
    expect(namespacesOf((await list({ ...world, usages })).gracedIn(east))).toEqual([[lost, ['shop']]]);
  });

  test('an image that moves from one list to another while they are read is in the list', async () => {
    for (const [before, after] of [
      [{ isHead: true }, { isHead: false }],
      [{ isHead: false }, { isHead: true }],
    ] as const) {
      const world = await fleetWith(['moving'], before);
      const moving = async (): Promise<void> => world.images.recordPresence(digestOf('moving'), after);
      const { images } = world;
      const imageIndex: AllowedImagesPorts['imageIndex'] = {
        scannedSince: (since) => images.scannedSince(since),
        async *bornBefore(before) {
          if (before && after.isHead) await moving();
          yield* after.isHead ? images.bornBefore(before) : [];
          if (!after.isHead) await moving();
        },
      };
      expect((await list({ ...world, imageIndex })).allowed).toEqual(new Set([digestOf('moving')]));
    }
  });

  test('an image that moves in the list of ages while it is read is in the list', async () => {
    const world = await fleetWith(['moving', 'staying'], { isHead: true });
    const { images } = world;
    let reads = 0;
    const imageIndex: AllowedImagesPorts['imageIndex'] = {
      scannedSince: (since) => images.scannedSince(since),
      async *bornBefore(before) {
        reads += 1;
        for await (const page of images.bornBefore(before))
          yield page.filter(({ digest }) => reads > 1 || digest !== digestOf('moving'));
      },
    };
    const { allowed } = await list({ ...world, imageIndex });
    expect(allowed).toEqual(new Set(['moving', 'staying'].map(digestOf)));
  });

  test.each([Number.NaN, 'yesterday', -1e20, 1e20])('a birth at %p stops no list', async (bornAtEpochMs) => {
    const world = await fleetWith(['a']);
    const known = world.images.records.get(digestOf('a'));
    world.images.records.set(digestOf('a'), { ...known, birth: { known: true, bornAtEpochMs, evidence: [] } } as never);
    await world.places.recordIndex(digestOf('index'), [{ digest: digestOf('a'), platform }], NOW);
    expect((await list(world)).allowed).toEqual(new Set([digestOf('a'), digestOf('index')]));
  });

  test.each([Number.NaN, 'yesterday', 1e15])('a grace that would end after %p is none', async (deadlineEpochMs) => {
    const world = await fleetWith(['old'], { bornDaysAgo: 35, places: [0] });
    const known = world.images.records.get(digestOf('old'));
    const { verdict } = known ?? {};
    const reasons = verdict?.reasons.map((reason) => ({ ...reason, deadlineEpochMs }));
    world.images.records.set(digestOf('old'), { ...known, verdict: { ...verdict, reasons } } as never);
    const { gracedIn, unreadable } = await list(world);
    expect(CLUSTERS.flatMap((cluster) => [...gracedIn(cluster)])).toEqual([]);
    expect(unreadable).toEqual([digestOf('old')]);
  });

  test('each image is read once, and a few hundred at a time', async () => {
    const names = Array.from({ length: 950 }, (_, nth) => `image ${nth}`);
    const world = await fleetWith(names);
    const load = { reads: 0, atOnce: 0, most: 0, largest: 0 };
    const images: AllowedImagesPorts['images'] = {
      get: async (digests) => {
        load.reads += digests.length;
        load.atOnce += digests.length;
        load.most = Math.max(load.most, load.atOnce);
        load.largest = Math.max(load.largest, digests.length);
        await new Promise((resolve) => setImmediate(resolve));
        load.atOnce -= digests.length;
        return world.images.get(digests);
      },
    };
    expect((await list({ ...world, images })).allowed.size).toBe(950);
    expect(load).toEqual({ reads: 950, atOnce: 0, most: 400, largest: 100 });
  });

  test('an index of an image that a rebuild made again, so that its age counts anew, is in the list', async () => {
    const world = await fleetWith(['again'], { bornDaysAgo: 80 });
    const [known] = (await world.images.get([digestOf('again')])).values();
    if (!known) throw new Error('the image is recorded');
    const birth = { known: true, bornAtEpochMs: NOW - DAY_MS, evidence: [] } as const;
    const image = { ...known, lineage: alone({ ...known, birth }) };
    const scan = { state: 'complete', completedAtEpochMs: NOW, coverage: ['os'] } as const;
    const verdict = evaluate({ image, scan, findings: [], firstSeen: new Map() }, policyWith(), 'policy-1', NOW);
    await world.images.recordJudgement({ digest: known.digest, scan, verdict, judgedAtEpochMs: NOW });
    await world.places.recordIndex(digestOf('index'), [{ digest: digestOf('again'), platform }], NOW - 79 * DAY_MS);
    expect((await list(world)).allowed).toEqual(new Set([digestOf('again'), digestOf('index')]));
  });

  test('an index that an earlier version recorded is looked at where a workload names it', async () => {
    const world = await fleetWith(['kept']);
    for (const index of ['named', 'forgotten']) {
      await world.places.recordIndex(digestOf(index), [{ digest: digestOf('kept'), platform }], NOW);
      world.places.undate(digestOf(index));
    }
    await run(world, digestOf('kept'), 0, doorImage('named'));
    expect((await list(world)).allowed).toEqual(new Set([digestOf('kept'), digestOf('named')]));
  });

  test('indexes are read from the birth of the oldest image that may start', async () => {
    const sinceOf = async (changes: Partial<SomeImage>) => {
      const world = await fleetWith(['a'], changes);
      let since = Number.NaN;
      const recordedSince = (sinceEpochMs: number) => {
        since = (NOW - sinceEpochMs) / DAY_MS;
        return world.recordedIndexes.recordedSince(sinceEpochMs);
      };
      await list({ ...world, recordedIndexes: { recordedSince } });
      return since;
    };
    // A day is for clocks that differ.
    expect(await sinceOf({})).toBe(2);
    expect(await sinceOf({ bornDaysAgo: 35, places: [0] })).toBe(36);
    expect(await sinceOf({ bornDaysAgo: 45 })).toBe(1);
    expect(await sinceOf({ bornDaysAgo: -3 })).toBe(1);
  });
});
