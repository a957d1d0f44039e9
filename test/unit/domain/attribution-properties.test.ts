import { type Attribution, attribute, type ImageFact } from '../../../shared/domain/attribution.ts';
import { type KnownFleet, lineOf } from '../../../shared/domain/attribution-line.ts';
import { containsFact, type Holding, type LookedAt } from '../../../shared/domain/holding.ts';
import type { Digest } from '../../../shared/domain/image.ts';
import { ancestorsOf, standsOn } from '../../../shared/domain/lineage.ts';
import { fc } from '../../support/seeded.ts';
import { looked, reasonOf } from './acting.ts';
import { digestOf } from './arbitraries.ts';
import { AMD, ARM, age, cve, fleetOf, type Has, type Heads, type Sketch } from './attribution-fleet.ts';

const runs = { numRuns: 3000 };

const STREAMS = ['base', 'platform', 'app', 'other'];
const often = <Value>(value: Value, times: number): Value[] => Array<Value>(times).fill(value);

/** Generation by generation: base, platform, application, mostly on each other, or on those of the generation before. */
const sketches = fc.record({
  stream: fc.constantFrom(...often('in turn', 12), ...STREAMS, 'none'),
  stepsBack: fc.constantFrom(...often(1, 7), ...often(4, 3), 2, 3, 0),
  by: fc.constantFrom(...often('layers' as const, 8), 'label-name', 'earliest-push'),
  has: fc.constantFrom<Has[]>(...often<Has>('nothing', 7), ...often<Has>('it', 3), 'waived', 'unknown', 'never judged'),
  platform: fc.constantFrom(...often(AMD, 14), ARM, 'unknown/unknown' as const),
});
type Drawn = typeof sketches extends fc.Arbitrary<infer Sketched> ? Sketched : never;

function sketchOf({ stream, stepsBack, by, has, platform }: Drawn, at: number, tested: number): Sketch {
  const made = stream === 'in turn' ? STREAMS[at % 3] : stream;
  const isOn = stepsBack > 0 && at >= stepsBack && (stream !== 'in turn' || at % 3 > 0);
  return {
    ...{ by, platform, has: at === tested && has !== 'unknown' ? 'it' : has },
    ...(made !== undefined && made !== 'none' && { stream: made }),
    ...(isOn && { on: `${at - stepsBack}` }),
  };
}

interface Case {
  readonly fact: ImageFact;
  readonly known: KnownFleet;
  /** The image that has the fact. */
  readonly digest: Digest;
}

/** Heads are among the last images of their stream; of some streams nobody knows them. */
const cases: fc.Arbitrary<Case> = fc
  .tuple(
    fc.constantFrom(cve, cve, age),
    fc.array(sketches, { minLength: 3, maxLength: 10 }),
    fc.tuple(
      ...STREAMS.map(() => fc.constantFrom(...often('last', 14), 'last but one', 'none', 'unread', 'unlisted', 'arm')),
    ),
    fc.nat(),
  )
  .map(([fact, drawn, states, number]) => {
    const tested = number % drawn.length;
    const images = Object.fromEntries(drawn.map((one, at) => [`${at}`, sketchOf(one, at, tested)]));
    const heads = STREAMS.flatMap((stream, at): [string, Heads[string]][] => {
      const state = states[at];
      if (state === 'unread') return [];
      const made = Object.keys(images).filter((name) => images[name]?.stream === stream);
      const head = state === 'unlisted' ? state : made.at(state === 'last but one' ? -2 : -1);
      return [[stream, state === 'none' || head === undefined ? undefined : { [state === 'arm' ? ARM : AMD]: head }]];
    });
    return { fact, known: fleetOf(images, Object.fromEntries(heads), fact), digest: digestOf(`${tested}`) };
  });

const attributionOf = ({ fact, known, digest }: Case): Attribution => attribute(fact, lineOf(digest, known), known);
const streamOf =
  ({ known }: Case) =>
  (digest: Digest) =>
    known.images.get(digest)?.stream;
const within = ({ fact, known, digest: image }: Case, digest: Digest): Holding =>
  digest === image ? 'holds' : containsFact(fact, known.images.get(digest) ?? { digest });
/** The heads of a stream that an image of it could be replaced by. */
function headsOf({ known }: Case, { stream, digest }: Place): Digest[] {
  const own = known.images.get(digest)?.platform;
  const all = Object.entries(known.streams.get(stream)?.head?.images ?? {});
  return all.flatMap(([platform, head]) => (own === platform || own === 'unknown/unknown' ? [head] : []));
}

interface Place {
  readonly stream: string;
  readonly digest: Digest;
}

/** The streams of the lineage from the top, each once with its highest image, as `standsOn` leads down. */
function lineage(one: Case): Place[] {
  const own = streamOf(one)(one.digest);
  const places = own === undefined ? [] : [{ stream: own, digest: one.digest }];
  let at = standsOn(one.known.parents, one.digest, streamOf(one));
  for (; at; at = standsOn(one.known.parents, at.digest, streamOf(one))) {
    const { stream, digest } = at;
    if (!places.some((place) => place.stream === stream)) places.push({ stream, digest });
  }
  return places;
}

const holds = (of: (one: Case, answer: Attribution) => void) =>
  fc.assert(
    fc.property(cases, (one) => of(one, attributionOf(one))),
    runs,
  );

test('all kinds of answers come about', () => {
  const kinds = fc.sample(cases, { numRuns: 3000, seed: 1 }).map((one) => {
    const answer = attributionOf(one);
    if (answer.kind === 'rebuild') return answer.path.length > 1 ? `${answer.because}, path` : answer.because;
    return answer.kind === 'report' ? answer.because : answer.kind;
  });
  const counted = Object.fromEntries([...Map.groupBy(kinds, (kind) => kind)].map(([kind, all]) => [kind, all.length]));
  const named = [
    'pending',
    'deploy',
    'no-stream',
    'made-elsewhere',
    'platform-dropped',
    'head-has-it',
    'head-has-it, path',
    'head-behind',
    'head-behind, path',
    'head-has-it-waived',
    'no-head',
  ];
  expect(named.filter((kind) => (counted[kind] ?? 0) < 5)).toEqual([]);
});

test('the steps of a line are those that lead from stream to stream, but for what was left', () => {
  holds((one) => {
    const line = lineOf(one.digest, one.known);
    const all = lineage(one).map(({ stream, digest }) => [stream, digest]);
    expect(line.steps.toReversed().map(({ stream, digest }) => [stream, digest])).toEqual(
      all.slice(0, line.steps.length),
    );
    if (line.left === undefined) expect(line.steps).toHaveLength(all.length);
    else expect(all[line.steps.length]?.[0]).toBe(line.left);
  });
});

test('the order in which facts are given does not matter', () => {
  const shuffled = cases.chain((one) =>
    fc.tuple(
      fc.constant(one),
      fc.shuffledSubarray([...one.known.images], { minLength: one.known.images.size }),
      fc.shuffledSubarray([...one.known.parents], { minLength: one.known.parents.size }),
      fc.shuffledSubarray([...one.known.streams], { minLength: one.known.streams.size }),
    ),
  );
  fc.assert(
    fc.property(shuffled, ([one, images, parents, streams]) => {
      const backwards = images.map(
        ([digest, { verdict, ...image }]) =>
          [
            digest,
            { ...image, ...(verdict && { verdict: { ...verdict, reasons: verdict.reasons.toReversed() } }) },
          ] as const,
      );
      const known = { images: new Map(backwards), parents: new Map(parents), streams: new Map(streams) };
      expect(attributionOf({ ...one, known })).toEqual(attributionOf(one));
    }),
    runs,
  );
});

test('the root is on the lineage of the image, and the path leads from it to the top', () => {
  holds((one, answer) => {
    if (answer.kind !== 'rebuild') return;
    const upwards = lineage(one)
      .map(({ stream }) => stream)
      .toReversed();
    expect(upwards).toContain(answer.root);
    expect(answer.path).toEqual(upwards.slice(upwards.indexOf(answer.root)));
  });
});

/** Whether the nearest of its ancestors that the stream below made is a head of it. */
function standsOnHead(one: Case, head: Digest, below: Place | undefined): boolean {
  if (!below) return true;
  const nearest = ancestorsOf(one.known.parents, head).find(
    ({ digest, evidence }) => evidence !== 'earliest-push' && streamOf(one)(digest) === below.stream,
  );
  return nearest !== undefined && headsOf(one, below).includes(nearest.digest);
}

test('a root has a reason that can be seen', () => {
  holds((one, answer) => {
    if (answer.kind !== 'rebuild') return;
    const places = lineage(one);
    const at = places.findIndex(({ stream }) => stream === answer.root);
    const heads = places[at] ? headsOf(one, places[at]) : [];
    const seen = {
      'no-head': heads.length === 0,
      'head-behind': !heads.every((head) => standsOnHead(one, head, places[at + 1])),
      'head-has-it': heads.some((head) => within(one, head) === 'holds'),
      'head-has-it-waived': heads.some((head) => within(one, head) === 'holds'),
    };
    expect(seen[answer.because]).toBe(true);
  });
});

test('a fact never roots above the lowest stream that has it unless all heads in between are free of it, each on the next', () => {
  holds((one, answer) => {
    if (answer.kind !== 'rebuild' && answer.kind !== 'deploy') return;
    const all = lineage(one).toReversed();
    const upwards = all.slice(all.findIndex(({ stream }) => stream === answer.left) + 1);
    const isRoot = ({ stream }: Place): boolean => answer.kind === 'rebuild' && stream === answer.root;
    const passed = upwards.some(isRoot) ? upwards.slice(0, upwards.findIndex(isRoot)) : upwards;
    const lowest = upwards.findIndex((place) =>
      [place.digest, ...headsOf(one, place)].some((digest) => within(one, digest) === 'holds'),
    );
    for (const [at, place] of passed.entries()) {
      const heads = headsOf(one, place);
      expect(heads.map((head) => within(one, head))).toEqual(heads.map(() => 'free'));
      if (at >= lowest) expect(heads).not.toEqual([]);
      if (at > lowest) expect(heads.every((head) => standsOnHead(one, head, upwards[at - 1]))).toBe(true);
    }
  });
});

test('what is left is left by the head that was looked at', () => {
  holds((one, answer) => {
    if (answer.kind === 'pending' || answer.left === undefined) return;
    const places = lineage(one);
    const at = places.findIndex(({ stream }) => stream === answer.left);
    const heads = places[at - 1] ? headsOf(one, places[at - 1] as Place) : [];
    expect(heads).not.toEqual([]);
    for (const head of heads) {
      const streams = ancestorsOf(one.known.parents, head).map(({ digest }) => streamOf(one)(digest));
      expect(streams.filter((stream) => stream !== undefined)).not.toEqual([]);
      expect(standsOnHead(one, head, places[at])).toBe(false);
    }
  });
});

test('nothing is deployed that is not mended, and nothing where it runs already', () => {
  holds((one, answer) => {
    if (answer.kind !== 'deploy') return;
    expect(answer.heads.length).toBeGreaterThan(0);
    expect(answer.heads).not.toContain(one.digest);
    expect(answer.heads.map((head) => within(one, head))).toEqual(answer.heads.map(() => 'free'));
    expect(answer.stream).toBe(streamOf(one)(one.digest));
  });
});

describe('what nobody knows', () => {
  /** The same fleet with all that was unknown found to have the fact, or not. */
  const settled = (one: Case, hasIt: (at: number) => boolean, only?: ReadonlySet<Digest>): Case => {
    const images = [...one.known.images].map(([digest, image], at) => {
      if (within(one, digest) !== 'unknown' || (only && !only.has(digest))) return [digest, image] as const;
      const { verdict, judgedAtEpochMs, ...facts } = image;
      const found: LookedAt = looked('', ...(hasIt(at) ? [reasonOf(one.fact)] : []));
      return [digest, { ...found, ...facts }] as const;
    });
    return { ...one, known: { ...one.known, images: new Map(images) } };
  };

  test('could not have changed what is decided', () => {
    fc.assert(
      fc.property(cases, fc.array(fc.boolean(), { minLength: 10, maxLength: 10 }), (one, found) => {
        const answer = attributionOf(one);
        if (answer.kind === 'pending') return;
        const { because, holder, vendor, ...decided } = { because: '', ...answer };
        const isDecided = answer.kind === 'report' ? { ...decided, because } : decided;
        expect(attributionOf(settled(one, (at) => found[at] === true))).toMatchObject(isDecided);
      }),
      runs,
    );
  });

  test('is asked for, nothing else is, and then it is decided', () => {
    fc.assert(
      fc.property(cases, fc.boolean(), (drawn, hasIt) => {
        let one = drawn;
        for (let rounds = 0; ; rounds += 1) {
          const answer = attributionOf(one);
          if (answer.kind !== 'pending') return;
          const { images, streams } = answer;
          expect(images.length + streams.length).toBeGreaterThan(0);
          for (const digest of images)
            expect([within(one, digest), one.known.images.has(digest)]).not.toEqual([
              expect.stringMatching(/holds|free/),
              true,
            ]);
          for (const stream of streams) expect(one.known.streams.has(stream)).toBe(false);
          if (streams.length > 0 || images.some((digest) => !one.known.images.has(digest))) return;
          expect(rounds).toBeLessThan(10);
          one = settled(one, () => hasIt, new Set(images));
        }
      }),
      runs,
    );
  });
});
