import { definitionText, type Machine, machinesOf, reachableFrom, type State } from './machine.ts';

const machine: Machine = JSON.parse(definitionText('fleet-review'));
const machines = machinesOf(machine);
const states: (readonly [string, State, Machine])[] = machines.flatMap(([path, inside]) =>
  Object.entries(inside.States).map(([name, state]) => [`${path}${name}`, state, inside] as const),
);
const ofType = (type: string) => states.filter(([, state]) => state.Type === type);

describe.each(ofType('Map'))('the map %s', (_, state) => {
  test('is followed by the gate that counts what its children left', () => {
    expect(reachableFrom(machine, state.Next ?? '')).toContain('CloseReview');
  });
});

test('only the gate leads to success', () => {
  const toSuccess = states.filter(([, { Choices = [], Next, Default }]) =>
    [...Choices.map((choice) => choice.Next), Next, Default].includes('CompleteReview'),
  );
  expect(toSuccess.map(([path]) => path)).toEqual(['JudgeReview']);
  expect(machine.States.JudgeReview).toMatchObject({
    Choices: [{ Variable: '$.closed.state', StringEquals: 'succeeded', Next: 'CompleteReview' }],
    Default: 'FailIncomplete',
  });
  expect(machine.States.CloseReview?.Next).toBe('JudgeReview');
});

test('an error of CheckClosures is kept for the gate: everything else is done first', () => {
  expect(machine.States.CheckClosures).toMatchObject({
    ResultPath: '$.closures',
    Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: '$.closures', Next: 'WriteReport' }],
  });
  expect(machine.States.CloseReview?.Parameters).toMatchObject({ 'closures.$': '$.closures' });
});

test('an error of FindLineage stops nothing: what it did not report fails the review at the gate', () => {
  expect(machine.States.FindLineage).toMatchObject({
    Next: 'PlanScans',
    Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: '$.lineage', Next: 'PlanScans' }],
  });
});

test('a registry that was not read to its end in time is read on, with the same question', () => {
  const child = machine.States.ReadRegistries?.ItemProcessor?.States;
  expect(child?.ReadRegistry).toMatchObject({ ResultPath: '$.reading', Next: 'JudgeRegistry' });
  expect(child?.JudgeRegistry).toMatchObject({
    Choices: [{ Variable: '$.reading.status', StringEquals: 'unfinished', Next: 'ReadRegistry' }],
    Default: 'CompleteRegistry',
  });
});

test('a state that may take as long as its function is retried after its own time-out', () => {
  const inventory = states.filter(([, { Resource }]) => Resource?.includes('InventoryFunctionArn'));
  expect(inventory).toHaveLength(3);
  for (const [path, { Retry = [] }] of inventory)
    expect([path, Retry.at(-1)?.ErrorEquals]).toEqual([path, expect.arrayContaining(['States.Timeout'])]);
});

test('the read of workloads gets whether a closure needs stopping tasks', () => {
  expect(machine.States.ReadWorkloads).toMatchObject({ ItemSelector: { 'includesStopping.$': '$.includesStopping' } });
});

test('lineage is found before scans are planned, on every path', () => {
  const toPlan = states.filter(([, { Choices = [], Next, Default }]) =>
    [...Choices.map((choice) => choice.Next), Next, Default].includes('PlanScans'),
  );
  expect(toPlan.map(([path]) => path)).toEqual(['FindLineage']);
});

const catchers = states.flatMap(([path, { Catch = [] }, inside]) =>
  // Kept for the end, as the tests above say.
  path === 'CheckClosures' || path === 'FindLineage'
    ? []
    : Catch.map((catcher) => [`${path} on ${catcher.ErrorEquals}`, catcher.Next, inside] as const),
);

test.each(catchers)('%s ends in Fail', (_, next, inside) => {
  const ends = [...reachableFrom(inside, next)].filter((name) => inside.States[name]?.Type === 'Succeed');
  expect(ends).toEqual([]);
});
