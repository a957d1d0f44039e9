import type { Digest } from '../shared/domain/image/image.ts';
import { policySchema } from '../shared/domain/policy/policy.ts';
import type { ImageLedger } from '../shared/ports/ledger.ts';
import { parse } from '../shared/schema.ts';
import { podOf, reviewOf } from '../test/support/admission-reviews.ts';
import { MemoryTable } from '../test/support/memory-dynamo.ts';
import { pathKey } from '../test/support/path-key.ts';
import { alone, digestOf, imageProperties, judgement, stream, verdict } from '../test/support/samples.ts';

const KEY = pathKey(1);
const KNOWN = 1_000;
const INDEXES = 200;
const IMAGES_A_POD = 10;
const INDEXES_A_POD = 2;
const PLACE = { account: '111122223333', region: 'eu-west-1', cluster: 'main' };
const HOST = `${PLACE.account}.dkr.ecr.${PLACE.region}.amazonaws.com`;

/** Log lines are made, and go nowhere. */
function silenced(): Disposable {
  const { info, log } = console;
  console.info = () => undefined;
  console.log = () => undefined;
  return { [Symbol.dispose]: () => Object.assign(console, { info, log }) };
}

/** What one review took, in milliseconds. */
export interface ReviewTime {
  readonly passedMs: number;
  /** Of all threads; other processes of the machine do not count. */
  readonly cpuMs: number;
  /** A refusal is recorded, and names the head to deploy. */
  readonly isRefused: boolean;
}

/**
 * The time of each of so many reviews of pods with ten images, two of them indexes, by the handler of the function over a
 * ledger in memory.
 */
export async function reviewTimes(reviews: number): Promise<readonly ReviewTime[]> {
  // Otherwise the logger has a console of its own. It reads this when it is loaded.
  process.env.POWERTOOLS_DEV = 'true';
  const { handler, nowEpochMs } = await handlerInMemory();
  const context = { invokedFunctionArn: `arn:aws:lambda:${PLACE.region}:${PLACE.account}:function:doors` };
  using _ = silenced();
  const times: ReviewTime[] = [];
  // A first thousand warms the compiler.
  for (let review = -1_000; review < reviews; review += 1) {
    const event = requestOf(Math.abs(review));
    const [beforeMs, before] = [performance.now(), process.cpuUsage()];
    const { statusCode, body } = (await handler(event, context as never)) as { statusCode: number; body: string };
    const { user, system } = process.cpuUsage(before);
    const passedMs = performance.now() - beforeMs;
    if (statusCode !== 200) throw new Error(`a review was answered with ${statusCode} at ${nowEpochMs}`);
    const isRefused = body.includes('"allowed":false');
    if (isRefused !== body.includes(' may start here. Deploy it'))
      throw new Error(`a refusal names no head to deploy: ${body}`);
    if (review >= 0) times.push({ passedMs, cpuMs: (user + system) / 1000, isRefused });
  }
  return times;
}

/** Records an image with a verdict that was given just now. */
export async function recordImage(
  images: Pick<ImageLedger, 'recordProperties' | 'recordLineage' | 'recordJudgement'>,
  name: string,
  nowEpochMs: number,
  status: 'compliant' | 'violating' = 'compliant',
): Promise<void> {
  const properties = imageProperties(name);
  await images.recordProperties(properties);
  await images.recordLineage(properties.digest, alone(properties));
  const scan = { state: 'complete', completedAtEpochMs: nowEpochMs, coverage: ['os'] } as const;
  await images.recordJudgement(judgement(name, nowEpochMs, { scan, verdict: verdict(status) }));
}

async function handlerInMemory() {
  const { PathKeys } = await import('../functions/admission-webhook/path-keys.ts');
  const { admissionWebhook } = await import('../functions/admission-webhook/handler.ts');
  const { DynamoImageLedger } = await import('../shared/adapters/dynamodb/images/image-ledger.ts');
  const { DynamoPlaceLedger } = await import('../shared/adapters/dynamodb/images/place-ledger.ts');
  const { DynamoRunningLedger } = await import('../shared/adapters/dynamodb/images/running-ledger.ts');
  const { DynamoBreakGlassLedger } = await import('../shared/adapters/dynamodb/policy/break-glass-ledger.ts');
  const { DynamoStartDenials } = await import('../shared/adapters/dynamodb/policy/start-denial-ledger.ts');
  const { DynamoStreamHeads, DynamoStreamLedger } = await import(
    '../shared/adapters/dynamodb/streams/stream-ledger.ts'
  );
  const { LedgerTable } = await import('../shared/adapters/dynamodb/table/table.ts');
  const nowEpochMs = Date.now();
  const table = new LedgerTable(new MemoryTable().client(), 'ledger');
  const [images, places] = [new DynamoImageLedger(table), new DynamoPlaceLedger(table)];
  for (let image = 0; image < KNOWN; image += 1)
    await recordImage(images, `image ${image}`, nowEpochMs, image % 50 === 0 ? 'violating' : 'compliant');
  const head = { images: { 'linux/arm64': digestOf('image 1') } };
  await new DynamoStreamLedger(table).recordStream(stream({ head }), undefined);
  for (let index = 0; index < INDEXES; index += 1)
    await places.recordIndex(
      digestOf(`index ${index}`),
      [
        { digest: digestOf(`image ${index}`), platform: 'linux/amd64' },
        { digest: digestOf(`image ${index + INDEXES}`), platform: 'linux/arm64' },
      ],
      nowEpochMs,
    );
  const policy = parse(policySchema, {
    ...{
      version: 1,
      ages: { default: { limitDays: 30 } },
      streams: [],
      severities: [{ id: 'critical', severities: ['critical'], graceDays: 0 }],
      doors: { mode: 'deny' },
    },
    approvedRegistries: { allow: [`${HOST}/team/*`] },
  });
  const handler = admissionWebhook(() => ({
    keys: new PathKeys([KEY.publicKey]),
    ports: {
      ...{ images, places, running: new DynamoRunningLedger(table), exceptions: new DynamoBreakGlassLedger(table) },
      streams: new DynamoStreamHeads(table),
      // New for each refusal: an environment writes only the first 100 of an hour.
      startDenials: {
        record: (denial) => new DynamoStartDenials(table).record(denial),
        recordTask: async () => undefined,
      },
      policies: { current: async () => ({ version: 'of the benchmark', policy, applied: [] }) },
      checks: { send: async () => undefined },
      clock: () => nowEpochMs,
    },
  }));
  return { handler, nowEpochMs };
}

function requestOf(review: number): unknown {
  const digests: Digest[] = [];
  for (let place = 0; place < IMAGES_A_POD; place += 1) {
    const number = review * IMAGES_A_POD + place;
    digests.push(digestOf(place < INDEXES_A_POD ? `index ${number % INDEXES}` : `image ${number % KNOWN}`));
  }
  const ownerReferences = [{ kind: 'StatefulSet', name: 'web', controller: true }];
  const pod = podOf(...digests.map((digest) => `${HOST}/team/payments-api@${digest}`));
  const object = { ...pod, metadata: { ...pod.metadata, ownerReferences } };
  // In another namespace each time, so that each refusal is written.
  const namespace = `shop-${review}`;
  return {
    version: '2.0',
    pathParameters: { secret: KEY.sign('pods', PLACE), account: PLACE.account, cluster: PLACE.cluster },
    body: JSON.stringify(reviewOf({ uid: `review-${review}`, namespace, object })),
    isBase64Encoded: false,
  };
}
