import type { AdmissionAnswer } from '../../../functions/admission-webhook/answer.ts';
import type { AdmissionReview } from '../../../functions/admission-webhook/input.ts';
import { pinTags } from '../../../functions/admission-webhook/pin-tags.ts';
import { reviewAdmission } from '../../../functions/admission-webhook/review-admission.ts';
import { readImageReference } from '../../../shared/domain/image/reference.ts';
import { podOf, reviewOf, templateOf } from '../../support/admission-reviews.ts';
import { doorImage, doorTag, doorWorld, pushTag } from '../../support/door-world.ts';
import { DAY_MS, digestOf } from '../../support/samples.ts';
import { fc } from '../../support/seeded.ts';

const CLUSTER = { account: '111122223333', region: 'eu-west-1', cluster: 'main' };
const PLACE = { ...CLUSTER, namespace: 'shop' };

/** `compliant:stable` and `violating:stable` were pushed, each on the image of its name. */
async function tagWorld(doors: object = {}, mode: 'deny' | 'warn' | 'off' = 'deny') {
  const made = await doorWorld(mode, { pinTags: true, ...doors });
  for (const name of ['compliant', 'violating']) await pushTag(made, name);
  return made;
}
type World = Awaited<ReturnType<typeof tagWorld>>;

const changesIn = ({ response: { patch, patchType } }: AdmissionAnswer): readonly { path: string; value: string }[] => {
  expect(patchType).toBe(patch === undefined ? undefined : 'JSONPatch');
  return JSON.parse(Buffer.from(patch ?? 'W10=', 'base64').toString());
};
const changesOf = async (made: World, review: AdmissionReview) =>
  changesIn((await pinTags(made, CLUSTER, review)).answer).map(({ path, value }) => `${path} ${value}`);
const changesOfPod = (made: World, ...images: readonly string[]) =>
  changesOf(made, reviewOf({ object: podOf(...images) }));

const GOOD_TAG = doorTag('compliant');
const PINNED = `${GOOD_TAG}@${digestOf('compliant')}`;

describe('the digest that a tag has by its last reading', () => {
  test('is written into containers, init containers and debug containers, and into nothing else', async () => {
    const object = {
      spec: {
        containers: [{ name: 'a', image: GOOD_TAG }, { name: 'b', image: doorImage('compliant') }, { name: 'c' }],
        initContainers: [{ name: 'i', image: GOOD_TAG }],
        ephemeralContainers: [{ name: 'e', image: GOOD_TAG }],
        volumes: [{ name: 'v', image: { reference: GOOD_TAG } }],
      },
    };
    expect(await changesOf(await tagWorld(), reviewOf({ object }))).toEqual([
      `/spec/initContainers/0/image ${PINNED}`,
      `/spec/containers/0/image ${PINNED}`,
      `/spec/ephemeralContainers/0/image ${PINNED}`,
    ]);
  });

  test('lets the pod start at the validating webhook, and a second asking changes nothing', async () => {
    const made = await tagWorld();
    const object = podOf(PINNED);
    expect(await reviewAdmission(made, CLUSTER, reviewOf({ object }))).toMatchObject({ decision: 'allow' });
    expect(await changesOfPod(made, PINNED)).toEqual([]);
    expect(await reviewAdmission(made, CLUSTER, reviewOf({ object: podOf(GOOD_TAG) }))).toMatchObject({
      decision: 'deny',
      ruleId: 'digest-required',
    });
  });

  test('is that of the last push, and no other tag counts', async () => {
    const made = await tagWorld();
    await pushTag(made, 'web', { image: 'violating', atEpochMs: made.clock() - 2 });
    await pushTag(made, 'web', { image: 'compliant', atEpochMs: made.clock() - 1 });
    await pushTag(made, 'web', { image: 'violating', tag: 'next' });
    expect(await changesOfPod(made, doorTag('web'), doorTag('web', 'next'), doorTag('web', 'other'))).toEqual([
      `/spec/containers/0/image ${doorTag('web')}@${digestOf('compliant')}`,
    ]);
  });

  test.each([
    ['an image that violates a rule', doorTag('violating')],
    ['a tag that Patchwave has never seen', doorTag('compliant', 'unseen')],
    ['a tag outside of ECR', 'docker.io/team/compliant:stable'],
    ['a digest', doorImage('compliant')],
    ['a reference that cannot be read', 'UPPER/case:1'],
  ])('is not written for %s', async (_, image) => {
    expect(await changesOfPod(await tagWorld(), image)).toEqual([]);
  });

  test('is not written for an image of AWS, which starts by its tag', async () => {
    const made = await tagWorld();
    const { policy, version: replaces } = await made.policies.current();
    const awsManaged = { accounts: [CLUSTER.account], references: [] };
    await made.policies.publish({ ...policy, awsManaged }, { replaces });
    expect(await changesOfPod(made, GOOD_TAG)).toEqual([]);
  });

  test.each([
    ['the policy does not say so', {}, { pinTags: undefined }],
    ['a rule says otherwise', {}, { rules: [{ namespaces: ['shop'], mode: 'deny', pinTags: false }] }],
    [
      'the rule of another namespace says so',
      {},
      { pinTags: false, rules: [{ namespaces: ['x'], mode: 'deny', pinTags: true }] },
    ],
    ['the door only warns', { mode: 'warn' }, {}],
    ['the door is off', { mode: 'off' }, {}],
  ])('is not written where %s', async (_, { mode }: { mode?: string }, doors) => {
    expect(await changesOfPod(await tagWorld(doors, (mode ?? 'deny') as 'deny'), GOOD_TAG)).toEqual([]);
  });

  test('is not written into the template of an owner, nor into the mirror of a static pod', async () => {
    const made = await tagWorld();
    for (const [kind, group] of [
      ['Deployment', 'apps'],
      ['Job', 'batch'],
      ['PodTemplate', ''],
    ] as const)
      expect(await changesOf(made, reviewOf(templateOf(kind, group, GOOD_TAG)))).toEqual([]);
    const metadata = { annotations: { 'kubernetes.io/config.mirror': 'x' } };
    const userInfo = { username: 'system:node:a', groups: ['system:nodes'] };
    expect(await changesOf(made, reviewOf({ object: { ...podOf(GOOD_TAG), metadata }, userInfo }))).toEqual([]);
  });

  test('keeps the owner of the pods without a warning, if they start with it', async () => {
    const made = await tagWorld();
    const container = (image: string) => ({ spec: { containers: [{ name: 'a', image }] } });
    const owner = (template: object) =>
      reviewAdmission(
        made,
        CLUSTER,
        reviewOf({ kind: { group: 'apps', version: 'v1', kind: 'Deployment' }, object: { spec: { template } } }),
      );
    expect(await owner(container(GOOD_TAG))).toMatchObject({ decision: 'allow' });
    expect(await owner(container(doorTag('violating')))).toMatchObject({ decision: 'warn', ruleId: 'critical' });
    expect(await owner(container(doorTag('compliant', 'unseen')))).toMatchObject({ ruleId: 'digest-required' });
    const { spec } = container(GOOD_TAG);
    const volumes = [{ name: 'v', image: { reference: GOOD_TAG } }];
    expect(await owner({ spec: { ...spec, volumes } })).toMatchObject({ decision: 'warn', ruleId: 'digest-required' });
    const mirror = { annotations: { 'kubernetes.io/config.mirror': 'x' } };
    const node = { username: 'system:node:a', groups: ['system:nodes'] };
    const staticPod = reviewOf({ object: { metadata: mirror, spec }, userInfo: node });
    expect(await reviewAdmission(made, CLUSTER, staticPod)).toMatchObject({ decision: 'warn' });
  });

  test('is written for what an update changes, and not for an image that runs by its tag', async () => {
    const made = await tagWorld();
    await pushTag(made, 'web', { image: 'compliant' });
    const oldObject = podOf(GOOD_TAG, doorImage('compliant'));
    const update = (...images: readonly string[]) =>
      changesOf(made, reviewOf({ operation: 'UPDATE', oldObject, object: podOf(...images) }));
    expect(await update(GOOD_TAG, doorImage('compliant'))).toEqual([]);
    expect(await update(GOOD_TAG, doorTag('web'))).toEqual([
      `/spec/containers/1/image ${doorTag('web')}@${digestOf('compliant')}`,
    ]);
    expect(await changesOf(made, reviewOf({ operation: 'DELETE', oldObject, object: null }))).toEqual([]);
  });

  test('is written into a debug container by the tag of a container that runs, and leaves that container as it is', async () => {
    const made = await tagWorld();
    const oldObject = podOf(GOOD_TAG);
    const object = { spec: { ...oldObject.spec, ephemeralContainers: [{ name: 'd', image: GOOD_TAG }] } };
    const debug = { operation: 'UPDATE', subResource: 'ephemeralcontainers', oldObject } as const;
    expect(await changesOf(made, reviewOf({ ...debug, object }))).toEqual([
      `/spec/ephemeralContainers/0/image ${PINNED}`,
    ]);
    await pushTag(made, 'compliant', { image: 'violating', atEpochMs: made.clock() + 1 });
    expect(await changesOf(made, reviewOf({ ...debug, object }))).toEqual([]);
    expect(await reviewAdmission(made, CLUSTER, reviewOf({ ...debug, object }))).toMatchObject({ ruleId: 'critical' });
    const labelled = { ...object, metadata: { labels: { a: 'b' } } };
    const label = reviewOf({ operation: 'UPDATE', oldObject: object, object: labelled });
    expect(await reviewAdmission(made, CLUSTER, label)).toMatchObject({ decision: 'allow' });
  });

  test('is written for what its break-glass lets start', async () => {
    const made = await tagWorld();
    const opened = { author: 'Ada', reason: 'incident 7', expiresAtEpochMs: made.clock() + 60_000 };
    await made.exceptions.begin(PLACE, opened, { uid: 'u', user: 'ada', atEpochMs: made.clock(), proof: 'person' });
    expect(await changesOfPod(made, doorTag('violating'))).toHaveLength(1);
  });

  test('changes nothing if it cannot be read, and says why', async () => {
    const made = await tagWorld();
    const images = { get: () => Promise.reject(new Error('throttled')) };
    const reviewed = await pinTags({ ...made, images }, CLUSTER, reviewOf({ object: podOf(GOOD_TAG) }));
    expect(reviewed).toMatchObject({ decision: 'allow', unread: expect.any(Error) });
    expect(changesIn(reviewed.answer)).toEqual([]);
  });
});

describe('a reading of a tag that is too old', () => {
  const aged = async (days: number, doors: object = {}) => {
    const made = await doorWorld('deny', { pinTags: true, ...doors });
    await pushTag(made, 'compliant', { atEpochMs: made.clock() - days * DAY_MS });
    return made;
  };

  test.each([
    [29.9, {}, 1],
    [30, {}, 0],
    [6.9, { tagReadingDays: 7 }, 1],
    [7, { tagReadingDays: 7 }, 0],
  ])('%d days with %j: %d digests are written', async (days, doors, expected) => {
    expect(await changesOfPod(await aged(days, doors), GOOD_TAG)).toHaveLength(expected);
  });

  test('refuses the tag, with what to do', async () => {
    const { answer, ruleId } = await reviewAdmission(await aged(30), CLUSTER, reviewOf({ object: podOf(GOOD_TAG) }));
    expect(ruleId).toBe('tag-current');
    expect(answer.response.status?.message).toMatch(/last read the tag .*:stable at .*Name the image by its digest/);
  });

  test('does not stop an image in good standing before its grace ends', async () => {
    const made = await aged(40);
    await made.running.begin([{ digest: digestOf('compliant'), place: PLACE }]);
    expect(await changesOfPod(made, GOOD_TAG)).toHaveLength(1);
    const { warnings } = (await pinTags(made, CLUSTER, reviewOf({ object: podOf(GOOD_TAG) }))).answer.response;
    expect(warnings).toEqual([
      expect.stringMatching(
        /^spec\.containers\[0\]\.image: .* may start here until .* its tag is 40 days old, .*\(tag-current\)\. Push the tag again, or name the image by its digest\.$/,
      ),
    ]);
    const current = await pinTags(await aged(29), CLUSTER, reviewOf({ object: podOf(GOOD_TAG) }));
    expect(current.answer.response.warnings).toBeUndefined();
    const older = await aged(44);
    await older.running.begin([{ digest: digestOf('compliant'), place: PLACE }]);
    expect(await changesOfPod(older, GOOD_TAG)).toEqual([]);
  });
});

test('a tag whose image may not start is refused by the rule against that image', async () => {
  const made = await tagWorld();
  expect(await reviewAdmission(made, CLUSTER, reviewOf({ object: podOf(doorTag('violating')) }))).toMatchObject({
    decision: 'deny',
    ruleId: 'critical',
  });
});

test('whatever a pod names: only images of containers change, each to the digest of its own tag, and none that is refused', async () => {
  const REPOSITORIES = ['compliant', 'violating', 'web', 'unseen'];
  const TAGS = ['stable', 'next'];
  const image = fc.oneof(
    fc
      .record({ name: fc.constantFrom(...REPOSITORIES), tag: fc.constantFrom(...TAGS) })
      .map((one) => doorTag(one.name, one.tag)),
    fc.constantFrom(doorImage('compliant'), doorImage('violating'), 'nginx', 'docker.io/team/web:stable', ''),
  );
  const push = fc.record({
    name: fc.constantFrom('compliant', 'violating', 'web'),
    image: fc.constantFrom('compliant', 'violating', 'strange'),
    tag: fc.constantFrom(...TAGS),
    days: fc.integer({ min: 0, max: 40 }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(push, { maxLength: 8 }),
      fc.array(image, { minLength: 1, maxLength: 6 }),
      async (pushes, images) => {
        const made = await doorWorld('deny', { pinTags: true });
        const named = new Map<string, { readonly image: string; readonly days: number }>();
        for (const { name, tag, image: on, days } of pushes) {
          const key = doorTag(name, tag);
          const before = named.get(key);
          // Of two pushes at one instant the greater digest counts.
          if (before?.days === days) continue;
          if (!before || days < before.days) named.set(key, { image: on, days });
          await pushTag(made, name, { image: on, tag, atEpochMs: made.clock() - days * DAY_MS });
        }
        const object = podOf(...images);
        const changes = changesIn((await pinTags(made, CLUSTER, reviewOf({ object }))).answer);
        const after = images.map(
          (text, at) => changes.find(({ path }) => path === `/spec/containers/${at}/image`)?.value ?? text,
        );
        expect(changes.length).toBe(images.filter((text, at) => after[at] !== text).length);
        images.forEach((text, at) => {
          const known = named.get(text);
          const mayStart = known?.image === 'compliant' && known.days < 30;
          expect(after[at]).toBe(mayStart ? `${text}@${digestOf('compliant')}` : text);
          expect(readImageReference(after[at])?.repository).toBe(readImageReference(text)?.repository);
        });
        const { decision } = await reviewAdmission(made, CLUSTER, reviewOf({ object: podOf(...after) }));
        const allGood = after.every(
          (text) => text === doorImage('compliant') || text.endsWith(`@${digestOf('compliant')}`),
        );
        expect(decision).toBe(allGood ? 'allow' : 'deny');
      },
    ),
    { numRuns: 100 },
  );
});
