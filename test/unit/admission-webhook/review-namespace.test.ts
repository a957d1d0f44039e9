import { asksPerMinute, MOST_ASKS } from '../../../functions/admission-webhook/asks-per-minute.ts';
import { inTime } from '../../../functions/admission-webhook/deadline.ts';
import { ReadsTimedOutError } from '../../../functions/admission-webhook/errors.ts';
import type { AdmissionReview } from '../../../functions/admission-webhook/input.ts';
import { reviewAdmission } from '../../../functions/admission-webhook/review-admission.ts';
import { policySchema } from '../../../shared/domain/policy/policy.ts';
import { parse } from '../../../shared/schema.ts';
import { podOf, reviewOf } from '../../support/admission-reviews.ts';
import { fakeWorld } from '../../support/fakes/world.ts';
import { HOUR_MS } from '../../support/samples.ts';

const CLUSTER = { account: '111122223333', region: 'eu-west-1', cluster: 'main' };
const PLACE = { ...CLUSTER, namespace: 'shop' };
const ON_CALL = { username: 'ada', groups: ['on-call', 'system:authenticated'] };

async function world(breakGlass: object | null = { groups: ['on-call'] }) {
  const made = fakeWorld();
  const doors = { mode: 'deny', ...(breakGlass && { breakGlass }) };
  const policy = { version: 1, ages: { default: { limitDays: 30 } }, streams: [], severities: [], doors };
  await made.policies.publish(parse(policySchema, policy), {});
  return made;
}

type World = Awaited<ReturnType<typeof world>>;

const expiring = (made: World, hours: number) =>
  JSON.stringify({
    author: 'Ada',
    reason: 'incident 7',
    expires: new Date(made.clock() + hours * HOUR_MS).toISOString(),
  });

const namespace = (annotation?: string, changes: object = {}) => ({
  metadata: {
    name: 'shop',
    ...(annotation !== undefined && { annotations: { 'patchwave.dev/break-glass': annotation } }),
    ...changes,
  },
});

let uids = 0;
const changed = (
  object: unknown,
  oldObject: unknown,
  changes: Partial<AdmissionReview['request']> = {},
): AdmissionReview =>
  reviewOf({
    ...{ kind: { group: '', version: 'v1', kind: 'Namespace' }, operation: 'UPDATE', userInfo: ON_CALL },
    ...{ uid: `uid-${++uids}`, name: 'shop', object, oldObject, ...changes },
  });

const BEGIN = (made: World, hours = 2) => ({
  ...{ kind: 'begin', place: PLACE, user: 'ada', askedAtEpochMs: made.clock(), uid: expect.stringMatching(/^uid-/) },
  breakGlass: { author: 'Ada', reason: 'incident 7', expiresAtEpochMs: made.clock() + hours * HOUR_MS },
});
const END = (made: World, user = 'ada') => ({
  ...{ kind: 'end', place: PLACE, user, askedAtEpochMs: made.clock(), uid: expect.stringMatching(/^uid-/) },
});

test('a person of the group asks to open a namespace; that is checked in the cluster, and opens nothing by itself', async () => {
  const made = await world();
  const reviewed = await reviewAdmission(made, CLUSTER, changed(namespace(expiring(made, 2)), namespace()));
  expect(reviewed).toMatchObject({ decision: 'warn', ruleId: 'break-glass', breakGlass: 'begin' });
  expect(reviewed.answer.response).toMatchObject({
    allowed: true,
    warnings: [expect.stringMatching(/^Within a minute, once .* until 2026-11-24 05:00 UTC, with a warning/)],
  });
  expect(made.checks.sent).toEqual([BEGIN(made)]);
  const pod = reviewOf({ object: podOf('nginx') });
  expect(await reviewAdmission(made, CLUSTER, pod)).toMatchObject({ decision: 'deny', ruleId: 'digest-required' });
  expect(made.exceptions.written).toBe(0);
});

test('one that was proven lets every image start there until it expires', async () => {
  const made = await world();
  const { breakGlass } = BEGIN(made);
  const change = { uid: '1', user: 'ada', atEpochMs: made.clock(), proof: 'cluster' as const };
  await made.exceptions.begin(PLACE, breakGlass, change);
  const pod = reviewOf({ object: podOf('nginx') });
  expect(await reviewAdmission(made, CLUSTER, pod)).toMatchObject({ decision: 'warn', ruleId: 'digest-required' });
  expect(await reviewAdmission(made, { ...CLUSTER, cluster: 'other' }, pod)).toMatchObject({ decision: 'deny' });
  made.advance(2 * HOUR_MS);
  expect(await reviewAdmission(made, CLUSTER, pod)).toMatchObject({ decision: 'deny' });
});

test('nobody else does', async () => {
  const made = await world();
  const review = (groups: readonly string[]) =>
    changed(namespace(expiring(made, 2)), namespace(), { userInfo: { username: 'eve', groups: [...groups] } });
  for (const groups of [[], ['on-call-2'], ['ON-CALL'], ['developers']])
    expect(await reviewAdmission(made, CLUSTER, review(groups))).toMatchObject({
      decision: 'deny',
      ruleId: 'break-glass',
    });
  const nobody = await world(null);
  expect(await reviewAdmission(nobody, CLUSTER, review(['on-call']))).toMatchObject({ decision: 'deny' });
  expect(made.checks.sent).toEqual([]);
});

test.each([
  ['no JSON', () => 'yes'],
  ['no text', () => ''],
  ['a list', () => '[]'],
  ['no author', () => JSON.stringify({ reason: 'x', expires: '2026-11-24T04:00:00Z' })],
  ['an empty reason', () => JSON.stringify({ author: 'a', reason: ' ', expires: '2026-11-24T04:00:00Z' })],
  ['a field more', () => JSON.stringify({ author: 'a', reason: 'x', expires: '2026-11-24T04:00:00Z', forever: true })],
  ['a day without a time', () => JSON.stringify({ author: 'a', reason: 'x', expires: '2026-11-25' })],
  ['the past', (made: World) => expiring(made, -1)],
  ['now', (made: World) => expiring(made, 0)],
  ['more than a day', (made: World) => expiring(made, 24.01)],
])('an annotation with %s is refused', async (_, of) => {
  const made = await world();
  const { answer } = await reviewAdmission(made, CLUSTER, changed(namespace(of(made)), namespace()));
  expect(answer.response.status?.message).toContain('patchwave.dev/break-glass is refused');
  expect(made.checks.sent).toEqual([]);
});

test('the example in a refusal is accepted', async () => {
  const made = await world();
  const asked = async (text: string) =>
    (await reviewAdmission(made, CLUSTER, changed(namespace(text), namespace()))).answer.response;
  const { message = '' } = (await asked('yes')).status ?? {};
  const [example = ''] = /\{"author".*\}/.exec(message) ?? [];
  expect(await asked(example)).toMatchObject({ allowed: true });
});

test('who may not open it is told who may', async () => {
  const told = async (breakGlass: object | null) => {
    const made = await world(breakGlass);
    const review = changed(namespace(expiring(made, 2)), namespace(), { userInfo: { username: 'eve', groups: [] } });
    return (await reviewAdmission(made, CLUSTER, review)).answer.response.status?.message;
  };
  expect(await told({ groups: ['on-call', 'second', 'third', 'fourth'] })).toContain(
    'Ask a member of on-call or second or third, or change the policy.',
  );
  expect(await told(null)).toContain('It names none: change the policy.');
});

test('a whole day is allowed', async () => {
  const made = await world();
  const review = changed(namespace(expiring(made, 24)), namespace());
  expect(await reviewAdmission(made, CLUSTER, review)).toMatchObject({ decision: 'warn' });
});

test('an update that keeps the annotation passes without a read', async () => {
  const made = await world();
  const text = expiring(made, -100);
  const review = changed(namespace(text, { labels: { a: 'b' } }), namespace(text), {
    userInfo: { username: 'controller', groups: [] },
  });
  expect(await reviewAdmission(fakeWorld(), CLUSTER, review)).toMatchObject({ decision: 'allow' });
});

test('anybody who may edit the namespace asks for the end, and so does a new namespace of the name', async () => {
  const made = await world();
  const text = expiring(made, 2);
  const nobody = { userInfo: { username: 'eve', groups: [] } };
  const removal = changed(namespace(), namespace(text), nobody);
  expect(await reviewAdmission(made, CLUSTER, removal)).toMatchObject({ decision: 'allow', breakGlass: 'end' });
  const create = () => changed(namespace(), null, { ...nobody, operation: 'CREATE' });
  await reviewAdmission(made, CLUSTER, create());
  expect(made.checks.sent).toEqual([END(made, 'eve')]);
  await made.exceptions.begin(PLACE, BEGIN(made).breakGlass, { uid: '1', user: 'ada', atEpochMs: made.clock() });
  await reviewAdmission(made, CLUSTER, create());
  expect(made.checks.sent).toEqual([END(made, 'eve'), END(made, 'eve')]);
  expect(await made.exceptions.breakGlassOf(PLACE)).toBeDefined();
});

const UNSENT = { send: () => Promise.reject(new Error('throttled')) };

test('a namespace that is deleted asks for the end, and is deleted in any case', async () => {
  const made = await world();
  const text = expiring(made, 2);
  const deletion = (changes: object = {}) =>
    changed(null, namespace(text), { operation: 'DELETE', userInfo: { username: 'eve', groups: [] }, ...changes });
  await reviewAdmission(made, CLUSTER, deletion({ dryRun: true }));
  expect(made.checks.sent).toEqual([]);
  expect(await reviewAdmission({ ...made, checks: UNSENT }, CLUSTER, deletion())).toMatchObject({
    decision: 'allow',
    unread: expect.any(Error),
  });
  expect(await reviewAdmission(made, CLUSTER, deletion())).toMatchObject({ decision: 'allow' });
  expect(made.checks.sent).toEqual([END(made, 'eve')]);
  expect(
    await reviewAdmission(fakeWorld(), CLUSTER, changed(null, namespace(), { operation: 'DELETE' })),
  ).toMatchObject({
    decision: 'allow',
  });
});

test('the annotation is removed also while the check cannot be asked for', async () => {
  const made = await world();
  const { policy } = await made.policies.current();
  const removal = changed(namespace(), namespace(expiring(made, 2)), { userInfo: { username: 'eve', groups: [] } });
  const unsent = { ...made, checks: UNSENT };
  for (const ports of [unsent, { ...unsent, lastPolicy: () => policy }])
    expect(await reviewAdmission(ports, CLUSTER, removal)).toMatchObject({
      answer: { response: { allowed: true } },
      unread: expect.any(Error),
    });
});

test('a namespace without the annotation is made also while the ledger cannot be read', async () => {
  const made = await world();
  const failing = { ...made, exceptions: { breakGlassOf: () => Promise.reject(new Error('throttled')) } };
  const { policy } = await made.policies.current();
  const review = changed(namespace(), null, { operation: 'CREATE', userInfo: { username: 'eve', groups: [] } });
  for (const ports of [failing, { ...failing, lastPolicy: () => policy }])
    expect(await reviewAdmission(ports, CLUSTER, review)).toMatchObject({
      answer: { response: { allowed: true } },
      unread: expect.any(Error),
    });
});

test('an annotation whose check cannot be asked for is refused', async () => {
  const made = await world();
  const { policy } = await made.policies.current();
  const ports = { ...made, checks: UNSENT, lastPolicy: () => policy };
  const review = changed(namespace(expiring(made, 2)), namespace());
  expect(await reviewAdmission(ports, CLUSTER, review)).toMatchObject({ decision: 'deny', ruleId: 'door-undecided' });
  await expect(reviewAdmission({ ...made, checks: UNSENT }, CLUSTER, review)).rejects.toThrow('throttled');
});

test('one cluster asks for few checks a minute, so that those of others do not wait', async () => {
  const made = await world();
  const ports = { ...made, mayAsk: asksPerMinute(made.clock) };
  const ask = (name: string, cluster = CLUSTER) =>
    reviewAdmission(ports, cluster, changed(namespace(expiring(made, 2)), namespace(), { name }));
  for (let count = 0; count < MOST_ASKS; count += 1) expect((await ask(`n${count}`)).decision).toBe('warn');
  const { answer, decision } = await ask('one-more');
  expect([decision, answer.response.status?.message]).toEqual([
    'deny',
    expect.stringContaining('patchwave doors open'),
  ]);
  const end = changed(namespace(), namespace(expiring(made, 2)));
  expect(await reviewAdmission(ports, CLUSTER, end)).toMatchObject({ decision: 'allow' });
  expect((await ask('shop', { ...CLUSTER, cluster: 'other' })).decision).toBe('warn');
  expect(made.checks.sent).toHaveLength(MOST_ASKS + 1);
  made.advance(60_000);
  expect((await ask('later')).decision).toBe('warn');
});

test('a namespace whose name the API server makes up is named by its object', async () => {
  const made = await world();
  const create = (object: object) => changed(object, null, { operation: 'CREATE', name: '' });
  await reviewAdmission(made, CLUSTER, create(namespace(expiring(made, 2))));
  expect(made.checks.sent).toEqual([BEGIN(made)]);
  expect(await reviewAdmission(made, CLUSTER, create({ metadata: { generateName: 'shop-' } }))).toMatchObject({
    decision: 'allow',
  });
  const annotated = { metadata: { annotations: namespace(expiring(made, 2)).metadata.annotations } };
  const known = { ...made, lastPolicy: (await made.policies.current()).policy };
  await expect(
    reviewAdmission({ ...known, lastPolicy: () => known.lastPolicy }, CLUSTER, create(annotated)),
  ).rejects.toThrow('request.name');
});

test('a new namespace may have the annotation at once', async () => {
  const made = await world();
  const create = (userInfo: AdmissionReview['request']['userInfo']) =>
    changed(namespace(expiring(made, 1)), null, { operation: 'CREATE', userInfo });
  expect(await reviewAdmission(made, CLUSTER, create({ username: 'eve', groups: [] }))).toMatchObject({
    decision: 'deny',
  });
  expect(await reviewAdmission(made, CLUSTER, create(ON_CALL))).toMatchObject({ decision: 'warn' });
});

test('a dry run asks for no check', async () => {
  const made = await world();
  const text = expiring(made, 2);
  const opened = await reviewAdmission(made, CLUSTER, changed(namespace(text), namespace(), { dryRun: true }));
  expect(opened).toMatchObject({ decision: 'warn' });
  await reviewAdmission(made, CLUSTER, changed(namespace(), namespace(text), { dryRun: true }));
  expect(made.checks.sent).toEqual([]);
});

test.each(['../../SWITCH#CURRENT\u001b[2J', 'OPENED#shop', 'Shop', 'x'.repeat(64)])(
  'a namespace named %j, which no API server stores, asks for no check',
  async (name) => {
    const made = await world();
    const review = changed(namespace(expiring(made, 2)), namespace(), { name });
    expect(await reviewAdmission(made, CLUSTER, review)).toMatchObject({ decision: 'allow' });
    expect(made.checks.sent).toEqual([]);
  },
);

test('nothing is opened if the policy cannot be read', async () => {
  const made = await world();
  const { policy } = await made.policies.current();
  const failing = { ...made, policies: { current: () => Promise.reject(new Error('throttled')) } };
  const review = changed(namespace(expiring(made, 2)), namespace());
  await expect(reviewAdmission(failing, CLUSTER, review)).rejects.toThrow('throttled');
  expect(await reviewAdmission({ ...failing, lastPolicy: () => policy }, CLUSTER, review)).toMatchObject({
    decision: 'deny',
    ruleId: 'door-undecided',
  });
});

test('a new namespace with the annotation asks for it, whatever the review says of an object before', async () => {
  const made = await world();
  const annotated = namespace(expiring(made, 2));
  const review = changed(annotated, annotated, { operation: 'CREATE', userInfo: { username: 'eve', groups: [] } });
  expect(await reviewAdmission(made, CLUSTER, review)).toMatchObject({ decision: 'deny', ruleId: 'break-glass' });
});

test('a change that is not recorded in time is refused', async () => {
  const made = await world();
  const { policy } = await made.policies.current();
  const hanging = { ...made, policies: { current: () => new Promise<never>(() => undefined) } };
  const ports = { ...hanging, lastPolicy: () => policy, inTime: <Value>(work: Promise<Value>) => inTime(1, work) };
  expect(await reviewAdmission(ports, CLUSTER, changed(namespace(expiring(made, 2)), namespace()))).toMatchObject({
    decision: 'deny',
    ruleId: 'door-undecided',
    unread: expect.any(ReadsTimedOutError),
  });
});
