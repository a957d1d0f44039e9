import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Installation, install } from '../local/installation.ts';
import { buildFunctions } from '../scripts/bundle.ts';
import { ROOT } from '../scripts/setup.mjs';
import { ledgerClient } from '../shared/adapters/clients.ts';
import { DynamoImageLedger } from '../shared/adapters/dynamodb/images/image-ledger.ts';
import { DynamoStreamLedger } from '../shared/adapters/dynamodb/streams/stream-ledger.ts';
import { LedgerTable } from '../shared/adapters/dynamodb/table/table.ts';
import { mapConcurrently } from '../shared/concurrency.ts';
import { webhookPath } from '../shared/domain/admission/webhook-path.ts';
import { median } from '../shared/domain/common/median.ts';
import { podOf, reviewOf } from '../test/support/admission-reviews.ts';
import { deployDoors, fleetWithDoors, HUB } from '../test/support/doors-stack.ts';
import { pathKey } from '../test/support/path-key.ts';
import { digestOf, stream } from '../test/support/samples.ts';
import { recordImage, reviewTimes } from './door-reviews.ts';
import { ReviewFailedError } from './measured-days.ts';
import type { BenchReport, Row } from './report.ts';

/** Budget of the slowest of a hundred reviews in the process, in milliseconds. */
const MOST_IN_PROCESS_MS = 5;
const REVIEWS = 10_000;
/** Multiple of an empty handler, and of one that makes the same read and decides nothing. */
const MOST_END_TO_END = 1.5;
const CONCURRENT = 4;
/** They start the execution environments, and let Node.js compile what they run often. */
const WARMING_ROUNDS = 30;
const ROUNDS = 30;
const REQUESTS_A_ROUND = 20;
const IMAGES_A_POD = 2;
const KEY = pathKey(1);
const CLUSTER = { ...HUB, cluster: 'main' };
const PATH = webhookPath(KEY.sign('pods', CLUSTER), CLUSTER);

/** How long an admission review takes, in the process and over HTTP. */
export async function doorsBenchmark(): Promise<BenchReport> {
  const inProcess = await reviewTimes(REVIEWS);
  const [cpu, passed] = [inProcess.map(({ cpuMs }) => cpuMs), inProcess.map(({ passedMs }) => passedMs)];
  const ofRefusals = inProcess.flatMap(({ cpuMs, isRefused }) => (isRefused ? [cpuMs] : []));
  const times = await endToEnd();
  return {
    benchmark: 'doors',
    question: 'how long an API server waits for the admission webhook',
    rows: [
      { figure: 'CPU time: median', measured: percentile(cpu, 0.5), unit: 'ms' },
      { figure: 'CPU time: 99 of 100', measured: percentile(cpu, 0.99), unit: 'ms', budget: MOST_IN_PROCESS_MS },
      {
        figure: 'CPU time of refusals: 99 of 100',
        measured: percentile(ofRefusals, 0.99),
        unit: 'ms',
        budget: MOST_IN_PROCESS_MS,
      },
      { figure: 'time in the process: 99 of 100', measured: percentile(passed, 0.99), unit: 'ms' },
      ...rowsOf(times),
    ],
    notes: [
      `CPU time: of all threads, for each of ${REVIEWS} pods with ten images, two of them indexes, over a ledger in memory`,
      `refusals: ${ofRefusals.length} of them; each reads the head to deploy, and is recorded`,
      'time in the process: the same reviews; it also has the time in which other processes of this machine run',
      `over HTTP: ${CONCURRENT} requests at once to the embedded cloud, ${ROUNDS} rounds of ${REQUESTS_A_ROUND} of each kind, in turns`,
      'empty handler: it answers the same to everything, and reads nothing',
      'reading handler: the same, after the same batch read by the same SDK client',
      'equal pods: as in a rollout; the function answers by what it read within RememberSeconds',
      'refusals over HTTP: the head to deploy takes three more reads, one after the other, and the record a write',
      'new images: no review asked about them before, so each one reads the table',
    ],
  };
}

const percentile = (times: readonly number[], share: number): number =>
  times.toSorted((one, other) => one - other)[Math.ceil(share * times.length) - 1] ?? Number.NaN;

const KINDS = ['equal', 'new', 'refused', 'reading', 'empty'] as const;
type Times = Readonly<Record<(typeof KINDS)[number], number[]>>;

function rowsOf({ equal, new: unasked, refused, reading, empty }: Times): Row[] {
  const [ofEqual, ofNew] = [median(equal), median(unasked)];
  return [
    {
      ...{ figure: 'over HTTP, equal pods: against an empty handler', measured: ofEqual, unit: 'ms' },
      ...{ reference: median(empty), budget: MOST_END_TO_END },
    },
    {
      ...{ figure: 'over HTTP, new images: against a reading handler', measured: ofNew, unit: 'ms' },
      ...{ reference: median(reading), budget: MOST_END_TO_END },
    },
    {
      ...{ figure: 'over HTTP, new images: against an empty handler', measured: ofNew, unit: 'ms' },
      reference: median(empty),
    },
    {
      ...{ figure: 'over HTTP, refusals: against a reading handler', measured: median(refused), unit: 'ms' },
      reference: median(reading),
    },
  ];
}

async function endToEnd(): Promise<Times> {
  await using installation = await install(fleetWithDoors(), { build: true });
  const execution = await installation.review();
  if (execution.status !== 'SUCCEEDED') throw new ReviewFailedError(execution);
  const own = await deployDoors(installation, { name: 'own', publicKey: KEY.publicKey });
  const reading = await deployHandler(installation, 'reading', readingHandler());
  const empty = await deployHandler(installation, 'empty', EMPTY_HANDLER);
  const pods = await recordedPods(installation);
  const endpoints = { equal: own, new: own, refused: own, reading, empty };
  const times: Times = { equal: [], new: [], refused: [], reading: [], empty: [] };
  for (let round = -WARMING_ROUNDS; round < ROUNDS; round += 1) {
    for (const kind of KINDS) {
      const isEqual = kind === 'equal' || kind === 'empty';
      // A pod of another namespace is read too.
      const pod = kind === 'refused' ? pods.refused : isEqual ? pods.equal : round < 0 ? pods.elsewhere : pods.new;
      const taken = await roundOf(
        `${endpoints[kind]}${PATH}`,
        pod,
        ANSWERS[kind !== 'refused' ? 'allowed' : round < 0 ? 'refusedCold' : 'refused'],
      );
      if (round >= 0) times[kind].push(...taken);
    }
  }
  return times;
}

/** What an answer has, and what it has not. */
const ANSWERS = {
  allowed: ['"allowed":true', '"warnings"'],
  refused: [' may start here. ', '"allowed":true'],
  /** The first answers of an execution environment may have no time for the head. */
  refusedCold: ['"allowed":false', '"allowed":true'],
} as const;

/** Records images that may start, and one that may not beside the head of its stream, and makes reviews of their pods. */
async function recordedPods({ cloud, deployment }: Installation) {
  const table = new LedgerTable(ledgerClient(cloud.clients(HUB.account, HUB.region)), deployment.ledgerTable);
  const images = new DynamoImageLedger(table);
  const pods = 1 + 2 * ROUNDS * REQUESTS_A_ROUND;
  const names = Array.from({ length: pods * IMAGES_A_POD }, (_, number) => `image ${number}`);
  await mapConcurrently(names, 2 * CONCURRENT, (name) => recordImage(images, name, Date.now()));
  const known = names.splice(0, IMAGES_A_POD);
  const [head = ''] = known;
  await new DynamoStreamLedger(table).recordStream(
    stream({ head: { images: { 'linux/arm64': digestOf(head) } } }),
    undefined,
  );
  await recordImage(images, 'refused', Date.now(), 'violating');
  let namespaces = 0;
  return {
    /** Always the same. */
    equal: () => reviewAsking(known),
    /** The same images in another namespace each time. */
    elsewhere: () => reviewAsking(known, `elsewhere-${++namespaces}`),
    /** In another namespace each time, so that each refusal is written. */
    refused: () => reviewAsking([head, 'refused'], `refused-${++namespaces}`),
    /** Images that no other review has. */
    new: () => reviewAsking(names.splice(0, IMAGES_A_POD)),
  };
}

function reviewAsking(names: readonly string[], namespace = 'shop'): string {
  if (names.length < IMAGES_A_POD) throw new Error('the benchmark has recorded too few images');
  const host = `${HUB.account}.dkr.ecr.${HUB.region}.amazonaws.com`;
  return JSON.stringify(
    reviewOf({ namespace, object: podOf(...names.map((name) => `${host}/app@${digestOf(name)}`)) }),
  );
}

const roundOf = (
  url: string,
  pod: () => string,
  [has, hasNot]: readonly [string, string],
): Promise<readonly number[]> =>
  mapConcurrently(Array.from({ length: REQUESTS_A_ROUND }), CONCURRENT, async () => {
    const body = pod();
    const beforeMs = performance.now();
    const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    const text = await answer.text();
    if (answer.status !== 200 || !text.includes(has) || text.includes(hasNot))
      throw new Error(`${url.split('/')[5]} answered ${answer.status}: ${text}`);
    return performance.now() - beforeMs;
  });

/** Deploys doors.yaml with another handler in the place of the function. */
async function deployHandler(installation: Installation, name: string, source: string): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'patchwave-bench-doors-'));
  try {
    await symlink(join(ROOT, 'node_modules'), join(root, 'node_modules'), 'junction');
    // The template has a second function, which no review calls.
    for (const [folder, handler] of Object.entries({ 'admission-webhook': source, 'break-glass': EMPTY_HANDLER })) {
      await mkdir(join(root, 'functions', folder), { recursive: true });
      await writeFile(join(root, 'functions', folder, 'handler.ts'), handler);
    }
    await buildFunctions(root);
    await cp(join(ROOT, 'doors.yaml'), join(root, 'doors.yaml'));
    return await deployDoors(installation, { name, publicKey: KEY.publicKey, template: join(root, 'doors.yaml') });
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

const ANSWER = `({
  statusCode: 200,
  headers: { 'content-type': 'application/json' },
  body: '{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":"1","allowed":true}}',
})`;

const EMPTY_HANDLER = `export const handler = async () => ${ANSWER};\n`;

/** The keys that the function reads for a pod with two images. */
const readingHandler = (): string => `
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { BatchGetCommand, DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
const client = DynamoDBDocumentClient.from(new DynamoDBClient({ region: process.env.LEDGER_REGION }));
const digests = (event) => [...new Set([...event.body.matchAll(/sha256:[0-9a-f]{64}/g)].map(([digest]) => digest))];
export const handler = async (event) => {
  const Keys = digests(event).flatMap((digest) => [
    { PK: \`IMAGE#\${digest}\`, SK: 'IMAGE' },
    { PK: \`INDEX#\${digest}\`, SK: 'INDEX' },
    { PK: \`IMAGE#\${digest}\`, SK: 'IN#${HUB.account}/${HUB.region}/main#shop' },
  ]);
  const place = { PK: 'DOOR#${HUB.account}/${HUB.region}/main', SK: 'shop' };
  const all = [...Keys, { PK: 'POLICY', SK: 'CURRENT' }, place];
  await client.send(new BatchGetCommand({ RequestItems: { [process.env.LEDGER_TABLE]: { Keys: all, ConsistentRead: true } } }));
  return ${ANSWER};
};
`;
