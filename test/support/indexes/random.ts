import type { NodePlatform } from '../../../shared/domain/image/containerd.ts';
import { fc } from '../seeded.ts';
import { DOCKER_IMAGE, DOCKER_INDEX, type Entry, IMAGE, INDEX, type PushedIndex, storeIndex } from './store.ts';

const optional = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined, freq: 4 });
const defined = (members: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));

/** Mostly what nodes have, so that often several images fit. */
const os = fc.oneof(
  { weight: 12, arbitrary: fc.constant('linux') },
  fc.constantFrom('Linux', '', 'windows', 'unknown'),
);
const architecture = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom('amd64', 'arm64', 'arm') },
  fc.constantFrom('386', 'i386', 'x86_64', 'aarch64', 'armhf', 'armel', 's390x', 'unknown', '', 'arm64/v8', 'AMD64'),
);
const variant = fc.constantFrom(
  '',
  'v1',
  'v2',
  'v3',
  'v5',
  'v6',
  'v7',
  'v8',
  '6',
  '7',
  '8',
  'v8.2',
  'v8.9',
  'v9',
  '9',
  'V7',
  'odd',
);
const platform = fc
  .record({
    os: optional(os),
    architecture: optional(architecture),
    variant: fc.option(variant, { nil: undefined, freq: 1 }),
    'os.features': fc.option(fc.constantFrom([], ['win32k'], ['sse4']), { nil: undefined, freq: 1 }),
  })
  .map(defined);

const config = fc.oneof(
  { weight: 9, arbitrary: platform.map((one) => JSON.stringify(one)) },
  fc.constantFrom('no JSON', 'null', '[]', '{"os":7}', '{"os":"linux","architecture":null}'),
);
const often = <Value>(value: Value, ...others: Value[]) =>
  fc.oneof({ weight: 15, arbitrary: fc.constant(value) }, fc.constantFrom(...others));

const { entry } = fc.letrec<{ entry: Entry; image: Entry; index: Entry }>((tie) => ({
  entry: fc.oneof(
    { depthSize: 'small', maxDepth: 4, withCrossShrink: true },
    { weight: 5, arbitrary: tie('image') },
    { weight: 2, arbitrary: tie('index') },
  ),
  image: fc
    .record({
      platform: fc.option(fc.oneof({ weight: 9, arbitrary: platform }, fc.constant(null)), { nil: undefined, freq: 2 }),
      config,
      mediaType: often(IMAGE, DOCKER_IMAGE, DOCKER_IMAGE, 'application/x', ''),
      annotations: often(undefined, { 'vnd.docker.reference.type': 'attestation-manifest' }),
      isMissing: often(undefined, undefined, true),
    })
    // What the registry does not have starts nowhere; only an index that names no platform leads us to notice.
    .map(({ isMissing, ...one }) => defined({ ...one, ...(one.platform ? {} : { isMissing }) }) as Entry),
  index: fc
    .record({
      entries: fc.array(tie('entry'), { maxLength: 3 }),
      platform: fc.option(platform, { nil: undefined, freq: 1 }),
      isMissing: often(undefined, undefined, undefined, true),
    })
    .map((one) => defined(one) as Entry),
}));

/** An image of each has another name. */
function named(entries: readonly Entry[], prefix = ''): Entry[] {
  return entries.map((one, at) => ({
    ...one,
    ...(one.entries ? { entries: named(one.entries, `${prefix}${at}.`) } : { name: `${prefix}${at}` }),
  }));
}

const node: fc.Arbitrary<NodePlatform> = fc.constantFrom(
  ...['amd64', 'arm64', 'arm', 's390x', '386'].map((one) => ({ os: 'linux', architecture: one })),
  ...['v2', 'v3'].map((one) => ({ os: 'linux', architecture: 'amd64', variant: one })),
  ...['v8', 'v8.3', 'v9', 'v9.2'].map((one) => ({ os: 'linux', architecture: 'arm64', variant: one })),
  ...['v5', 'v6', 'v7', 'v8'].map((one) => ({ os: 'linux', architecture: 'arm', variant: one })),
);

/** Indexes by chance, each with a node. */
export const randomIndexes = (
  count: number,
): readonly { readonly stored: PushedIndex; readonly node: NodePlatform }[] =>
  fc.sample(
    fc
      .record({ entries: fc.array(entry, { maxLength: 6 }), mediaType: often(INDEX, DOCKER_INDEX), node })
      .map(({ entries, mediaType, node: on }) => ({ stored: storeIndex(named(entries), mediaType), node: on })),
    count,
  );
