import { jest } from '@jest/globals';
import { inTime } from '../../../functions/admission-webhook/deadline.ts';
import { ReadsTimedOutError } from '../../../functions/admission-webhook/errors.ts';
import type { AdmissionReview } from '../../../functions/admission-webhook/input.ts';
import { reviewAdmission } from '../../../functions/admission-webhook/review-admission.ts';
import { podOf, reviewOf, templateOf } from '../../support/admission-reviews.ts';
import { doorImage, doorPolicy, doorTag, doorWorld } from '../../support/door-world.ts';
import { fakeWorld } from '../../support/fakes/world.ts';
import { digestOf } from '../../support/samples.ts';

const CLUSTER = { account: '111122223333', region: 'eu-west-1', cluster: 'main' };
const [GOOD, BAD] = [doorImage('compliant'), doorImage('violating')];

const NODE = { username: 'system:node:ip-10-0-0-1', groups: ['system:nodes', 'system:authenticated'] };
const mirror = { ...podOf(BAD), metadata: { annotations: { 'kubernetes.io/config.mirror': 'x' } } };
const ephemeral = (image: string) => ({ spec: { ...podOf(GOOD).spec, ephemeralContainers: [{ name: 'd', image }] } });

/** The time is over at once. */
const late = <Value>(work: Promise<Value>): Promise<Value> => inTime(1, work);

test('the wait for reads leaves no timer behind', async () => {
  jest.useFakeTimers();
  try {
    expect(await inTime(1500, Promise.resolve('read'))).toBe('read');
    await expect(inTime(1500, Promise.reject(new Error('throttled')))).rejects.toThrow('throttled');
    expect(jest.getTimerCount()).toBe(0);
  } finally {
    jest.useRealTimers();
  }
});

describe('a pod', () => {
  test('starts if the policy refuses none of its images', async () => {
    const { answer } = await reviewAdmission(await doorWorld(), CLUSTER, reviewOf({ object: podOf(GOOD) }));
    expect(answer).toEqual({
      ...{ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' },
      response: { uid: reviewOf().request.uid, allowed: true, auditAnnotations: { decision: 'allow' } },
    });
  });

  test('is refused with the field, the image and the next step', async () => {
    const { answer, ruleId } = await reviewAdmission(
      await doorWorld(),
      CLUSTER,
      reviewOf({ object: podOf(GOOD, BAD, 'nginx') }),
    );
    expect(answer.response).toMatchObject({ allowed: false, status: { code: 403, reason: 'Forbidden' } });
    const message = answer.response.status?.message ?? '';
    expect(message).toContain(`spec.containers[1].image (${BAD}): `);
    expect(message).toContain('spec.containers[2].image (nginx): ');
    expect(message).not.toContain('containers[0]');
    expect(message).toContain('Deploy a newer image');
    expect(ruleId).toBe('critical');
  });

  test('is refused with who can open the namespace, if the policy lets anybody', async () => {
    const refused = async (breakGlass?: object) => {
      const made = await doorWorld('deny', breakGlass && { breakGlass });
      const { policy } = await made.policies.current();
      const ports = { ...made, lastPolicy: () => policy };
      const { answer } = await reviewAdmission(ports, CLUSTER, reviewOf({ object: podOf(BAD) }));
      return answer.response.status?.message ?? '';
    };
    const groups = ['on-call', 'second\u202e', 'third', 'fourth'];
    expect(await refused({ groups })).toMatch(
      / In an emergency a member of on-call or second\\u202e or third can open this namespace .*patchwave\.dev\/break-glass\.$/,
    );
    expect(await refused()).not.toContain('emergency');
  });

  test('is refused without that while the ledger cannot be read, because a break-glass could not be read either', async () => {
    const made = await doorWorld('deny', { breakGlass: { groups: ['on-call'] } });
    const { policy } = await made.policies.current();
    made.images.get = () => Promise.reject(new Error('throttled'));
    const ports = { ...made, lastPolicy: () => policy };
    const { answer, ruleId } = await reviewAdmission(ports, CLUSTER, reviewOf({ object: podOf(BAD) }));
    expect(ruleId).toBe('door-undecided');
    expect(answer.response.status?.message).not.toContain('emergency');
  });

  test('names at most 20 digests for the log', async () => {
    const images = Array.from({ length: 21 }, (_, number) => doorImage(`unknown-${number}`));
    const { digests } = await reviewAdmission(await doorWorld(), CLUSTER, reviewOf({ object: podOf(...images) }));
    expect(digests).toEqual(images.slice(0, 20).map((image) => image.slice(image.indexOf('@') + 1)));
  });

  test('is refused for what keeps it from starting, and not for what only has a warning', async () => {
    const made = await doorWorld();
    await made.running.begin([{ digest: digestOf('violating'), place: { ...CLUSTER, namespace: 'shop' } }]);
    const { answer } = await reviewAdmission(made, CLUSTER, reviewOf({ object: podOf(BAD, 'nginx') }));
    expect(answer.response.status?.message).toMatch(/^spec\.containers\[1\]\.image \(nginx\): /);
    expect(answer.response.status?.message).not.toContain('containers[0]');
  });

  test('is refused in at most 4,000 characters, for five images and a number', async () => {
    const made = await doorWorld();
    const refusal = async (...images: readonly string[]) =>
      (await reviewAdmission(made, CLUSTER, reviewOf({ object: podOf(...images) }))).answer.response.status?.message;
    const seven = (await refusal(...Array.from({ length: 7 }, (_, n) => `nginx:${n}`))) ?? '';
    expect(seven).toContain('(nginx:4)');
    expect(seven).not.toContain('(nginx:5)');
    expect(seven).toMatch(/ And 2 more\.$/);
    const long = Array.from({ length: 5 }, (_, n) => `${n}/${'x'.repeat(2000)}`);
    expect((await refusal(...long))?.length).toBe(4000);
  });

  test('that starts with a warning is one in the audit log', async () => {
    const { answer } = await reviewAdmission(await doorWorld('warn'), CLUSTER, reviewOf({ object: podOf(BAD) }));
    expect(answer.response).toMatchObject({ allowed: true, auditAnnotations: { decision: 'warn', rule: 'critical' } });
  });

  test('that is new keeps nothing, whatever the review says of an object before', async () => {
    const review = reviewOf({ object: podOf(BAD), oldObject: podOf(BAD) });
    expect((await reviewAdmission(await doorWorld(), CLUSTER, review)).decision).toBe('deny');
  });

  test('passes an update that keeps its images, without a read', async () => {
    const nothing = fakeWorld();
    const review = reviewOf({ operation: 'UPDATE', object: podOf(BAD), oldObject: podOf(BAD, GOOD) });
    expect((await reviewAdmission(nothing, CLUSTER, review)).decision).toBe('allow');
    const setImage = reviewOf({ operation: 'UPDATE', object: podOf(BAD), oldObject: podOf(GOOD) });
    expect((await reviewAdmission(await doorWorld(), CLUSTER, setImage)).decision).toBe('deny');
  });

  test('is judged also for an ephemeral container', async () => {
    const review = (image: string) =>
      reviewOf({
        ...{ operation: 'UPDATE', subResource: 'ephemeralcontainers' },
        ...{ object: ephemeral(image), oldObject: podOf(GOOD) },
      });
    const made = await doorWorld();
    const { answer } = await reviewAdmission(made, CLUSTER, review(BAD));
    expect(answer.response.status?.message).toContain('spec.ephemeralContainers[0].image');
    expect((await reviewAdmission(made, CLUSTER, review(GOOD))).decision).toBe('allow');
  });

  test('only a mirror pod that a node creates starts with a warning', async () => {
    const made = await doorWorld();
    const of = async (userInfo: AdmissionReview['request']['userInfo']) =>
      (await reviewAdmission(made, CLUSTER, reviewOf({ object: mirror, userInfo }))).decision;
    expect(await of(NODE)).toBe('warn');
    expect(await of(reviewOf().request.userInfo)).toBe('deny');
    expect(await of({ ...NODE, groups: [] })).toBe('deny');
    expect(await of({ ...NODE, username: 'ada' })).toBe('deny');
    const notMirror = await reviewAdmission(made, CLUSTER, reviewOf({ object: podOf(BAD), userInfo: NODE }));
    expect(notMirror.decision).toBe('deny');
  });

  test.each([
    ['without an object', undefined],
    ['without containers', { spec: {} }],
    ['with no containers', { spec: { containers: [] } }],
    ['that is text', 'pod'],
    ['that is null', null],
  ])('%s is an error, and no permission', async (_, object) => {
    for (const operation of ['CREATE', 'UPDATE'] as const)
      await expect(reviewAdmission(await doorWorld(), CLUSTER, reviewOf({ operation, object }))).rejects.toThrow(
        'AdmissionReview is not valid',
      );
  });

  test('a list of containers that is none is refused', async () => {
    const object = { spec: { ...podOf(GOOD).spec, initContainers: { image: BAD } } };
    expect(await reviewAdmission(await doorWorld(), CLUSTER, reviewOf({ object }))).toMatchObject({
      decision: 'deny',
      ruleId: 'reference-readable',
    });
  });

  test('with more images than any workload has is refused without a read of them', async () => {
    const made = await doorWorld();
    const images = { get: () => Promise.reject(new Error('an image was read')) };
    const of = (count: number) =>
      reviewOf({ object: podOf(...Array.from({ length: count }, (_, n) => doorImage(`i${n}`))) });
    const { answer } = await reviewAdmission({ ...made, images }, CLUSTER, of(251));
    expect(answer.response.status?.message).toContain('asks for more than 250 images');
    expect(await reviewAdmission(made, CLUSTER, of(250))).toMatchObject({ ruleId: 'image-recorded' });
    const warning = await reviewAdmission({ ...(await doorWorld('warn')), images }, CLUSTER, of(251));
    expect(warning).toMatchObject({ decision: 'warn', ruleId: 'door-undecided' });
    expect(await reviewAdmission({ ...(await doorWorld('off')), images }, CLUSTER, of(251))).toMatchObject({
      decision: 'allow',
    });
  });

  test('with so many images is answered in time too', async () => {
    const made = await doorWorld();
    const policies = { current: () => new Promise<never>(() => undefined) };
    const lastPolicy = (await made.policies.current()).policy;
    const ports = { ...made, policies, lastPolicy: () => lastPolicy, inTime: late };
    const object = podOf(...Array.from({ length: 251 }, (_, n) => doorImage(`i${n}`)));
    expect(await reviewAdmission(ports, CLUSTER, reviewOf({ object }))).toMatchObject({
      decision: 'deny',
      ruleId: 'door-undecided',
      unread: expect.any(ReadsTimedOutError),
    });
  });

  test('a replayed review has the same answer, and changes nothing', async () => {
    const made = await doorWorld();
    const review = reviewOf({ object: podOf(GOOD, BAD) });
    const answers = [await reviewAdmission(made, CLUSTER, review), await reviewAdmission(made, CLUSTER, review)];
    expect(answers[1]).toEqual(answers[0]);
    expect([made.exceptions.written, made.running.written]).toEqual([0, 0]);
  });
});

describe('an object with a pod template', () => {
  test.each([
    ['Deployment', 'apps'],
    ['ReplicaSet', 'apps'],
    ['StatefulSet', 'apps'],
    ['DaemonSet', 'apps'],
    ['ReplicationController', ''],
    ['Job', 'batch'],
    ['CronJob', 'batch'],
    ['PodTemplate', ''],
  ])('%s gets a warning and is never refused', async (kind, group) => {
    const review = reviewOf(templateOf(kind, group, GOOD, BAD));
    const { answer, decision } = await reviewAdmission(await doorWorld(), CLUSTER, review);
    expect(decision).toBe('warn');
    expect(answer.response.allowed).toBe(true);
    expect(answer.response.warnings).toEqual([expect.stringContaining(`pods of this ${kind} will be refused: `)]);
  });

  test('is not told of a refusal where the door only warns', async () => {
    const review = reviewOf(templateOf('Deployment', 'apps', BAD));
    const { answer } = await reviewAdmission(await doorWorld('warn'), CLUSTER, review);
    expect(answer.response.warnings).toEqual([expect.stringMatching(/^pods of this Deployment: spec\.template/)]);
  });

  test('is told the next step, also with a long name', async () => {
    const review = reviewOf(templateOf('CronJob', 'batch', GOOD.replace(/@.*/, `-${'x'.repeat(60)}:v1`)));
    const { answer } = await reviewAdmission(await doorWorld(), CLUSTER, review);
    expect(answer.response.warnings).toEqual([expect.stringMatching(/Name it by its digest: \S+\.$/)]);
  });

  test('has few and short warnings', async () => {
    const long = Array.from({ length: 30 }, (_, n) => `${'x'.repeat(200)}/image-${n}`);
    const { answer } = await reviewAdmission(
      await doorWorld(),
      CLUSTER,
      reviewOf(templateOf('Deployment', 'apps', ...long)),
    );
    const { warnings = [] } = answer.response;
    expect(warnings.length).toBeLessThanOrEqual(8);
    expect(warnings.every((one) => one.length <= 480)).toBe(true);
    expect(warnings.join('').length).toBeLessThan(4096);
    expect(warnings.at(-1)).toBe('23 more images of this object have a warning.');
  });
});

describe('anything else passes without a read', () => {
  test.each([
    ['a Service', { kind: { group: '', version: 'v1', kind: 'Service' }, object: {} }],
    ['a Pod of another group', { kind: { group: 'example.com', version: 'v1', kind: 'Pod' }, object: podOf(BAD) }],
    ['a Deployment of another group', { ...templateOf('Deployment', 'example.com', BAD) }],
    ['a binding', { kind: { group: '', version: 'v1', kind: 'Binding' }, subResource: 'binding' }],
    ['a deletion', { operation: 'DELETE', object: null, oldObject: podOf(BAD) }],
    ['exec', { operation: 'CONNECT', subResource: 'exec', object: {} }],
  ] as const)('%s', async (_, changes) => {
    expect(await reviewAdmission(fakeWorld(), CLUSTER, reviewOf(changes))).toMatchObject({ decision: 'allow' });
  });
});

describe('if policy or ledger cannot be read', () => {
  const down = async (doors: object, knows = true) => {
    const made = await doorWorld('deny', doors);
    const { policy } = await made.policies.current();
    const failing = { current: () => Promise.reject(new Error('throttled')) };
    return { ...made, policies: failing, lastPolicy: () => (knows ? policy : undefined) };
  };

  test('nothing starts where the door denies, and everything where it only warns or is off', async () => {
    const review = reviewOf({ object: podOf(GOOD) });
    const of = async (mode: string) => reviewAdmission(await down({ mode }), CLUSTER, review);
    expect(await of('deny')).toMatchObject({ decision: 'deny', ruleId: 'door-undecided', unread: expect.any(Error) });
    const warned = await of('warn');
    expect(warned.answer.response).toMatchObject({ allowed: true, warnings: [expect.stringContaining('cannot read')] });
    expect(await of('off')).toMatchObject({ decision: 'allow', unread: expect.any(Error) });
  });

  test('an image starts with a warning where the policy has onUnreachable: allow, but no pod with more than 30', async () => {
    const ports = await down({ mode: 'deny', onUnreachable: 'allow' });
    const of = (count: number) =>
      reviewAdmission(ports, CLUSTER, reviewOf({ object: podOf(...Array(count).fill(BAD)) }));
    const opened = await of(30);
    expect(opened).toMatchObject({ decision: 'warn', ruleId: 'door-undecided', unread: expect.any(Error) });
    expect(opened.answer.response).toMatchObject({
      allowed: true,
      warnings: [expect.stringContaining('the policy lets every image start meanwhile')],
    });
    expect(await of(31)).toMatchObject({ decision: 'deny', ruleId: 'door-undecided', unread: expect.any(Error) });
  });

  /** 29 indexes of so many images each, of which none can be read. */
  const hugePod = async (children: number, doors: object = { mode: 'deny', onUnreachable: 'allow' }) => {
    const made = await doorWorld('deny', doors);
    const { policy } = await made.policies.current();
    const names = Array.from({ length: 29 }, (_, n) => `index-${n}`);
    const child = (n: number) => ({ digest: digestOf(`image-${n}`), platform: 'linux/amd64' as const });
    const all = Array.from({ length: 29 * children }, (_, n) => child(n));
    const indexes = names.map((name, n) => [digestOf(name), all.slice(n * children, (n + 1) * children)] as const);
    made.places.indexes = async () => new Map(indexes);
    const reads: number[] = [];
    const get = made.images.get.bind(made.images);
    made.images.get = (digests) => {
      reads.push(digests.length);
      return reads.length > 1 ? new Promise<never>(() => {}) : get(digests);
    };
    const inTime = <Value>(work: Promise<Value>) => Promise.race([work, soon()]);
    const { streams: _, ...others } = made;
    const ports = { ...others, inTime, lastPolicy: () => policy };
    const reviewed = await reviewAdmission(ports, CLUSTER, reviewOf({ object: podOf(...names.map(doorImage)) }));
    return { ...reviewed, reads, message: reviewed.answer.response.status?.message };
  };
  const soon = async (): Promise<never> => {
    for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    throw new ReadsTimedOutError(1500);
  };

  test('a pod of indexes with very many images opens no door, and their records are not read', async () => {
    const huge = await hugePod(256);
    expect(huge).toMatchObject({ decision: 'deny', ruleId: 'door-undecided', reads: [29] });
    expect(huge.message).toContain('lead to more than 1500 images');
    expect(huge).not.toHaveProperty('unread');
    expect(await hugePod(256, { mode: 'warn' })).toMatchObject({ decision: 'warn', reads: [29] });
    expect(await hugePod(256, { mode: 'off' })).toMatchObject({ decision: 'allow' });
  });

  test('a door opens for at most 100 images that cannot be read, those of indexes included', async () => {
    expect(await hugePod(2)).toMatchObject({ decision: 'warn', reads: [29, 58], unread: expect.any(Error) });
    expect(await hugePod(3)).toMatchObject({ decision: 'deny', reads: [29, 87], unread: expect.any(Error) });
  });

  describe('an image that the policy exempts', () => {
    const EXEMPT = '602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/coredns:v1.11';
    const exempting = async () => {
      const made = await doorWorld();
      const policy = doorPolicy({ mode: 'deny' }, { awsManaged: { accounts: ['602401143452'], references: [] } });
      const replaces = (await made.policies.current()).version;
      await made.policies.publish(policy, { replaces });
      return { ...made, policy };
    };

    test('starts by its tag without a read of the tag', async () => {
      const made = await exempting();
      const asked: unknown[] = [];
      made.places.holders = async (location) => {
        asked.push(location);
        throw new Error('throttled');
      };
      const of = (...images: string[]) => reviewAdmission(made, CLUSTER, reviewOf({ object: podOf(...images) }));
      expect(await of(EXEMPT)).toMatchObject({ decision: 'allow' });
      expect(asked).toEqual([]);
      await expect(of(EXEMPT, doorTag('web'))).rejects.toThrow('throttled');
      expect(asked).toMatchObject([{ repository: 'team/web' }]);
    });

    test('starts while nothing can be read, and takes no other image with it', async () => {
      const made = await exempting();
      const policies = { current: () => Promise.reject(new Error('throttled')) };
      const ports = { ...made, policies, lastPolicy: () => made.policy };
      const of = (...images: string[]) => reviewAdmission(ports, CLUSTER, reviewOf({ object: podOf(...images) }));
      expect(await of(EXEMPT)).toMatchObject({ decision: 'allow', unread: expect.any(Error) });
      expect(await of(EXEMPT, GOOD)).toMatchObject({ decision: 'deny' });
    });
  });

  test('what can be read is refused, also where the policy has onUnreachable: allow', async () => {
    const made = await doorWorld('deny', { onUnreachable: 'allow' });
    const of = (...images: string[]) => reviewAdmission(made, CLUSTER, reviewOf({ object: podOf(...images) }));
    expect(await of(BAD)).toMatchObject({ decision: 'deny', ruleId: 'critical' });
    const many = Array.from({ length: 251 }, (_, n) => doorImage(`i${n}`));
    expect(await of(...many)).toMatchObject({ decision: 'deny', ruleId: 'door-undecided' });
  });

  test('the mode is that of the namespace', async () => {
    const doors = { mode: 'deny', rules: [{ namespaces: ['shop'], mode: 'warn' }] };
    expect(await reviewAdmission(await down(doors), CLUSTER, reviewOf({ object: podOf(GOOD) }))).toMatchObject({
      decision: 'warn',
    });
  });

  test('a template and a mirror pod still get only a warning', async () => {
    const template = reviewOf(templateOf('Deployment', 'apps', GOOD));
    const made = await down({ mode: 'deny' });
    expect((await reviewAdmission(made, CLUSTER, template)).answer.response.allowed).toBe(true);
    expect(await reviewAdmission(made, CLUSTER, reviewOf({ object: mirror, userInfo: NODE }))).toMatchObject({
      decision: 'warn',
    });
  });

  test('without any policy it is an error', async () => {
    const made = await down({ mode: 'warn' }, false);
    await expect(reviewAdmission(made, CLUSTER, reviewOf({ object: podOf(GOOD) }))).rejects.toThrow('throttled');
  });
});

test('hostile text in an image is shown with each character visible', async () => {
  const { answer } = await reviewAdmission(
    await doorWorld(),
    CLUSTER,
    reviewOf({ object: podOf('evil\u001b[2J\u202e/x') }),
  );
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
  expect(answer.response.status?.message).not.toMatch(/[\u0000-\u001f\u202e]/);
});
