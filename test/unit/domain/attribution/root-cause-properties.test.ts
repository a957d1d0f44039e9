import { type RootCause, rootCausesOf } from '../../../../shared/domain/attribution/root-cause.ts';
import { type AttributionInputs, streamLineageOf } from '../../../../shared/domain/attribution/stream-path.ts';
import { contentFactStatus, type FactStatus, factStatus } from '../../../../shared/domain/cause/fact-status.ts';
import type { Digest } from '../../../../shared/domain/image/image.ts';
import { streamBelow } from '../../../../shared/domain/lineage/find-parents.ts';
import { fc } from '../../../support/seeded.ts';
import { digestOf } from '../arbitraries.ts';
import { AMD, ARM, age, cve, fleetOf, type Has, type Heads, type ImageFact, type Sketch } from './root-cause-fleet.ts';

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
  readonly known: AttributionInputs;
  /** The image that has the fact. */
  readonly digest: Digest;
}

/** Heads are among the last images of their stream; some streams have no known heads. */
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

const streamOf =
  ({ known }: Case) =>
  (digest: Digest) =>
    known.images.get(digest)?.stream;

interface Place {
  readonly stream: string;
  readonly digest: Digest;
}

/** The streams of the lineage from the top, each once with its highest image, as `streamBelow` leads down. */
function lineage(one: Case, digest: Digest): Place[] {
  const own = streamOf(one)(digest);
  const places = own === undefined ? [] : [{ stream: own, digest }];
  let at = streamBelow(one.known.parents, digest, streamOf(one));
  for (; at; at = streamBelow(one.known.parents, at.digest, streamOf(one))) {
    const { stream, digest } = at;
    if (!places.some((place) => place.stream === stream)) places.push({ stream, digest });
  }
  return places;
}

/** Each stream that has heads, with whose the fact is. */
function eachFault(one: Case, of: (stream: string, heads: readonly Digest[], rootCause: RootCause) => void): void {
  for (const [stream, { head }] of one.known.streams) {
    const digests = Object.values(head?.images ?? {});
    const heads = digests.map((digest) => one.known.images.get(digest) ?? { digest });
    if (heads.length > 0) of(stream, digests, rootCausesOf({ stream, heads }, one.known)(one.fact));
  }
}

const within = ({ fact, known }: Case, digest: Digest): FactStatus =>
  contentFactStatus(fact, known.images.get(digest) ?? { digest });

test('all kinds of answers come about', () => {
  const counted = { own: 0, below: 0, pending: 0 };
  for (const one of fc.sample(cases, { numRuns: 2000 }))
    eachFault(one, (_, __, rootCause) => {
      counted[rootCause.kind] += 1;
    });
  for (const count of Object.values(counted)) expect(count).toBeGreaterThan(50);
});

test('the steps of a path lead from stream to stream, from the top down to one that was left', () => {
  fc.assert(
    fc.property(cases, (one) => {
      const steps = streamLineageOf(one.digest, one.known).steps.map(({ stream, digest }) => ({ stream, digest }));
      expect(steps.toReversed()).toEqual(lineage(one, one.digest).slice(0, steps.length));
    }),
    runs,
  );
});

test('a path leads over ancestor streams of a head with the fact, from the root cause to the stream', () => {
  fc.assert(
    fc.property(cases, (one) =>
      eachFault(one, (stream, heads, rootCause) => {
        if (rootCause.kind !== 'below') return;
        const holders = heads.filter(
          (head) => factStatus(one.fact, one.known.images.get(head) ?? { digest: head }) === 'present',
        );
        const upwards = holders.map((head) =>
          lineage(one, head)
            .map((place) => place.stream)
            .toReversed(),
        );
        for (const way of rootCause.paths) {
          expect(way.at(-1)).toBe(stream);
          expect(way.length).toBeGreaterThan(1);
          expect(upwards.some((all) => all.join().endsWith(way.join()))).toBe(true);
        }
      }),
    ),
    runs,
  );
});

test('no root cause or path stream has only heads without the fact for the platform', () => {
  fc.assert(
    fc.property(cases, (one) =>
      eachFault(one, (_, digests, rootCause) => {
        const steps = digests.flatMap((digest) => streamLineageOf(digest, one.known).steps);
        for (const way of rootCause.kind === 'below' ? rootCause.paths : [])
          for (const stream of way.slice(0, -1)) {
            const seen = steps.filter((step) => step.stream === stream);
            const isFree = ({ heads = [] }: (typeof steps)[number]) =>
              heads.length > 0 && heads.every((head) => within(one, head) === 'absent');
            expect(seen.every(isFree)).toBe(false);
          }
      }),
    ),
    runs,
  );
});

test('the order of facts makes no difference', () => {
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
      const found = (each: Case) => {
        const all = new Map<string, RootCause>();
        eachFault(each, (stream, _, rootCause) => all.set(stream, rootCause));
        return all;
      };
      expect(found({ ...one, known })).toEqual(found(one));
    }),
    runs,
  );
});
