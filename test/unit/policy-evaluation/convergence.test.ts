import { canonicalLedger } from '../../../cli/ledger/canonical.ts';
import { judgeBatch } from '../../../functions/policy-evaluation/judge-batch.ts';
import { handleScanEvents } from '../../../functions/policy-evaluation/scan-events.ts';
import { type AskPorts, askScans } from '../../../functions/scan-trigger/ask-scans.ts';
import { causeContent, imageContent, unpackedItem } from '../../../shared/adapters/dynamodb/table/items.ts';
import * as keys from '../../../shared/adapters/dynamodb/table/keys.ts';
import { collect } from '../../../shared/concurrency.ts';
import type { Digest } from '../../../shared/domain/image/image.ts';
import { START_EPOCH_MS } from '../../support/fakes/world.ts';
import { fc } from '../../support/seeded.ts';
import { batchOf, digestOf, finding, first, replaced, runs, STREAM, second, type World, worldWith } from './support.ts';

/** One image of each kind that takes another way through scanning. */
const fleet = Array.from({ length: 9 }, (_, number) => digestOf(number + 1));
const [flawed, sibling, clean, moved, deleted, unsupported, external, idle, many] = fleet as [
  Digest,
  Digest,
  Digest,
  Digest,
  Digest,
  Digest,
  Digest,
  Digest,
  Digest,
];

async function fleetWorld() {
  const world = await worldWith();
  await runs(world, flawed);
  await runs(world, sibling);
  await runs(world, clean, { stream: `${STREAM}-other` });
  await runs(world, moved, { locations: [first, second] });
  await runs(world, deleted);
  await runs(world, unsupported);
  await runs(world, external, { tier: 'external', locations: [] });
  await runs(world, idle);
  await world.images.recordPresence(idle, { inUse: false });
  await runs(world, many, { birth: { known: true, bornAtEpochMs: START_EPOCH_MS - 40 * 86_400_000, evidence: [] } });
  world.registry.delete(first, moved).delete(first, deleted);
  world.scanner.refuses(unsupported, { state: 'unsupported', reason: 'unsupported-image', detail: 'scratch' });
  for (const digest of [flawed, sibling, idle])
    world.scanner.finds(digest, [finding('CVE-1'), finding('CVE-2', 'high')]);
  world.scanner.finds(
    many,
    Array.from({ length: 40 }, (_, number) => finding(`CVE-${number}`)),
  );
  world.scanner.completesAtOnce = false;
  return world;
}

/** Ports of which a share of all calls breaks, before or after it was done. */
function faulty(world: World, breaks: () => boolean): World['ports'] {
  const port = <Port extends object>(sound: Port, names: readonly (keyof Port)[]): Port =>
    replaced(
      sound,
      Object.fromEntries(
        names.map((name) => [
          name,
          async (...args: unknown[]) => {
            if (breaks()) throw Object.assign(new Error('slow down'), { name: 'ThrottlingException' });
            const reply = await (sound[name] as (...given: unknown[]) => Promise<unknown>).apply(sound, args);
            if (breaks()) throw Object.assign(new Error('reply lost'), { name: 'TimeoutError' });
            return reply;
          },
        ]),
      ) as Partial<Port>,
    );
  return {
    ...world.ports,
    scanner: port(world.scanner, ['start', 'read']),
    evidence: port(world.evidence, ['putFindings', 'findings']),
    streams: port(world.streams, ['firstSeen', 'recordFirstSeen']),
    causes: port(world.causes, ['get', 'change']),
    images: port(world.images, ['get', 'recordJudgement', 'claimScan']),
    runs: port(world.runs, ['recordPart']),
    retry: { attempts: 8, wait: async () => {} },
  };
}

/** As a state machine or a queue does: the whole step again. */
async function again<Result>(
  step: () => Promise<Result>,
  isDone: (result: Result) => boolean = () => true,
): Promise<Result> {
  for (let attempt = 0; attempt < 60; attempt += 1) {
    try {
      const result = await step();
      if (isDone(result)) return result;
    } catch {
      // The next attempt tells.
    }
  }
  throw new Error('did not end');
}

interface Way {
  /** The images with events before the end of their scans, after it, and after the review; each may have several. */
  readonly early: readonly number[];
  readonly timely: readonly number[];
  readonly late: readonly number[];
  readonly breaks: () => boolean;
  readonly prepare?: (world: World) => void;
}

async function review({ early, timely, late, breaks, prepare }: Way): Promise<string> {
  const world = await fleetWorld();
  prepare?.(world);
  const ports = faulty(world, breaks);
  const asking: AskPorts = { ...ports, pace: async () => {} };
  const tell = (images: readonly number[]) =>
    Promise.all(
      images.map(async (index) => {
        const message = { messageId: `m${index}`, body: scanEvent(fleet[index % fleet.length] ?? flawed) };
        const events = { ...ports, policies: world.policies, deadLetters: world.deadLetters };
        await again(
          () => handleScanEvents(events, [message]),
          ({ failed }) => failed.length === 0,
        );
      }),
    );
  const run = batchOf(world, [...fleet]);
  await again(() => askScans(asking, { catchUpMinutes: 45, dailyQuota: 100_000 }, run));
  world.advance(1000);
  await tell(early);
  world.scanner.finish();
  world.advance(60_000);
  await tell(timely);
  world.advance(60_000);
  await again(
    () => judgeBatch(ports, run),
    ({ failures }) => failures.length === 0,
  );
  world.advance(60_000);
  await tell(late);
  return ledgerOf(world);
}

const scanEvent = (digest: Digest): string =>
  JSON.stringify({
    ...{ source: 'aws.ecr', 'detail-type': 'ECR Image Scan', time: '2026-11-24T03:01:00Z', resources: [] },
    ...{ account: first.account, region: first.region },
    detail: { 'scan-status': 'COMPLETE', 'repository-name': first.repository, 'image-digest': digest },
  });

async function ledgerOf(world: World): Promise<string> {
  const parts = await collect(world.runs.parts('run-1'));
  const causes = await collect(world.causes.open());
  return canonicalLedger([
    ...[...world.images.records.values()].map((record) => ({
      ...keys.image(record.digest),
      ...unpackedItem(imageContent({ record })),
    })),
    ...causes.map((cause) => ({ ...keys.cause(cause.stream), ...unpackedItem(causeContent(cause)) })),
    ...parts.map((part) => ({ ...keys.runPart('run-1', part.kind, part.key), kind: 'part', part })),
    ...world.streams.dump().map((entry) => ({ ...(entry as Record<string, unknown>) })),
  ]);
}

const images = fc.array(fc.nat({ max: fleet.length - 1 }), { maxLength: 12 });

test('lost, doubled, early, late and reordered events and failing calls give the same ledger as none of them', async () => {
  const plain = await review({ early: [], timely: [], late: [], breaks: () => false });
  expect(plain).toContain('violating');
  await fc.assert(
    fc.asyncProperty(images, images, images, fc.integer(), async (early, timely, late, seed) => {
      const chance = randomFrom(seed);
      expect(await review({ early, timely, late, breaks: () => chance() < 0.06 })).toBe(plain);
    }),
    { numRuns: 200 },
  );
});

test('the comparison can fail: another finding gives another ledger', async () => {
  const way = { early: [], timely: [], late: [], breaks: () => false };
  const prepare = ({ scanner }: World) => void scanner.finds(clean, [finding('CVE-9', 'low')]);
  expect(await review({ ...way, prepare })).not.toBe(await review(way));
});

/** https://en.wikipedia.org/wiki/Linear_congruential_generator, with the constants of C++11's minstd_rand. */
function randomFrom(seed: number): () => number {
  let state = (Math.abs(seed) % 2_147_483_646) + 1;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
