import { readRunning } from '../../../functions/rollout/read-running.ts';
import type { Birth, BirthEvidenceKind } from '../../../shared/domain/image/birth.ts';
import type { Digest } from '../../../shared/domain/image/image.ts';
import type { ImageProperties } from '../../../shared/domain/image/image-properties.ts';
import { type Policy, policySchema } from '../../../shared/domain/policy/policy.ts';
import { closureOf } from '../../../shared/domain/rollout/closure.ts';
import { parse } from '../../../shared/schema.ts';
import { fakeWorld } from '../../support/fakes/world.ts';
import { digestOf, HOUR_MS, imageProperties, usage } from '../../support/samples.ts';
import { CASCADE, locationOf, streamOf } from './support.ts';

const POLICY = parse(policySchema, {
  ...{ version: 1, ages: { default: { limitDays: 30 } }, streams: [] },
  severities: [{ id: 'critical', severities: ['critical'], graceDays: 0 }],
});
const STREAM = streamOf('base');
const [OLD, NEW, APP] = [digestOf('old'), digestOf('new'), digestOf('app')];

const madeAt = (atEpochMs: number, kind: BirthEvidenceKind = 'config-created'): Birth => ({
  ...{ known: true, bornAtEpochMs: atEpochMs },
  evidence: [{ kind, atEpochMs }],
});

interface Told {
  readonly isPushedAgain?: boolean;
  readonly thereSinceEpochMs?: number;
  /** Of the older image. */
  readonly tags?: readonly string[];
  /** The record of the older image names no stream. */
  readonly isUnnamed?: true;
  readonly policy?: Policy;
}

/** What runs on an older image of a base, once a newer one is verified and its closure has no facts. */
async function runningOn(
  old: Partial<ImageProperties>,
  users: readonly Digest[],
  { isPushedAgain = false, thereSinceEpochMs, tags: oldTags = [], isUnnamed, policy = POLICY }: Told = {},
): Promise<readonly Digest[]> {
  const world = fakeWorld();

  const tags = { tags: [], location: locationOf('base') };
  const made = [
    [OLD, 'old', old],
    [NEW, 'new', { chainId: digestOf('chain'), unpackedId: digestOf('files') }],
  ] as const;
  for (const [digest, name, changes] of isPushedAgain ? made.toReversed() : made) {
    const { chainId: _, stream, ...image } = imageProperties(name, { stream: STREAM, locations: [locationOf('base')] });
    const isNamed = digest !== OLD || isUnnamed === undefined;
    await world.images.recordProperties({ ...image, ...(isNamed && { stream }), ...changes });
    const seen = { ...tags, ...(digest === OLD && { tags: oldTags }) };
    await world.places.recordLocation({ digest, ...seen, firstPushSeenAtEpochMs: world.clock() });
    world.advance(HOUR_MS);
  }
  if (thereSinceEpochMs !== undefined) await world.places.recordLocation({ digest: OLD, ...tags, thereSinceEpochMs });
  await world.images.recordProperties(imageProperties('app'));
  for (const digest of users) await world.usages.record([usage('', { digest })], world.clock());
  const lineage = {
    over: () => new Map([[OLD, users]]),
    unreadOver: () => [],
    unreadBelow: (digest: Digest) => ({ digest }),
    unreadLeftOver: () => [],
    unreadWitnessedOver: () => [],
    mayRun: () => false,
  };
  const closure = closureOf({ cascadeId: CASCADE, stream: STREAM, facts: [] }, NEW, { closureHours: 1 }, world.clock());
  const fleet = { policy, lineage, outOfSight: new Set<Digest>(), witnessed: new Map() };
  const running = await readRunning(world, closure, new Set([NEW]), fleet);
  return running.flatMap(({ usages }) => usages.map((one) => one.digest));
}

test.each<[string, Partial<ImageProperties>, readonly Digest[], readonly Digest[]]>([
  ['what is built on older content is still to be replaced', { chainId: digestOf('other') }, [APP], [APP]],
  [
    'what is built on the same layers is not: the closure cannot wait for it',
    { chainId: digestOf('chain') },
    [APP],
    [],
  ],
  [
    'nor is what is built on the same content, packed anew',
    { chainId: digestOf('other'), unpackedId: digestOf('files') },
    [APP],
    [],
  ],
  ['the older image itself is, though its content is the same', { chainId: digestOf('chain') }, [APP, OLD], [OLD]],
  ['content that is not known is not the same', {}, [APP], [APP]],
])('%s', async (_, old, users, expected) => {
  expect(await runningOn(old, users)).toEqual(expected);
});

describe('an image of which a push was seen after that of what was verified', () => {
  const other = { chainId: digestOf('other') };

  test('is newer', async () => {
    expect(await runningOn(other, [APP], { isPushedAgain: true })).toEqual([]);
  });

  test('is older where it was there before that push: a person moved a tag back to it', async () => {
    expect(await runningOn(other, [APP], { isPushedAgain: true, thereSinceEpochMs: 1 })).toEqual([APP]);
  });

  const { birth } = imageProperties('new');
  const bornAt = birth.known ? birth.bornAtEpochMs : 0;
  test.each<[string, Birth, readonly Digest[]]>([
    ['older where its config says that it was made earlier, whatever was pushed since', madeAt(bornAt - 1), [APP]],
    ['newer where its config says that both were made at one instant', madeAt(bornAt), []],
    ['newer where its config says that it was made later', madeAt(bornAt + 1), []],
    ['newer where only its push is known', madeAt(bornAt - 1, 'first-push'), []],
    ['newer where no evidence dates it', { known: false, rejected: [] }, []],
  ])('is %s', async (_, made, expected) => {
    expect(await runningOn({ ...other, birth: made }, [APP], { isPushedAgain: true })).toEqual(expected);
  });
});

describe('an image whose record names no stream', () => {
  const { account, region, repository } = locationOf('base');
  const place = { account, regions: [region], repositories: [repository] };
  const ruledBy = (headTag: string): Policy =>
    parse(policySchema, {
      ...{ version: 1, ages: { default: { limitDays: 30 } }, severities: [] },
      streams: [{ ...place, id: 'base', owner: 'team', headTags: [headTag], tier: 'base' }],
    });
  const ruled = ruledBy('^v.*$');

  test.each<[string, Told, readonly Digest[]]>([
    ['is a build of a branch where only other tags name it', { policy: ruled, tags: ['pr-7'] }, []],
    ['is older while no rule names the stream: nothing tells a branch then', { tags: ['pr-7'] }, [APP]],
    [
      'is older while only another line of the repository has a rule',
      { policy: ruledBy('^w.*$'), tags: ['v1'] },
      [APP],
    ],
    ['is older where a head tag names it: its rule was away until now', { policy: ruled, tags: ['v1'] }, [APP]],
    ['is older where no tag names it', { policy: ruled }, [APP]],
  ])('%s', async (_, told, expected) => {
    expect(await runningOn({ chainId: digestOf('other') }, [APP], { ...told, isUnnamed: true })).toEqual(expected);
  });
});
