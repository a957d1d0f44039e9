import { doorAt } from '../../../shared/domain/policy/doors.ts';
import { admissionPolicyDoor, gatekeeperDoor } from '../../support/conformance/admission-policy-door.ts';
import { conformanceCases } from '../../support/conformance/cases.ts';
import { CUSTODIAN } from '../../support/conformance/custodian-door.ts';
import {
  admitDoor,
  type ConformanceDoor,
  placeOf,
  referencesOf,
  useCaseDoor,
} from '../../support/conformance/doors.ts';
import { ecsGateDoor } from '../../support/conformance/ecs-gate-door.ts';
import { type CaseOutcome, decidedBy, matrixText, notExpressed, putToDoors } from '../../support/conformance/matrix.ts';
import { POLICIES_ON_SERVER } from '../../support/conformance/policies-server-door.ts';
import { webhookDoor } from '../../support/conformance/webhook-door.ts';
import { WEBHOOK_ON_SERVER } from '../../support/conformance/webhook-server-door.ts';

/** Each door with the number of cases that it decides at least. */
const DOORS: readonly (readonly [ConformanceDoor, number])[] = [
  [admitDoor, 150],
  [useCaseDoor, 150],
  [webhookDoor, 180],
  [admissionPolicyDoor, 150],
  [gatekeeperDoor, 150],
  [ecsGateDoor, 140],
];

const cases = conformanceCases();
const listed = notExpressed();
let outcomes: readonly CaseOutcome[] = [];

beforeAll(async () => {
  outcomes = await putToDoors(
    DOORS.map(([door]) => door),
    cases,
    listed,
  );
});

afterAll(
  () =>
    void process.stderr.write(`\nCases that each door decided, of those that there are:\n${matrixText(outcomes)}\n`),
);

test.each(DOORS.map(([door, least]) => [door.name, least] as const))(
  '%s answers each case that it can express as due, at least %i',
  (name, least) => {
    const problems = outcomes.flatMap(({ door, problem }) => (door === name && problem !== undefined ? [problem] : []));
    expect(problems).toEqual([]);
    expect(decidedBy(name, outcomes)).toBeGreaterThanOrEqual(least);
  },
);

test('what is listed as not expressed names cases and doors that there are', () => {
  const names = [...DOORS.map(([{ name }]) => name), WEBHOOK_ON_SERVER, POLICIES_ON_SERVER, CUSTODIAN];
  const known = new Set(names.flatMap((name) => cases.map(({ id }) => `${name} ${id}`)));
  expect([...listed.keys()].filter((one) => !known.has(one))).toEqual([]);
});

test('an object asks for the images that its case says', () => {
  for (const one of cases)
    expect([one.id, ...referencesOf(one)]).toEqual([one.id, ...one.situation.asked.map(({ text }) => text)]);
});

test('the doors of a policy say for the place what the case says', () => {
  for (const one of cases) {
    const { mode, requireDigest, policy, pinsWithinDays, unread } = one.situation;
    const door = doorAt(policy, placeOf(one));
    expect([one.id, door]).toEqual([one.id, expect.objectContaining({ mode, requireDigest })]);
    expect([one.id, door.pinsTags?.readWithinDays]).toEqual([one.id, pinsWithinDays]);
    expect([one.id, door.onUnreachable]).toEqual([one.id, unread ?? door.onUnreachable]);
  }
});
