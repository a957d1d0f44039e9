import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { jest } from '@jest/globals';
import type { Context } from 'aws-lambda';
import { inTime } from '../../../functions/admission-webhook/deadline.ts';
import { admissionWebhook, handler } from '../../../functions/admission-webhook/handler.ts';
import { hourlyNotes } from '../../../functions/admission-webhook/hourly-notes.ts';
import { PathKeys } from '../../../functions/admission-webhook/path-keys.ts';
import { MOST_BYTES, ReviewTooLargeError, readReview } from '../../../functions/admission-webhook/read-review.ts';
import { RememberedPolicies } from '../../../functions/admission-webhook/remembered-policies.ts';
import type { ReviewPorts } from '../../../functions/admission-webhook/reviewed.ts';
import { podSecretOf } from '../../../shared/domain/admission/webhook-path.ts';
import { policySchema } from '../../../shared/domain/policy/policy.ts';
import { metrics } from '../../../shared/lambda/metrics.ts';
import { logger } from '../../../shared/lambda/powertools.ts';
import { parse } from '../../../shared/schema.ts';
import { podOf, reviewOf } from '../../support/admission-reviews.ts';
import { doorImage, doorTag, doorWorld, pushTag } from '../../support/door-world.ts';
import { fakeWorld } from '../../support/fakes/world.ts';
import { pathKey } from '../../support/path-key.ts';
import { HOUR_MS } from '../../support/samples.ts';

const [KEY, NEXT] = [pathKey(1), pathKey(2)] as const;
const MAIN = { account: '111122223333', region: 'eu-west-1', cluster: 'main' };
/** Of version 0.2.0: of the secret for pods, which is made from the other. */
const SECRET = 'sample-secret-of-the-tests';
const hashOf = (secret: string) => createHash('sha256').update(podSecretOf(secret)).digest('base64');
const FOLDER = new URL('../../../events/doors/', import.meta.url);
/** A sample event, signed for its cluster and for what it asks. */
const sample = (name: string) => {
  const event = JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), 'utf8'));
  const use = name === 'break-glass' ? 'namespaces' : 'pods';
  const { account, cluster } = event.pathParameters;
  const secret = KEY.sign(use, { account, region: MAIN.region, cluster });
  return { ...event, pathParameters: { ...event.pathParameters, secret } };
};
const context = {
  functionName: 'admission-webhook',
  invokedFunctionArn: 'arn:aws:lambda:eu-west-1:111122223333:function:doors-admission-webhook:live',
  awsRequestId: 'request-1',
} as Context;

const logged: unknown[] = [];
beforeEach(() => {
  logged.length = 0;
  for (const level of ['info', 'warn', 'error'] as const)
    jest.spyOn(logger, level).mockImplementation((...entry) => {
      const texts = entry.map((one) => (one instanceof Error ? one.stack : one));
      const error = (entry[1] as { readonly error?: Error } | undefined)?.error;
      logged.push({ level, texts, error: error?.stack });
    });
  jest.spyOn(metrics, 'publishStoredMetrics').mockReturnThis();
});
afterEach(() => jest.restoreAllMocks());

async function world(doors: object = { mode: 'deny', breakGlass: { groups: ['platform-on-call'] } }) {
  const made = fakeWorld();
  const policy = { version: 1, ages: { default: { limitDays: 30 } }, streams: [], severities: [], doors };
  await made.policies.publish(parse(policySchema, policy), {});
  return made;
}

async function ask(event: unknown, ports?: ReviewPorts, keys = new PathKeys([KEY.publicKey])) {
  const made = ports ?? (await world());
  const services = { keys, ports: made };
  const { statusCode, body = '' } = (await admissionWebhook(() => services)(event, context)) as {
    statusCode: number;
    body?: string;
  };
  return { statusCode, review: JSON.parse(body) };
}

describe('the sample events', () => {
  test.each([
    ['create-pod', { allowed: false }],
    ['create-pod.base64', { allowed: false }],
    ['ephemeral-container', { allowed: false }],
    ['create-deployment', { allowed: true, warnings: [expect.stringContaining('will be refused')] }],
    ['break-glass', { allowed: true, warnings: [expect.stringContaining('until 2026-11-24 05:00 UTC')] }],
  ])('%s has an answer with its own uid', async (name, expected) => {
    const event = sample(name);
    const { body, isBase64Encoded } = event;
    const { uid } = JSON.parse(isBase64Encoded ? Buffer.from(body, 'base64').toString() : body).request;
    const { statusCode, review } = await ask(event);
    expect(statusCode).toBe(200);
    expect(review).toMatchObject({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' });
    expect(review.response).toMatchObject({ uid, ...expected });
  });

  test('each is tried above', () => {
    expect(readdirSync(FOLDER).sort()).toEqual([
      'break-glass.json',
      'create-deployment.json',
      'create-pod.base64.json',
      'create-pod.json',
      'ephemeral-container.json',
    ]);
  });
});

const withBody = (body: unknown, changes: object = {}) => ({
  ...sample('create-pod'),
  body: typeof body === 'string' ? body : JSON.stringify(body),
  ...changes,
});

describe('a body that is no review is refused, and never allowed', () => {
  const whole = JSON.stringify(reviewOf({ object: podOf('nginx') }));
  const request = (changes: object) => ({ ...reviewOf(), request: { ...reviewOf().request, ...changes } });
  test.each<[string, unknown, object?]>([
    ['nothing', ''],
    ['no JSON', 'no JSON'],
    ['a list', '[]'],
    ['null', 'null'],
    ['a truncated one', whole.slice(0, -10)],
    ['3 MB that are truncated', JSON.stringify(reviewOf({ object: podOf('x'.repeat(3_000_000)) })).slice(0, -10)],
    ['no Base64', whole, { isBase64Encoded: true }],
    ['Base64 of something else', Buffer.from('x').toString('base64'), { isBase64Encoded: true }],
    ['bytes that are no UTF-8', Buffer.from([0xff, 0xfe]).toString('base64'), { isBase64Encoded: true }],
    [
      'a review with bytes that are no UTF-8',
      Buffer.from(whole.replace('nginx', '\u00ff'), 'latin1').toString('base64'),
      { isBase64Encoded: true },
    ],
    [
      'a review in Base64 that was cut',
      Buffer.from(`${whole}   `).toString('base64').replace(/=*$/, '').slice(0, -1),
      { isBase64Encoded: true },
    ],
    ['the version before', { ...reviewOf({ object: podOf('nginx') }), apiVersion: 'admission.k8s.io/v1beta1' }],
    ['another kind', { ...reviewOf({ object: podOf('nginx') }), kind: 'Pod' }],
    ['no request', { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' }],
    ['no uid', request({ uid: undefined, object: podOf('nginx') })],
    ['an empty uid', request({ uid: '', object: podOf('nginx') })],
    ['a uid that is a number', request({ uid: 7, object: podOf('nginx') })],
    ['another operation', request({ operation: 'PATCH', object: podOf('nginx') })],
    ['groups that are text', request({ userInfo: { groups: 'system:nodes' }, object: podOf('nginx') })],
    ['a pod without an object', request({ object: null })],
    ['a pod without a namespace', request({ namespace: '', object: podOf('nginx') })],
  ])('%s: 400', async (_, body, changes = {}) => {
    const made = await world({ mode: 'warn' });
    expect(await ask(withBody(body, changes), made)).toEqual({
      statusCode: 400,
      review: { message: expect.stringContaining('The AdmissionReview is not valid') },
    });
  });

  test('one with exactly the most bytes is read, and one with a byte more is not', () => {
    const whole = JSON.stringify(reviewOf({ object: podOf('nginx') }));
    const body = whole.padEnd(MOST_BYTES);
    expect(readReview(body, false)).toEqual(readReview(whole, false));
    expect(() => readReview(`${body} `, false)).toThrow(ReviewTooLargeError);
  });

  test('one that is larger than an API server sends: 413', async () => {
    const body = JSON.stringify(reviewOf({ object: podOf('x'.repeat(MOST_BYTES)) }));
    expect((await ask(withBody(body))).statusCode).toBe(413);
    const encoded = Buffer.from(body).toString('base64');
    expect((await ask(withBody(encoded, { isBase64Encoded: true }))).statusCode).toBe(413);
  });

  test('an object of any depth is no danger', async () => {
    const deep = `${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}`;
    const body = (object: string) => JSON.stringify(reviewOf({ object: 'here' })).replace('"here"', object);
    expect((await ask(withBody(body(deep)))).statusCode).toBe(400);
    const inside = JSON.stringify(podOf('nginx')).replace('"v1"', deep);
    expect(await ask(withBody(body(inside)))).toMatchObject({
      statusCode: 200,
      review: { response: { allowed: false } },
    });
  });

  test('3 MB that are a review are decided', async () => {
    const object = { ...podOf('nginx'), status: 'x'.repeat(3 * 1024 * 1024) };
    expect(await ask(withBody(reviewOf({ object })))).toMatchObject({
      statusCode: 200,
      review: { response: { allowed: false } },
    });
  });
});

describe('the path of a webhook', () => {
  const path = (secret: string, { account = MAIN.account, cluster = MAIN.cluster } = {}) => ({
    ...sample('create-pod'),
    pathParameters: { secret, account, cluster },
  });
  const nothingIsRead = new Proxy({} as ReviewPorts, {
    get: (_, name) => {
      throw new Error(`${String(name)} was read`);
    },
  });
  const signature = KEY.sign('pods', MAIN);
  const flipped = `${signature[0] === 'A' ? 'B' : 'A'}${signature.slice(1)}`;

  test('opens pods of its cluster with the signature for them', async () => {
    expect((await ask(path(signature))).statusCode).toBe(200);
  });

  test.each([
    ['another text', path('other')],
    ['no text', path('')],
    ['a signature with another letter', path(flipped)],
    ['a signature and more', path(`${signature}A`)],
    ['a signature for another cluster', path(KEY.sign('pods', { ...MAIN, cluster: 'dev' }))],
    ['a signature for another account', path(KEY.sign('pods', { ...MAIN, account: '444455556666' }))],
    ['a signature for another Region', path(KEY.sign('pods', { ...MAIN, region: 'us-east-1' }))],
    ['its signature at another cluster', path(signature, { cluster: 'prod' })],
    ['its signature at another account', path(signature, { account: '444455556666' })],
    ['a signature by another key', path(NEXT.sign('pods', MAIN))],
    ['a signature for namespaces', path(KEY.sign('namespaces', MAIN))],
    ['the secret of version 0.2.0', path(SECRET)],
    ['an account that is none', path(KEY.sign('pods', { ...MAIN, account: '1111' }), { account: '1111' })],
    ['a cluster that is none', path(KEY.sign('pods', { ...MAIN, cluster: '../SWITCH#' }), { cluster: '../SWITCH#' })],
    ['no parameters', { ...sample('create-pod'), pathParameters: undefined }],
  ])('with %s: 404 without a detail, and nothing is read', async (_, event) => {
    expect(await ask(event, nothingIsRead)).toEqual({ statusCode: 404, review: { message: 'Not Found' } });
  });

  test('for pods opens no namespace, and that for namespaces does', async () => {
    const made = await world();
    const event = sample('break-glass');
    const forPods = { ...event, pathParameters: { ...event.pathParameters, secret: signature } };
    expect(await ask(forPods, made)).toEqual({ statusCode: 404, review: { message: 'Not Found' } });
    expect(made.checks.sent).toEqual([]);
    expect((await ask(event, made)).review.response.allowed).toBe(true);
    expect(made.checks.sent).toHaveLength(1);
    expect(made.exceptions.written).toBe(0);
  });

  test('for tags writes digests, refuses nothing and opens no namespace; that for pods writes none', async () => {
    const made = await doorWorld('deny', { pinTags: true });
    await pushTag(made, 'compliant');
    const forTags = KEY.sign('tags', MAIN);
    const review = reviewOf({ object: podOf(doorTag('compliant'), doorImage('violating')) });
    const asking = (secret: string) => ({ ...withBody(review), ...path(secret), body: JSON.stringify(review) });
    const { response } = (await ask(asking(forTags), made)).review;
    expect(response).toMatchObject({ allowed: true, patchType: 'JSONPatch' });
    expect(logged).toMatchObject([{ texts: ['review answered', { decision: 'allow', pinned: 1 }] }]);
    const decided = (await ask(asking(signature), made)).review.response;
    expect(decided).toMatchObject({ allowed: false });
    expect(Object.keys(decided)).not.toContain('patch');
    const event = sample('break-glass');
    const opening = { ...event, pathParameters: { ...event.pathParameters, secret: forTags } };
    expect((await ask(opening, made)).statusCode).toBe(404);
    expect(made.checks.sent).toEqual([]);
  });

  test('of `dev` asks nothing of `prod`, whatever it asks', async () => {
    const made = await world();
    for (const name of ['create-pod', 'break-glass']) {
      const event = sample(name);
      const elsewhere = { ...event, pathParameters: { ...event.pathParameters, cluster: 'prod' } };
      expect((await ask(elsewhere, made)).statusCode).toBe(404);
    }
    expect(made.checks.sent).toEqual([]);
  });

  test('during a rotation counts with either key, and afterwards only with the new one', async () => {
    const [before, after] = [KEY, NEXT].map((key) => path(key.sign('pods', MAIN)));
    const both = new PathKeys([KEY.publicKey, NEXT.publicKey]);
    const next = new PathKeys([NEXT.publicKey]);
    const statusOf = async (event: unknown, keys: PathKeys) => (await ask(event, undefined, keys)).statusCode;
    expect([await statusOf(before, both), await statusOf(after, both)]).toEqual([200, 200]);
    expect([await statusOf(before, next), await statusOf(after, next)]).toEqual([404, 200]);
  });

  test('is checked once, and counts for no other cluster', () => {
    const keys = new PathKeys([KEY.publicKey]);
    const first = keys.opened(signature, MAIN);
    expect(first).toEqual({ use: 'pods', kind: 'signed' });
    expect(keys.opened(signature, MAIN)).toBe(first);
    expect(keys.opened(signature, { ...MAIN, cluster: 'prod' })).toBeUndefined();
  });

  test('is forgotten if very many others were asked with, so that memory has an end', () => {
    const keys = new PathKeys([KEY.publicKey]);
    const first = keys.opened(signature, MAIN);
    for (let number = 0; number < 400; number += 1) {
      const cluster = { ...MAIN, cluster: `c${number}` };
      expect(keys.opened(KEY.sign('pods', cluster), cluster)).toBeDefined();
    }
    const again = keys.opened(signature, MAIN);
    expect(again).toEqual(first);
    expect(again).not.toBe(first);
  });

  describe('of version 0.2.0', () => {
    const keys = new PathKeys([KEY.publicKey], hashOf(SECRET));

    test.each([SECRET, podSecretOf(SECRET)])('asks about pods, if the stack has its hash', async (secret) => {
      const metric = jest.spyOn(metrics, 'addMetric');
      const { statusCode, review } = await ask(path(secret), undefined, keys);
      expect(statusCode).toBe(200);
      expect(review).toEqual((await ask(path(signature), undefined, keys)).review);
      expect(metric.mock.calls.filter(([name]) => name !== 'StartsDenied')).toEqual([
        ['SharedSecretReviews', 'Count', 1],
      ]);
    });

    test.each([SECRET, podSecretOf(SECRET)])('opens no namespace', async (secret) => {
      const made = await world();
      const event = sample('break-glass');
      const asked = { ...event, pathParameters: { ...event.pathParameters, secret } };
      expect(await ask(asked, made, keys)).toEqual({ statusCode: 404, review: { message: 'Not Found' } });
      expect(made.checks.sent).toEqual([]);
    });

    test.each(['other', hashOf(SECRET), `${SECRET}x`])('with another text is refused', async (secret) => {
      expect((await ask(path(secret), nothingIsRead, keys)).statusCode).toBe(404);
    });

    test('without a secret fits no hash', () => {
      for (const hash of [hashOf(''), createHash('sha256').update('').digest('base64')])
        expect(['', podSecretOf('')].map((text) => new PathKeys([], hash).opened(text, MAIN))).toEqual([
          undefined,
          undefined,
        ]);
    });
  });
});

describe('the log', () => {
  const events = [
    ...['create-pod', 'ephemeral-container', 'create-deployment', 'break-glass'].map(sample),
    withBody('{"secret-of-the-object": '),
    withBody(reviewOf({ object: { 'secret-of-the-object': 1 } })),
    { ...sample('create-pod'), pathParameters: { secret: 'wrong-secret', account: '111122223333', cluster: 'main' } },
  ];

  test('has no object, path or secret, and who asked is not in it', async () => {
    const failing = { ...(await world()), policies: { current: () => Promise.reject(new Error('throttled')) } };
    for (const event of events) {
      await ask(event);
      await ask(event, failing);
    }
    const text = JSON.stringify(logged);
    for (const secret of [
      KEY.sign('pods', MAIN),
      KEY.sign('namespaces', MAIN),
      'wrong-secret',
      'secret-of-the-object',
      'busybox',
      'nginx:1',
      'incident 7',
      'ada',
    ])
      expect([secret, text.includes(secret)]).toEqual([secret, false]);
    expect(text).toContain('throttled');
  });

  test('has who was asked, for what, and how it was decided', async () => {
    await ask(sample('create-pod'));
    expect(logged).toEqual([
      expect.objectContaining({
        level: 'info',
        texts: [
          'review answered',
          {
            uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
            ...{ account: '111122223333', region: 'eu-west-1', cluster: 'main', namespace: 'shop' },
            path: 'signed',
            ...{ kind: 'Pod', operation: 'CREATE', decision: 'deny', ruleId: 'image-recorded' },
            ...{ digests: [`sha256:${'1'.repeat(64)}`], durationMs: expect.any(Number) },
          },
        ],
      }),
    ]);
  });

  test('tells in a rotation which key signed the path, and which cluster has a path of version 0.2.0', async () => {
    const keys = async (made: PathKeys, ...texts: readonly string[]) => {
      logged.length = 0;
      for (const secret of texts)
        await ask({ ...sample('create-pod'), pathParameters: { ...MAIN, secret } }, undefined, made);
      return logged.map((one) => {
        const [, { path, key }] = (one as { texts: [string, { path: string; key?: string }] }).texts;
        return [path, key];
      });
    };
    const [first, second] = [KEY, NEXT].map((key) => key.sign('pods', MAIN)) as [string, string];
    expect(await keys(new PathKeys([KEY.publicKey, NEXT.publicKey]), first, second)).toEqual([
      ['signed', 'current'],
      ['signed', 'next'],
    ]);
    expect(await keys(new PathKeys([NEXT.publicKey], hashOf(SECRET)), second, SECRET)).toEqual([
      ['signed', undefined],
      ['shared-secret', undefined],
    ]);
  });

  test('has each namespace that asks for the begin or end of a break-glass', async () => {
    const made = await world();
    const annotated = { metadata: { name: 'shop', annotations: { 'patchwave.dev/break-glass': '{}' } } };
    const kind = { group: '', version: 'v1', kind: 'Namespace' };
    const changes = async (change: object) =>
      ask(
        {
          ...sample('break-glass'),
          body: JSON.stringify(reviewOf({ kind, name: 'shop', namespace: 'shop', operation: 'UPDATE', ...change })),
        },
        made,
      );
    await ask(sample('break-glass'), made);
    await changes({ uid: 'end', object: { metadata: { name: 'shop' } }, oldObject: annotated });
    const tried = { uid: 'tried', dryRun: true };
    await changes({ ...tried, object: { metadata: { name: 'shop' } }, oldObject: annotated });
    await changes({ uid: 'other', object: annotated, oldObject: annotated });
    const warned = logged.filter((one) => (one as { level: string }).level === 'warn');
    const about = { cluster: 'main', namespace: 'shop', kind: 'Namespace' };
    expect(warned).toEqual([
      expect.objectContaining({
        texts: ['a namespace asks for the begin of its break-glass', expect.objectContaining(about)],
      }),
      expect.objectContaining({
        texts: ['a namespace asks for the end of its break-glass', expect.objectContaining({ ...about, uid: 'end' })],
      }),
    ]);
  });
});

describe('who asks', () => {
  const asking = async (failing = false) => {
    const made = await world();
    const record = jest.spyOn(made.webhooks, 'record');
    if (failing) record.mockRejectedValue(new Error('throttled'));
    const services = {
      keys: new PathKeys([KEY.publicKey], hashOf(SECRET)),
      ports: made,
      noteAsked: hourlyNotes(made.webhooks, made.clock),
    };
    const send = async (secret = KEY.sign('pods', MAIN)) => {
      const event = { ...sample('create-pod'), pathParameters: { ...MAIN, secret } };
      return ((await admissionWebhook(() => services)(event, context)) as { statusCode: number }).statusCode;
    };
    return { made, record, send };
  };

  test('is recorded once an hour for each cluster and kind of path, and a stranger is not', async () => {
    const { made, record, send } = await asking();
    expect(await send('a-stranger')).toBe(404);
    expect(record).not.toHaveBeenCalled();
    for (const secret of [undefined, undefined, SECRET, SECRET]) expect(await send(secret)).toBe(200);
    expect(record.mock.calls.map(([{ cluster }, kind]) => [cluster, kind])).toEqual([
      ['main', 'signed'],
      ['main', 'shared-secret'],
    ]);
    made.advance(HOUR_MS);
    await send();
    expect(record).toHaveBeenCalledTimes(3);
  });

  test('for the digests of tags alone is not recorded: the webhook that decides may be gone', async () => {
    const { record, send } = await asking();
    expect(await send(KEY.sign('tags', MAIN))).toBe(200);
    expect(record).not.toHaveBeenCalled();
    expect(await send()).toBe(200);
    expect(record).toHaveBeenCalledTimes(1);
  });

  test('that cannot be recorded is answered all the same, and tried again', async () => {
    const { record, send } = await asking(true);
    expect([await send(), await send()]).toEqual([200, 200]);
    expect(record).toHaveBeenCalledTimes(2);
    expect(JSON.stringify(logged)).toContain('could not be recorded');
  });
});

describe('if nothing can be read', () => {
  const counted = () => jest.spyOn(metrics, 'addMetric');

  test('without a policy it is an error, and the failure policy decides', async () => {
    const metric = counted();
    const made = { ...(await world()), policies: { current: () => Promise.reject(new Error('throttled')) } };
    expect((await ask(sample('create-pod'), made)).statusCode).toBe(500);
    expect(metric).toHaveBeenCalledWith('ReviewsUnread', 'Count', 1);
  });

  test('the answer comes in time, by the mode of the last policy', async () => {
    const metric = counted();
    const { policies, ...made } = await world();
    let isSlow = false;
    const remembered = new RememberedPolicies({
      current: async () => {
        if (isSlow) await sleep(5_000, undefined, { ref: false });
        return policies.current();
      },
    });
    const ports: ReviewPorts = {
      ...made,
      policies: remembered,
      lastPolicy: () => remembered.last(),
      inTime: (work) => inTime(50, work),
    };
    expect((await ask(sample('create-pod'), ports)).review.response.auditAnnotations).toEqual({
      decision: 'deny',
      rule: 'image-recorded',
    });
    expect(metric).not.toHaveBeenCalledWith('ReviewsUnread', 'Count', 1);
    isSlow = true;
    const startedAtMs = performance.now();
    const { statusCode, review } = await ask(sample('create-pod'), ports);
    expect(performance.now() - startedAtMs).toBeLessThan(2_000);
    expect(statusCode).toBe(200);
    expect(review.response).toMatchObject({ allowed: false, auditAnnotations: { rule: 'door-undecided' } });
    expect(metric).toHaveBeenCalledWith('ReviewsUnread', 'Count', 1);
  });
});

test('of several policies the last one that was read is remembered', async () => {
  const { policies } = await world({ mode: 'warn' });
  const remembered = new RememberedPolicies(policies);
  expect(remembered.last()).toBeUndefined();
  await remembered.current();
  expect(remembered.last()?.doors?.mode).toBe('warn');
  const { policy, version } = await policies.current();
  await policies.publish(
    { ...policy, doors: parse(policySchema, { ...policy, doors: { mode: 'deny' } }).doors },
    { replaces: version },
  );
  await remembered.current();
  expect(remembered.last()?.doors?.mode).toBe('deny');
});

test('the function names what its environment lacks', async () => {
  await expect(handler(sample('create-pod'), context)).rejects.toThrow(/LEDGER_TABLE.*PATH_PUBLIC_KEY/);
});

test('the function runs outside of a rotation, when the second key is empty', async () => {
  const before = process.env;
  process.env = {
    ...before,
    ...{ LEDGER_TABLE: 'ledger', EVIDENCE_BUCKET: 'evidence', READ_MILLISECONDS: '1500' },
    ...{ REMEMBER_SECONDS: '5', BREAK_GLASS_QUEUE_URL: 'https://sqs.eu-west-1.amazonaws.com/111122223333/q' },
    ...{ LEDGER_REGION: 'eu-west-1', HUB_REGION: 'eu-west-1', AWS_REGION: 'eu-west-1' },
    ...{ PATH_PUBLIC_KEY: KEY.publicKey, NEXT_PATH_PUBLIC_KEY: '', PATH_SECRET_HASH: '' },
  };
  try {
    const event = { ...sample('create-pod'), body: '{' };
    expect(await handler(event, context)).toMatchObject({ statusCode: 400 });
    const stranger = { ...event.pathParameters, secret: 'wrong-secret' };
    expect(await handler({ ...event, pathParameters: stranger }, context)).toMatchObject({ statusCode: 404 });
  } finally {
    process.env = before;
  }
});

describe('a refusal', () => {
  const refused = (changes: object = {}) => {
    const event = sample('create-pod');
    const body = JSON.parse(event.body);
    return { ...event, body: JSON.stringify({ ...body, request: { ...body.request, ...changes } }) };
  };

  test('is counted once for the alarm, and once by cluster and rule', async () => {
    const metric = jest.spyOn(metrics, 'addMetric');
    const apart: unknown[] = [];
    const note = (...entry: readonly unknown[]) => void apart.push(entry);
    jest.spyOn(metrics, 'singleMetric').mockReturnValue({ addDimension: note, addMetric: note } as never);
    await ask(refused());
    expect(metric.mock.calls).toEqual([['StartsDenied', 'Count', 1]]);
    expect(apart).toEqual([
      ['cluster', '111122223333/main'],
      ['rule', 'image-recorded'],
      ['StartsDenied', 'Count', 1],
    ]);
  });

  test('of a dry run is not counted', async () => {
    const metric = jest.spyOn(metrics, 'addMetric');
    await ask(refused({ dryRun: true }));
    expect(metric).not.toHaveBeenCalled();
  });

  test('that cannot be recorded is answered alike, counted and logged', async () => {
    const metric = jest.spyOn(metrics, 'addMetric');
    const made = await world();
    const { statusCode, review } = await ask(refused(), made);
    Object.assign(made.startDenials, { record: () => Promise.reject(new Error('throttled')) });
    expect(await ask(refused(), made)).toEqual({ statusCode, review });
    expect(metric.mock.calls.filter(([name]) => name === 'DenialsUnreported')).toHaveLength(1);
    expect(JSON.stringify(logged)).toContain('throttled');
  });
});
