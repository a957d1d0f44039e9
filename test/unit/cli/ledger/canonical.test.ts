import { canonicalLedger } from '../../../../cli/ledger/canonical.ts';
import {
  causeContent,
  imageContent,
  reviewContent,
  unpackedItem,
} from '../../../../shared/adapters/dynamodb/table/items.ts';
import * as keys from '../../../../shared/adapters/dynamodb/table/keys.ts';
import type { ImageLineage } from '../../../../shared/domain/age/image-lineage.ts';
import type { Digest } from '../../../../shared/domain/image/image.ts';
import type { ImageRecord } from '../../../../shared/domain/verdict/image-record.ts';
import { VERDICTS, type VerdictStatus } from '../../../../shared/domain/verdict/verdict.ts';
import {
  cause,
  digestOf,
  imageProperties,
  judgement,
  LOCATION,
  place,
  review,
  usage,
  verdict,
} from '../../../support/samples.ts';
import { fc } from '../../../support/seeded.ts';

type Item = Record<string, unknown>;

/** What two runs of one fleet have in common. */
interface Fleet {
  readonly images: readonly {
    readonly status: VerdictStatus;
    readonly tags: readonly string[];
    readonly count: number;
    readonly inUse: boolean;
    /** Other images, as children of an index of this image's own. */
    readonly children: readonly number[];
    /** The image it is built on; absent before a review has looked, itself where it is built on none. */
    readonly on?: number;
  }[];
}

/** What differs from run to run. */
interface Run {
  readonly name: string;
  readonly startedAtEpochMs: number;
  /** Digests in one batch. */
  readonly batch: number;
  /** In which the table hands over its items. */
  readonly order: number;
}

const standingOn = (below: Digest, own: Digest, bornAtEpochMs: number): ImageLineage => ({
  ...(below !== own && { parent: { digest: below, evidence: 'layers' } }),
  age: { known: true, bornAtEpochMs, decidedBy: below },
});

/** The ledger as the adapters write it. */
function ledger({ images }: Fleet, { name, startedAtEpochMs, batch, order }: Run): Item[] {
  const digest = (number: number): Digest => digestOf(`${name} image ${number}`);
  const start = new Date(startedAtEpochMs).toISOString();
  const runId = `${start.replace(/[-:.]/g, '')}-${digestOf(name).slice(7, 15)}`;
  const items = images.flatMap(({ status, tags, count, inUse, children, on }, number): Item[] => {
    const own = digest(number);
    const record: ImageRecord = {
      ...imageProperties('', { digest: own, chainId: digestOf(`${name} chain ${number}`) }),
      birth: { known: true, bornAtEpochMs: startedAtEpochMs - number, evidence: [] },
      inUse,
      isHead: false,
      ...(on !== undefined && { lineage: standingOn(digest(on), own, startedAtEpochMs - on) }),
      ...judgement('', startedAtEpochMs, {
        digest: own,
        verdict: verdict(status, { policyVersion: digestOf('policy').slice(7) }),
        findingsFingerprint: digestOf(status).slice(7),
      }),
    };
    const seen = place('', { digest: own, tags, lastPushSeenAtEpochMs: startedAtEpochMs });
    const used = usage('', { digest: own, count });
    return [
      { ...keys.image(own), ...imageContent({ record, scanAskedBy: runId }), rev: startedAtEpochMs % 7 },
      { ...keys.location(own, LOCATION), kind: 'location', ...seen },
      { ...keys.usage(used), kind: 'usage', ...used, expiresAt: startedAtEpochMs / 1000 },
      ...(children.length > 0
        ? [
            { ...keys.index(own), kind: 'index', children: children.map((child) => ({ digest: digest(child) })) },
            // In the order of the digests, which is chance.
            { ...keys.index(own), SK: 'SET', digests: children.map(digest).sort() },
          ]
        : []),
    ];
  });
  const executionArn = `arn:aws:states:eu-west-1:111122223333:execution:fleet-review:${name}`;
  const ended = review(runId, { startedAtEpochMs, executionArn, state: 'succeeded' });
  const all = [
    ...items,
    ...verdictParts(images, runId, batch),
    { ...keys.run(runId), ...reviewContent('run', ended) },
    { ...keys.latestRun, ...reviewContent('latest-run', ended) },
    { ...keys.cause('stream'), ...causeContent(cause('stream', { sinceEpochMs: startedAtEpochMs })) },
    {
      ...keys.scope(LOCATION),
      kind: 'scope',
      failure: {
        error: 'ScopeUnreachableError',
        detail: `at ${start}, request 1b4e28ba-2fa1-11d2-883f-${name.padEnd(12, '0')}`,
      },
    },
  ];
  return shuffled(all.map(unpackedItem), order);
}

const shuffled = (items: readonly Item[], order: number): Item[] =>
  items
    .map((item, index) => ({ item, place: digestOf(`${order} ${index}`) }))
    .sort((one, other) => (one.place < other.place ? -1 : 1))
    .map(({ item }) => item);

function verdictParts(images: Fleet['images'], runId: string, size: number): Item[] {
  const batches = Math.ceil(images.length / size);
  return Array.from({ length: batches }, (_, number) => {
    const mine = images.slice(number * size, (number + 1) * size);
    const count = (status: string) => mine.filter((image) => image.status === status).length;
    const outcomes = Object.fromEntries([...VERDICTS, 'failed'].map((status) => [status, count(status)]));
    const key = String(number).padStart(4, '0');
    return {
      ...keys.runPart(runId, 'verdict', key),
      kind: 'run-part',
      part: { kind: 'verdict', key, outcomes, failures: [] },
    };
  });
}

/** From few values, so that many images look alike. */
const anyFleet: fc.Arbitrary<Fleet> = fc
  .integer({ min: 1, max: 6 })
  .chain((size) =>
    fc.array(
      fc.record(
        {
          status: fc.constantFrom(...VERDICTS),
          tags: fc.constantFrom([], ['1.4.2'], ['1.4.2', 'latest']),
          count: fc.constantFrom(1, 2),
          inUse: fc.boolean(),
          children: fc.array(fc.nat({ max: size - 1 }), { maxLength: 2 }),
          on: fc.nat({ max: size - 1 }),
        },
        { requiredKeys: ['status', 'tags', 'count', 'inUse', 'children'] },
      ),
      { minLength: size, maxLength: size },
    ),
  )
  .map((images) => ({ images }));

const anyRun: fc.Arbitrary<Run> = fc.record({
  name: fc.stringMatching(/^[0-9a-f]{1,12}$/),
  startedAtEpochMs: fc.integer({ min: 1_600_000_000_000, max: 1_700_000_000_000 }),
  batch: fc.integer({ min: 1, max: 4 }),
  order: fc.nat(),
});

test('two runs of one fleet give equal bytes without clocks, ids and digests', () => {
  fc.assert(
    fc.property(anyFleet, anyRun, anyRun, (fleet, one, other) => {
      const text = canonicalLedger(ledger(fleet, one));
      expect(canonicalLedger(ledger(fleet, other))).toBe(text);
      expect(text).not.toMatch(/[0-9a-f]{64}|\b1[67]\d{8,}|\d{8}T\d{9}Z|\d{4}-\d\d-\d\dT/);
    }),
    { numRuns: 80 },
  );
});

const RUN: Run = { name: 'a', startedAtEpochMs: 1_650_000_000_000, batch: 2, order: 0 };

/** Every way to change one image of a fleet. */
const changes: readonly [string, (image: Fleet['images'][number]) => Fleet['images'][number]][] = [
  ['a verdict', (image) => ({ ...image, status: image.status === 'unknown' ? 'violating' : 'unknown' })],
  ['a tag more', (image) => ({ ...image, tags: [...image.tags, 'stable'] })],
  ['another tag', (image) => ({ ...image, tags: ['1.4.3', ...image.tags.slice(1)] })],
  ['a count', (image) => ({ ...image, count: image.count + 1 })],
  ['whether it is in use', (image) => ({ ...image, inUse: !image.inUse })],
  [
    'whether a review has looked what it is built on',
    ({ on, ...image }) => (on === undefined ? { ...image, on: 0 } : image),
  ],
  ['a child more', (image) => ({ ...image, children: [...image.children, 0] })],
];

test.each(changes)('one image with another %s gives different bytes', (_, change) => {
  fc.assert(
    fc.property(anyFleet, fc.nat(), anyRun, ({ images }, at, other) => {
      const changed = images.map((image, number) => (number === at % images.length ? change(image) : image));
      expect(canonicalLedger(ledger({ images: changed }, other))).not.toBe(canonicalLedger(ledger({ images }, RUN)));
    }),
    { numRuns: 40 },
  );
});

test('a missing or repeated item gives different bytes', () => {
  fc.assert(
    fc.property(anyFleet, fc.nat(), (fleet, at) => {
      const items = ledger(fleet, RUN).filter(({ kind }) => kind !== 'run-part');
      const missing = items.filter((_, index) => index !== at % items.length);
      expect(canonicalLedger(missing)).not.toBe(canonicalLedger(items));
      expect(canonicalLedger([...items, items[at % items.length] ?? {}])).not.toBe(canonicalLedger(items));
    }),
    { numRuns: 40 },
  );
});

describe('similar images are distinguished by their neighbours', () => {
  const ring = (name: string, ...sizes: readonly number[]): Item[] =>
    sizes.flatMap((size, ringNumber) =>
      Array.from({ length: size }, (_, number): Item => {
        const digest = (place: number) => digestOf(`${name} ${ringNumber} ${place % size}`);
        return { ...keys.index(digest(number)), kind: 'index', children: [{ digest: digest(number + 1) }] };
      }),
    );

  test('a ring of six differs from two rings of three', () => {
    expect(canonicalLedger(ring('a', 6))).not.toBe(canonicalLedger(ring('a', 3, 3)));
  });

  test.each([[[6]], [[3, 3]], [[1, 2, 3]], [[4, 4, 4]]])('rings of %j are equal for any digests', (sizes) => {
    const expected = canonicalLedger(ring('a', ...sizes));
    for (let number = 0; number < 50; number += 1) {
      expect(canonicalLedger(shuffled(ring(`b${number}`, ...sizes), number))).toBe(expected);
    }
  });

  test('a ring of two kinds is equal for any digests', () => {
    const mixed = (name: string) => ring(name, 8).map((item, number) => ({ ...item, tier: number % 2 }));
    const expected = canonicalLedger(mixed('a'));
    for (let number = 0; number < 50; number += 1) {
      expect(canonicalLedger(shuffled(mixed(`b${number}`), number))).toBe(expected);
    }
  });

  test('hundreds of identical images finish within the time limit', () => {
    const many = (name: string): Item[] =>
      Array.from({ length: 1_500 }, (_, number) => {
        const digest = digestOf(`${name} ${number}`);
        return { ...keys.location(digest, LOCATION), kind: 'location', digest, tags: [] };
      });
    expect(canonicalLedger(many('a'))).toBe(canonicalLedger(many('b')));
  });
});

test('sample of a dump', () => {
  const [one, two] = [digestOf('one'), digestOf('two')];
  const runId = '20261124T030000000Z-3f2a9c10';
  const hash = digestOf('policy').slice(7);
  const execution = 'arn:aws:states:eu-west-1:111122223333:execution:review:3f2a';
  const part = (kind: string, key: string, members: Item): Item => ({
    ...keys.runPart(runId, kind, key),
    kind: 'run-part',
    part: { kind, key, ...members },
  });
  const items: Item[] = [
    {
      ...keys.image(one),
      rev: 4,
      policy: hash,
      agePk: 'AGE#3',
      ageSk: `2026-11-24T03:00:00.000Z#${one}`,
      tier: 'base',
    },
    { ...keys.image(two), rev: 1, verdictPk: 'VERDICT#unknown#7', findingsFingerprint: digestOf('findings').slice(7) },
    { PK: `IMAGE#${two}`, SK: 'USE#web', count: 2, recordedAtEpochMs: 7, expiresAt: 8 },
    { PK: `IMAGE#${one}`, SK: 'USE#web', count: 1, note: `by ${execution}` },
    part('scan', '0001', { scans: { requested: 1, refused: { archived: 1 } }, laterUntilEpochMs: 5 }),
    part('scan', '0002', { scans: { requested: 2, refused: { enhanced: 1 } } }),
    part('verdict', '0001', { outcomes: { violating: 2 }, failures: [{ digest: one, error: 'Gone' }] }),
    part('verdict', '0002', { outcomes: { violating: 3 }, failures: [] }),
    part('scope', 'a/b', { result: { status: 'complete' } }),
    { ...keys.run(runId), executionArn: 'any', startedAtEpochMs: 5, note: `of ${runId}, not of ${runId}0` },
    { ...keys.latestRun, runId: 'earlier', note: 'earlier than earlier-one, not-earlier' },
    { ...keys.currentRun, note: 'CURRENT, not LATEST' },
  ];
  expect(canonicalLedger(items).split('\n')).toEqual([
    '{"PK":"IMAGE#<digest-00001>","SK":"IMAGE","agePk":"AGE","ageSk":"<masked>#<digest-00001>",' +
      '"policy":"<hash-00001>","tier":"base"}',
    '{"PK":"IMAGE#<digest-00002>","SK":"IMAGE",' +
      `"findingsFingerprint":"${digestOf('findings').slice(8)}","verdictPk":"VERDICT#unknown"}`,
    '{"PK":"IMAGE#<digest-00001>","SK":"USE#web","count":1,"note":"by <masked>"}',
    '{"PK":"IMAGE#<digest-00002>","SK":"USE#web","count":2,"expiresAt":"<masked>","recordedAtEpochMs":"<masked>"}',
    '{"PK":"RUN#<run-00001>","SK":"PART#scan#*","kind":"run-part","part":{"kind":"scan",' +
      '"laterUntilEpochMs":"<masked>","scans":5}}',
    '{"PK":"RUN#<run-00001>","SK":"PART#scope#a/b","kind":"run-part",' +
      '"part":{"key":"a/b","kind":"scope","result":{"status":"complete"}}}',
    '{"PK":"RUN#<run-00001>","SK":"PART#verdict#*","kind":"run-part","part":{"kind":"verdict","outcomes":{"violating":5}}}',
    '{"PK":"RUN#<run-00001>","SK":"PART#verdict#*#failures","element":{"digest":"<digest-00001>","error":"Gone"},' +
      '"kind":"run-part"}',
    `{"PK":"RUN#<run-00001>","SK":"RUN","executionArn":"<masked>","note":"of <run-00001>, not of ${runId}0",` +
      '"startedAtEpochMs":"<masked>"}',
    '{"PK":"RUN#CURRENT","SK":"RUN","note":"CURRENT, not LATEST"}',
    '{"PK":"RUN#LATEST","SK":"RUN","note":"<run-00002> than earlier-one, not-earlier","runId":"<run-00002>"}',
    '',
  ]);
});

test('rebuild names lose their time, and tokens and deployments are masked', () => {
  const rebuildId = '20261124T030000000Z-0123456789ab';
  const lock = { ...keys.lock('one'), rebuildId, cascadeId: 'ab-g1', taskToken: 'secret', deadlineEpochMs: 5 };
  const service = { ...keys.deployment('ab-g1', 'a/b/c/d'), deploymentId: 'ecs-svc/123', state: 'running' };
  expect(canonicalLedger([{ ...keys.rebuild('one', rebuildId), attempt: 2 }, lock, service]).split('\n')).toEqual([
    '{"PK":"CASCADE#ab-g1","SK":"DEPLOY#a/b/c/d","deploymentId":"<masked>","state":"running"}',
    '{"PK":"STREAM#one","SK":"OPEN","cascadeId":"ab-g1","deadlineEpochMs":"<masked>",' +
      '"rebuildId":"<masked>-0123456789ab","taskToken":"<masked>"}',
    '{"PK":"STREAM#one","SK":"REBUILD#<masked>-0123456789ab","attempt":2}',
    '',
  ]);
});

test('ids that ECS gives to deployments are masked in every text and list', () => {
  const begun = (id: string, state = 'failed') =>
    canonicalLedger([
      {
        ...{ ...keys.deployment('ab-g1', 'a/b/c/d'), state, detail: `deployment ecs-svc/${id} is the primary one` },
        from: { deploymentId: `ecs-svc/${id}`, listed: [`ecs-svc/${id}`, 'ecs-svc/0'] },
      },
    ]);
  expect(begun('07cb496b823443439b25')).toBe(begun('3e4addc42a7645e28fbf'));
  expect(begun('1')).not.toBe(begun('1', 'completed'));
});

test('the pod template of a restart in Kubernetes is masked, because it names its cascade', () => {
  const begun = (deploymentId: string) =>
    canonicalLedger([
      { ...keys.deployment('ab-g1', 'a/b/c/eks-deployment:d/e'), deploymentId, from: { listed: [deploymentId] } },
    ]);
  expect(begun('template-0123456789ab')).toBe(begun('template-ba9876543210'));
});

test('instants in texts are masked, with and without milliseconds', () => {
  const canonicalAt = (at: string) =>
    canonicalLedger([{ ...keys.cause('one'), answer: { detail: `The last rebuild was at ${at}. Wait.` } }]);
  expect(canonicalAt('2026-11-24 03:00 UTC')).toBe(canonicalAt('2026-12-01 17:59 UTC'));
  expect(canonicalAt('2026-11-24T03:00:00.123Z')).toBe(canonicalAt('2026-12-01T17:59:59.000Z'));
  expect(canonicalAt('2026-11-24 03:00 UTC')).toContain('at <masked>. Wait.');
});

test('the heads of its parents that a rebuild was built on are masked; whether they are known stays', () => {
  const parents = (on: Readonly<Record<string, unknown>>) =>
    canonicalLedger([{ ...keys.rebuild('one', 'id'), ...on, builtOn: on, tried: [{ ...on, facts: ['CVE-1'] }] }]);
  expect(parents({ parents: '0123456789ab' })).toBe(parents({ parents: 'ba9876543210' }));
  expect(parents({ parents: '0123456789ab' })).not.toBe(parents({}));
  // The parent streams of a node are no hash.
  expect(parents({ parents: ['base'] })).not.toBe(parents({ parents: ['platform'] }));
});

test('lists keep their order; sets of digests do not', () => {
  const [one, two] = [digestOf('one'), digestOf('two')];
  const list = (...elements: string[]) => canonicalLedger([{ PK: one, elements }, { PK: two }]);
  expect(list('a', 'b')).not.toBe(list('b', 'a'));
  expect(list(one, two)).toBe(list(two, one));
});

test('lists ordered by masked times are sorted by their other fields', () => {
  const [one, two] = [digestOf('one'), digestOf('two')];
  const canonicalVerdict = (...elements: readonly object[]) => canonicalLedger([{ PK: 'VERDICT', elements }]);
  const [late, soon] = [
    { package: 'libc6', deadlineEpochMs: 8, digest: one },
    { deadlineEpochMs: 5, digest: two, package: 'libssl3' },
  ];
  expect(canonicalVerdict(late, soon)).toBe(canonicalVerdict({ ...soon, deadlineEpochMs: 7 }, late));
  expect(canonicalVerdict(late, soon)).not.toBe(canonicalVerdict(late, { ...soon, package: 'libc6' }));
  // Names that differ by chance put nothing in order.
  const seen = { deadlineEpochMs: 5, package: 'libc6' };
  expect(canonicalVerdict({ ...seen, digest: one }, { ...seen, digest: two })).toBe(
    canonicalVerdict({ ...seen, digest: two }, { ...seen, digest: one }),
  );
});

test('a digest and a bare hash in equal places stay distinct', () => {
  for (let number = 0; number < 20; number += 1) {
    const items = [{ PK: digestOf(`digest ${number}`) }, { PK: digestOf(`hash ${number}`).slice(7) }];
    expect(canonicalLedger(shuffled(items, number))).toBe(
      canonicalLedger([{ PK: digestOf('a') }, { PK: digestOf('b').slice(7) }]),
    );
  }
});

test('an image appears only in the list of its own stream', () => {
  const digest = `sha256:${'a'.repeat(64)}`;
  const image = { PK: `IMAGE#${digest}`, SK: 'IMAGE', kind: 'image', digest, stream: 'now' };
  const listed = (stream: string) => ({ PK: `STREAM#${stream}`, SK: `IMG#${digest}`, kind: 'stream-image', digest });
  expect(canonicalLedger([image, listed('now'), listed('before')])).toBe(canonicalLedger([image, listed('now')]));
  expect(canonicalLedger([image])).not.toBe(canonicalLedger([image, listed('now')]));
});

test('the count of missing images is left out, because it depends on the read order', () => {
  const part = (missing: number, images = 3) => ({
    ...{ PK: 'RUN#r', SK: 'PART#registry#a', kind: 'run-part' },
    part: { kind: 'registry', key: 'a', status: 'failed', images, missing },
  });
  expect(canonicalLedger([part(2)])).toBe(canonicalLedger([part(3)]));
  expect(canonicalLedger([part(2)])).not.toBe(canonicalLedger([part(2, 4)]));
});

test('an empty ledger gives an empty dump', () => {
  expect(canonicalLedger([])).toBe('');
});

test('read times of base repositories are masked; which ones were read stays', () => {
  const readings = (atEpochMs: number, repository = 'base/os', unread: readonly string[] = []) =>
    canonicalLedger([{ PK: 'LINEAGE', SK: 'READ', kind: 'base-readings', read: { [repository]: atEpochMs }, unread }]);
  expect(readings(1_795_794_232_572)).toBe(readings(1_795_794_154_457));
  expect(readings(1, 'base/os')).not.toBe(readings(1, 'base/web'));
  expect(readings(1, 'base/os', ['base/web'])).not.toBe(readings(1));
});

test.each([
  ['masked where Amazon Inspector scans, because its findings name layers', ['os', 'language'], true],
  ['kept where ECR scans, because it depends on the findings only', ['os'], false],
])('the fingerprint of findings is %s', (_, coverage, isMasked) => {
  const dump = (content: string) =>
    canonicalLedger([
      {
        ...keys.image(digestOf('a')),
        ...{ kind: 'image', digest: digestOf('a'), scan: { state: 'complete', coverage } },
        findingsFingerprint: digestOf(content).slice(7),
      },
    ]);
  expect(dump('layer of one run') === dump('layer of another run')).toBe(isMasked);
});

test('whether a scan request was repeated is left out, and the state of the scan stays', () => {
  const image = (scan: Readonly<Record<string, unknown>>) =>
    canonicalLedger([{ PK: 'IMAGE#1', SK: 'IMAGE', kind: 'image', digest: '1', scan }]);
  expect(image({ state: 'complete', answeredRequestAtEpochMs: 5 })).toBe(image({ state: 'complete' }));
  expect(image({ state: 'failed' })).not.toBe(image({ state: 'complete' }));
});

test('whether a scan was requested is left out once it is over', () => {
  const image = (scan: Readonly<Record<string, unknown>>) =>
    canonicalLedger([{ PK: 'IMAGE#1', SK: 'IMAGE', kind: 'image', digest: '1', scan }]);
  expect(image({ state: 'off', requestedAtEpochMs: 5 })).toBe(image({ state: 'off' }));
  expect(image({ state: 'requested', requestedAtEpochMs: 5 })).not.toBe(image({ state: 'requested' }));
});

test('the tags of an index are left out of its images, but not other tags', () => {
  const [index, child] = [digestOf('index'), digestOf('child')];
  const placeOf = (digest: Digest, tags: readonly string[], askedTags?: readonly string[]): Item => ({
    ...keys.location(digest, LOCATION),
    ...{ kind: 'location', digest, location: LOCATION, tags, ...(askedTags && { askedTags }) },
  });
  const read = (askedTags?: readonly string[]) =>
    canonicalLedger([
      { ...keys.index(index), kind: 'index', digest: index, children: [{ digest: child, platform: 'linux/amd64' }] },
      placeOf(index, ['22', '22-candidate']),
      placeOf(child, [], askedTags),
    ]);
  expect(read(['22-candidate'])).toBe(read());
  expect(read(['22', '22-candidate', 'pinned'])).toBe(read(['pinned']));
  expect(read(['pinned'])).not.toBe(read());
});

test('how often a cause got a fact is left out, and so are the tags that an output had when it was found', () => {
  const told = (version: number, outputTags: readonly string[]) =>
    canonicalLedger([
      { ...keys.cause('one'), kind: 'cause', version, facts: [{ kind: 'finding', version: '1.0' }] },
      { ...keys.rebuild('one', 'rebuild'), kind: 'rebuild', attempt: 1, outputTags },
    ]);
  expect(told(1, ['22'])).toBe(told(2, ['22', '22-1']));
  expect(told(1, [])).toContain('"version":"1.0"');
});
