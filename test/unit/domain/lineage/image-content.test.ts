import { findParents } from '../../../../shared/domain/lineage/find-parents.ts';
import { contentOf, layeredImageOf } from '../../../../shared/domain/lineage/image-content.ts';
import { digestOf, imageProperties, place } from '../../../support/samples.ts';

const steps = (...commands: readonly string[]) => commands.map((createdBy) => ({ createdBy }));
const base = { digest: digestOf('base'), layers: [digestOf('rootfs')] };
const child = { digest: digestOf('child'), layers: base.layers };
const config = { labels: {}, diffIds: [digestOf('content')] };

test('the stored content of two images shows which is the parent', () => {
  const contents = [
    contentOf(base, { ...config, history: steps('ADD rootfs', 'CMD bash') }),
    contentOf(child, { ...config, history: steps('ADD rootfs', 'CMD bash', 'ENV A=1') }),
  ];
  const known = contents.map((content) =>
    layeredImageOf(imageProperties('x', { digest: content.digest, tier: 'base' }), content, []),
  );
  expect(findParents(known)).toEqual(new Map([[child.digest, { digest: base.digest, evidence: 'history' }]]));
});

const [DIGEST, NAME] = ['org.opencontainers.image.base.digest', 'org.opencontainers.image.base.name'];

test.each([
  ['labels', {}, { [NAME]: 'a', other: 'b' }, { [NAME]: 'a' }],
  ['annotations', { [NAME]: 'a', [DIGEST]: 'd', other: 'b' }, {}, { [NAME]: 'a', [DIGEST]: 'd' }],
  [
    'annotations before labels, which may be inherited',
    { [NAME]: 'own' },
    { [NAME]: 'a', [DIGEST]: 'd' },
    { [NAME]: 'own' },
  ],
  ['labels, if the annotations are empty', { [NAME]: '', [DIGEST]: ' ' }, { [NAME]: 'a' }, { [NAME]: 'a' }],
  ['nothing, if all are empty', { [NAME]: '' }, { [DIGEST]: '' }, undefined],
])('the base is named by %s', (_, annotations, labels, expected) => {
  expect(contentOf({ ...child, annotations }, { ...config, labels }).labels).toEqual(expected);
});

test('a name is a claim, also beside a digest that only the store of a builder knows, or an empty one', () => {
  const name = '111122223333.dkr.ecr.eu-west-1.amazonaws.com/base/debian:12';
  const location = { account: '111122223333', region: 'eu-west-1', repository: 'base/debian' };
  const parent = layeredImageOf(
    imageProperties('base', { tier: 'base' }),
    { digest: base.digest, layers: [digestOf('one')] },
    [{ ...place('base'), location, tags: ['12'], firstPushSeenAtEpochMs: 1 }],
  );
  for (const digest of [digestOf('of a local store'), '']) {
    const content = contentOf({
      digest: child.digest,
      layers: [digestOf('other')],
      annotations: { [NAME]: name, [DIGEST]: digest },
    });
    const image = layeredImageOf(imageProperties('child', { tier: 'application' }), content, [
      { ...place('child'), firstPushSeenAtEpochMs: 2 },
    ]);
    expect(findParents([parent, image]).get(image.digest)).toEqual({ digest: parent.digest, evidence: 'label-name' });
  }
});

test('equal commands are equal, others are not, and none can be read', () => {
  const kept = (command: string) => contentOf(base, { ...config, history: steps(command) }).history?.[0]?.createdBy;
  expect(kept('RUN a')).toBe(kept('RUN a'));
  expect(kept('RUN a')).not.toBe(kept('RUN b'));
  expect(kept('RUN a')).not.toContain('RUN');
  expect(kept('')).toBe('');
});

test('the names of an image are those of all its places, and it was pushed when it was first pushed anywhere', () => {
  const home = { account: '111122223333', region: 'eu-west-1', repository: 'team/web' };
  const places = [
    { ...place('a'), location: home, tags: ['v1', 'latest'], firstPushSeenAtEpochMs: 7 },
    {
      ...place('a'),
      location: { ...home, region: 'us-east-1' },
      tags: [],
      askedTags: ['v1'],
      firstPushSeenAtEpochMs: 5,
    },
  ];
  const properties = imageProperties('a', { tier: 'platform', stream: 's', platform: 'linux/arm64' });
  expect(layeredImageOf(properties, undefined, places)).toEqual({
    ...{ digest: properties.digest, layers: [], tier: 'platform', stream: 's', platform: 'linux/arm64' },
    names: [
      '111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/web:latest',
      '111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/web:v1',
      '111122223333.dkr.ecr.us-east-1.amazonaws.com/team/web:v1',
    ],
    firstPushedAtEpochMs: 5,
  });
  const { stream: _, ...unplaced } = properties;
  expect(layeredImageOf(unplaced, undefined, places)).toMatchObject({
    locations: places.map(({ location }) => location),
  });
});
