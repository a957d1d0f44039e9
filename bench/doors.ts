import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Installation, install } from '../local/installation.ts';
import { buildFunctions } from '../scripts/bundle.ts';
import { ROOT } from '../scripts/setup.mjs';
import { mapConcurrently } from '../shared/concurrency.ts';
import { median } from '../shared/domain/common/median.ts';
import { podOf, reviewOf } from '../test/support/admission-reviews.ts';
import { deployDoors, fleetWithDoors, HUB, imageNamed } from '../test/support/doors-stack.ts';
import { reviewTimes } from './door-reviews.ts';
import { ReviewFailedError } from './measured-days.ts';
import type { BenchReport, Row } from './report.ts';

/** Budget of the slowest of a hundred reviews in the process, in milliseconds. */
const MOST_IN_PROCESS_MS = 5;
const REVIEWS = 10_000;
/** Multiple of a handler that makes the same read and decides nothing. */
const MOST_END_TO_END = 1.5;
const CONCURRENT = 4;
const ROUNDS = 15;
const REQUESTS_A_ROUND = 40;
const SECRET = 'a-secret-of-the-benchmark';

/** How long an admission review takes, in the process and over HTTP. */
export async function doorsBenchmark(): Promise<BenchReport> {
  const inProcess = await reviewTimes(REVIEWS);
  const [cpu, passed] = [inProcess.map(({ cpuMs }) => cpuMs), inProcess.map(({ passedMs }) => passedMs)];
  const times = await endToEnd();
  return {
    benchmark: 'doors',
    question: 'how long an API server waits for the admission webhook',
    rows: [
      { figure: 'CPU time: median', measured: percentile(cpu, 0.5), unit: 'ms' },
      { figure: 'CPU time: 99 of 100', measured: percentile(cpu, 0.99), unit: 'ms', budget: MOST_IN_PROCESS_MS },
      { figure: 'time in the process: 99 of 100', measured: percentile(passed, 0.99), unit: 'ms' },
      ...rowsOf(times),
    ],
    notes: [
      `CPU time: of all threads, for each of ${REVIEWS} pods with ten images, two of them indexes, over a ledger in memory`,
      'time in the process: the same reviews; it also has the time in which other processes of this machine run',
      `over HTTP: ${CONCURRENT} requests at once to the embedded cloud, ${ROUNDS} rounds of ${REQUESTS_A_ROUND} for each handler, in turns`,
      'reading handler: it makes the same batch read by the same SDK client, and answers the same to everything',
      'empty handler: it answers the same, and reads nothing',
    ],
  };
}

const percentile = (times: readonly number[], share: number): number =>
  times.toSorted((one, other) => one - other)[Math.ceil(share * times.length) - 1] ?? Number.NaN;

type Times = Readonly<Record<'own' | 'reading' | 'empty', readonly number[]>>;

function rowsOf({ own, reading, empty }: Times): Row[] {
  const measured = median(own);
  return [
    {
      ...{ figure: 'over HTTP: median, against a reading handler', measured, unit: 'ms' },
      ...{ reference: median(reading), budget: MOST_END_TO_END },
    },
    { figure: 'over HTTP: median, against an empty handler', measured, unit: 'ms', reference: median(empty) },
  ];
}

async function endToEnd(): Promise<Times> {
  await using installation = await install(fleetWithDoors(), { build: true });
  const execution = await installation.review();
  if (execution.status !== 'SUCCEEDED') throw new ReviewFailedError(execution);
  const own = await deployDoors(installation, { name: 'own', secret: SECRET });
  const reading = await deployHandler(installation, 'reading', readingHandler());
  const empty = await deployHandler(installation, 'empty', EMPTY_HANDLER);
  const object = podOf(imageNamed(installation, 'young'), imageNamed(installation, 'old'));
  const body = JSON.stringify(reviewOf({ object }));
  const times = { own: [] as number[], reading: [] as number[], empty: [] as number[] };
  const endpoints = { own, reading, empty };
  for (let round = -1; round < ROUNDS; round += 1) {
    for (const name of ['own', 'reading', 'empty'] as const) {
      const taken = await roundOf(`${endpoints[name]}/${SECRET}/${HUB.account}/main`, body);
      // The first round starts the execution environments.
      if (round >= 0) times[name].push(...taken);
    }
  }
  return times;
}

const roundOf = (url: string, body: string): Promise<readonly number[]> =>
  mapConcurrently(Array.from({ length: REQUESTS_A_ROUND }), CONCURRENT, async () => {
    const beforeMs = performance.now();
    const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    const text = await answer.text();
    if (answer.status !== 200 || !text.includes('"allowed":true'))
      throw new Error(`${url.split('/')[5]} answered ${answer.status}: ${text}`);
    return performance.now() - beforeMs;
  });

/** Deploys doors.yaml with another handler in the place of the function. */
async function deployHandler(installation: Installation, name: string, source: string): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'patchwave-bench-doors-'));
  try {
    await symlink(join(ROOT, 'node_modules'), join(root, 'node_modules'), 'junction');
    await mkdir(join(root, 'functions', 'admission-webhook'), { recursive: true });
    await writeFile(join(root, 'functions', 'admission-webhook', 'handler.ts'), source);
    await buildFunctions(root);
    await cp(join(ROOT, 'doors.yaml'), join(root, 'doors.yaml'));
    return await deployDoors(installation, { name, secret: SECRET, template: join(root, 'doors.yaml') });
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
