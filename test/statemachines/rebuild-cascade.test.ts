import { definitionText, type Machine, reachableFrom } from './machine.ts';

const machine: Machine = JSON.parse(definitionText('rebuild-cascade'));
const childOf = (...path: string[]): Machine =>
  path.reduce<Machine>((outer, name) => {
    const inner = outer.States[name]?.ItemProcessor;
    if (!inner) throw new Error(`${name} is no map`);
    return inner;
  }, machine);
const node = childOf('RunWaves', 'RunNodes');
const service = childOf('RollOut');

const endsOf = ({ States }: Machine): string[] =>
  Object.keys(States).filter((name) => /^(Succeed|Fail)$/.test(States[name]?.Type ?? '') || States[name]?.End);
const without = ({ States, ...inside }: Machine, gone: string): Machine => ({
  ...inside,
  States: { ...States, [gone]: { Type: 'Succeed' } },
});

test('every stream ends through SettleNode, after any error', () => {
  const beside = [...reachableFrom(without(node, 'SettleNode'), node.StartAt)];
  expect(endsOf(node).filter((end) => beside.includes(end))).toEqual([]);
  expect(endsOf(node).sort()).toEqual(['CompleteNode', 'FailNode', 'FailUnsettled', 'ParkNode']);
});

test('every error of a stream reaches SettleNode, except a lost answer, after which the build is polled', () => {
  const caught = Object.entries(node.States).flatMap(([name, { Catch = [] }]) =>
    Catch.map(({ ErrorEquals, Next, ResultPath }) => [name, ErrorEquals, Next, ResultPath]),
  );
  const others = caught.filter(([, , next, path]) => next !== 'SettleNode' || path !== '$.failure');
  expect(others).toEqual([
    ['StartBuild', ['States.HeartbeatTimeout', 'States.Timeout'], 'PollBuild', null],
    ['SettleNode', ['States.ALL'], 'FailUnsettled', '$'],
  ]);
});

test.each([
  ['', machine, 'JudgeCascade', ['CompleteCascade', 'ParkCascade']],
  ['a stream', node, 'JudgeNode', ['CompleteNode', 'ParkNode']],
  ['a service', service, 'JudgeDeployment', ['CompleteDeployment']],
] as const)('one judgement leads to success, or to a wait for a person: %s', (_, inside, judge, successes) => {
  const isSuccess = (state: string | undefined): boolean => successes.some((success) => success === state);
  const leading = Object.entries(inside.States).filter(
    ([, { Choices = [], Next, Default, Catch = [] }]) =>
      [...Choices, ...Catch].some((each) => isSuccess(each.Next)) || isSuccess(Next) || isSuccess(Default),
  );
  expect(leading.map(([name]) => name)).toEqual([judge]);
  expect(inside.States[judge]?.Choices?.map(({ Next }) => Next)).toEqual(successes);
  expect(inside.States[inside.States[judge]?.Default ?? '']?.Type).toBe('Fail');
  expect(Object.entries(inside.States).flatMap(([name, { Type }]) => (Type === 'Succeed' ? name : []))).toEqual(
    successes,
  );
});

test('a build that waits for a person is never waited for in its child', () => {
  const judge = node.States.JudgeBuild;
  expect(JSON.stringify(judge?.Choices)).not.toMatch(/approval|parked/);
  expect(judge?.Default).toBe('SettleNode');
});

test.each([
  ['', machine],
  ['a service', service],
])('a caught error ends in Fail: %s', (_, inside) => {
  const nexts = Object.values(inside.States).flatMap(({ Catch = [] }) => Catch.map(({ Next }) => Next));
  expect(nexts.length).toBeGreaterThan(1);
  const ends = nexts.flatMap((next) => [...reachableFrom(inside, next)].map((name) => inside.States[name]?.Type));
  expect(ends).toContain('Fail');
  expect(ends).not.toContain('Succeed');
});

test('every way through the cascade passes the gate, but where it is refused or abandoned', () => {
  const beside = [...reachableFrom(without(machine, 'CloseCascade'), machine.StartAt)];
  expect(
    endsOf(machine)
      .filter((end) => beside.includes(end))
      .sort(),
  ).toEqual(['FailCascade', 'FailUnrecorded', 'RefuseCascade']);
});

test('each loop of a stream or a service waits in between: for time to pass, or for an answer', () => {
  for (const inside of [node, service]) {
    const waiting = Object.keys(inside.States).filter(
      (name) => inside.States[name]?.Type === 'Wait' || inside.States[name]?.HeartbeatSecondsPath !== undefined,
    );
    const hurrying = waiting.reduce(without, inside);
    for (const name of Object.keys(hurrying.States)) {
      const { Next, Default, Choices = [], Catch = [] } = hurrying.States[name] ?? { Type: '' };
      const nexts = [Next, Default, ...Choices.map((each) => each.Next), ...Catch.map((each) => each.Next)];
      const after = nexts.flatMap((next) => (next === undefined ? [] : [...reachableFrom(hurrying, next)]));
      expect([name, after.includes(name)]).toEqual([name, false]);
    }
  }
});

test('the lock of a stream belongs to the execution of the cascade, never to that of a child', () => {
  const text = JSON.stringify(node);
  expect(text).not.toContain('$$.Execution');
  expect(machine.States.RunWaves?.ItemSelector).toMatchObject({ 'executionArn.$': '$$.Execution.Id' });
});

test('waves run one after the other, their streams in executions of their own', () => {
  expect(machine.States.RunWaves?.MaxConcurrency).toBe(1);
  expect(childOf('RunWaves').States.RunNodes?.ItemProcessor?.ProcessorConfig).toEqual({
    Mode: 'DISTRIBUTED',
    ExecutionType: 'STANDARD',
  });
});
