import '../truth/quiet.ts';
import { readFileSync } from 'node:fs';
import { listAllowedImages } from '../../../shared/judging/list-allowed-images.ts';
import { admissionPolicyDoor, gatekeeperDoor } from '../../support/conformance/admission-policy-door.ts';
import { allowedLists } from '../../support/conformance/allowed-lists.ts';
import type { ConformanceCase } from '../../support/conformance/cases.ts';
import { type ConformanceDoor, useCaseDoor } from '../../support/conformance/doors.ts';
import { ecsGateDoor } from '../../support/conformance/ecs-gate-door.ts';
import {
  caseOfRow,
  isAttested,
  lineOf,
  owedBy,
  type StandingRow,
  standingRows,
  textOfRow,
} from '../../support/conformance/standing-product.ts';
import { STANDING_TABLE } from '../../support/conformance/standing-table.ts';
import { webhookDoor } from '../../support/conformance/webhook-door.ts';
import { FakeRunning } from '../../support/fakes/running.ts';

/*
 * Each scan state and reason x where an image ran x how it began there x what speaks against it since when x tag or digest. The
 * expected answers come from the table by hand in standing-table.ts.
 */

/** Rows that a door cannot express, by its name, each with the reason. */
const NOT_EXPRESSED: Readonly<Record<string, (row: StandingRow) => string | undefined>> = {
  lists: ({ named }) => (named === 'tag' ? 'a list holds digests, and says nothing about a tag' : undefined),
};

/** The lists that the publisher makes, asked as a door does that looks a digest up. */
const lists: ConformanceDoor = {
  name: 'lists',
  can: () => true,
  async decide({ situation, place }) {
    const { images, presences, policy, nowEpochMs } = situation;
    const running = new FakeRunning();
    await running.record([...presences].map(([digest, presence]) => ({ digest, place, presence })));
    const { allowed, gracedIn } = await listAllowedImages(
      {
        ...{ images: { get: async () => images }, places: { indexStates: async () => new Map() }, running },
        imageIndex: { bornBefore: nothing, scannedSince: () => pages([...images.keys()]) },
        ...{ recordedIndexes: { recordedSince: nothing }, usages: { all: nothing }, clock: () => nowEpochMs },
      },
      { policy, applied: [] },
      [place],
    );
    const [digest] = images.keys();
    if (digest === undefined || allowed.has(digest)) return { decision: 'allow' };
    const grace = gracedIn(place).get(digest);
    return { decision: grace?.namespaces.includes(place.namespace ?? '') ? 'warn' : 'deny' };
  },
};

async function* pages<Item>(items: readonly Item[]): AsyncGenerator<readonly Item[]> {
  yield items;
}
async function* nothing(): AsyncGenerator<never> {}

/** A door that goes by lists alone is asked once for each list and reference. */
function remembering(door: ConformanceDoor): ConformanceDoor {
  const known = new Map<string, ReturnType<ConformanceDoor['decide']>>();
  return {
    ...door,
    decide(one: ConformanceCase) {
      const key = JSON.stringify([one.situation.asked, allowedLists(one)]);
      const answer = known.get(key) ?? door.decide(one);
      known.set(key, answer);
      return answer;
    },
  };
}

interface Put {
  readonly rows: number;
  readonly decisions: Readonly<Record<string, number>>;
  readonly differing: readonly string[];
}

async function put(door: ConformanceDoor, rows: Iterable<StandingRow>): Promise<Put> {
  const decisions: Record<string, number> = {};
  const differing: string[] = [];
  let count = 0;
  for (const row of rows) {
    if (NOT_EXPRESSED[door.name]?.(row) !== undefined) continue;
    const { decision, rule = '' } = await door.decide(await caseOfRow(row));
    count += 1;
    decisions[decision] = (decisions[decision] ?? 0) + 1;
    if (decision !== owedBy(row)) differing.push(`${textOfRow(row)}: ${decision} ${rule}, owed is ${owedBy(row)}`);
  }
  return { rows: count, decisions, differing };
}

/** Graces that are over make a difference of time alone, so they go with the scans of `isAttested`. */
const ROWS = [...standingRows()].filter((row) => row.since === 'a day ago' || isAttested(row));

test('the decision answers the whole product as the table by hand', async () => {
  const { rows, decisions, differing } = await put(useCaseDoor, ROWS);
  expect(differing.slice(0, 20)).toEqual([]);
  expect(rows).toBeGreaterThan(15_000);
  for (const decision of ['allow', 'warn', 'deny']) expect(decisions[decision]).toBeGreaterThan(100);
}, 60_000);

const DOORS = [webhookDoor, lists, remembering(admissionPolicyDoor), remembering(gatekeeperDoor), ecsGateDoor];

test.each(DOORS.map((door) => [door.name, door] as const))(
  '%s answers as the table by hand',
  async (_, door) => {
    const { rows, decisions, differing } = await put(door, ROWS.filter(isAttested));
    expect(differing.slice(0, 20)).toEqual([]);
    expect(rows).toBeGreaterThan(600);
    for (const decision of ['allow', 'warn', 'deny']) expect(decisions[decision]).toBeGreaterThan(10);
  },
  60_000,
);

test('the table by hand is short, each line of it decides, and it imports nothing', () => {
  const text = readFileSync(new URL('../../support/conformance/standing-table.ts', import.meta.url), 'utf8');
  expect(STANDING_TABLE.length).toBeLessThanOrEqual(25);
  expect(text).not.toMatch(/^import\b/m);
  expect(new Set(ROWS.map(lineOf)).size).toBe(STANDING_TABLE.length);
});
