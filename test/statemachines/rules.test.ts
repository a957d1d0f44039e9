import { readdirSync, readFileSync } from 'node:fs';
import { hub, ofType } from '../template/template.ts';
import { definitionText, type Machine, machineNames, machinesOf, reachableFrom, type State } from './machine.ts';

const VERBS =
  'Abandon|Ask|Check|Choose|Close|Complete|Deploy|Evaluate|Fail|Find|Group|Judge|Leave|Open|Park|Plan|Poll|Promote|Read|' +
  'Record|Refuse|Reserve|Roll|Run|Settle|Skip|Start|Wait|Write';

/** What a function of ours may take is 900 seconds; a state lets it tell of its own end first. */
const LONGEST_TASK_SECONDS = 900;
const LONGEST_EXPRESS_SECONDS = 300;

const functionsById = new Map(ofType(hub, 'AWS::Serverless::Function').map((declared) => [declared.id, declared]));

const errorsOfOurs = new Set(
  ['functions', 'shared'].flatMap((folder) => {
    const root = new URL(`../../${folder}/`, import.meta.url);
    return readdirSync(root, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .flatMap((file) => [...readFileSync(new URL(file, root), 'utf8').matchAll(/override readonly name = '(\w+)'/g)])
      .flatMap(([, name]) => name ?? []);
  }),
);

describe.each(machineNames())('%s', (name) => {
  const text = definitionText(name);
  const machine: Machine = JSON.parse(text);
  const machines = machinesOf(machine);
  const states = machines.flatMap(([path, inside]) =>
    Object.entries(inside.States).map(([key, state]) => [`${path}${key}`, state, inside] as const),
  );
  const ofType = (type: string) => states.filter(([, state]) => state.Type === type);
  const isExpress = (path: string): boolean => {
    const [outer = ''] = path.split('/');
    return machine.States[outer]?.ItemProcessor?.ProcessorConfig.ExecutionType === 'EXPRESS';
  };
  const distributed = ofType('Map').filter(
    ([, { ItemProcessor }]) => ItemProcessor?.ProcessorConfig.Mode === 'DISTRIBUTED',
  );

  test('names no partition, account or Region, and no ARN but those of the service integrations', () => {
    expect(text).not.toMatch(/arn:aws|\d{12}|[a-z]{2}-[a-z]+-\d/);
    expect(text.match(/arn:(?!\$\{Partition\}:states:::)/g)).toBeNull();
  });

  test('ends after a time of its own', () => {
    expect(machine.TimeoutSeconds).toBeGreaterThan(0);
  });

  test.each(states)('%s is named by what it does', (path) => {
    expect(path.split('/').at(-1)).toMatch(new RegExp(`^(${VERBS})[A-Z]`));
  });

  test.each(machines)('every state of machine "%s" can be reached', (_, inside) => {
    expect([...reachableFrom(inside, inside.StartAt)].sort()).toEqual(Object.keys(inside.States).sort());
  });

  describe.each(ofType('Task'))('the task %s', (path, state, inside) => {
    test('has a time-out, inside the five minutes of an express execution where it runs in one', () => {
      expect(state.TimeoutSeconds).toBeGreaterThan(0);
      if (isCallback(state)) {
        // The function that should answer may be gone: without a heartbeat the machine polls by itself.
        expect(state.HeartbeatSecondsPath).toBeDefined();
      } else {
        expect(state.TimeoutSeconds).toBeLessThanOrEqual(
          isExpress(path) ? LONGEST_EXPRESS_SECONDS - 1 : LONGEST_TASK_SECONDS,
        );
      }
    });

    test('has a time-out no shorter than that of the function it waits for', () => {
      if (isCallback(state)) return;
      const [, id = ''] = /^\$\{(\w+)Arn\}$/.exec(state.Resource ?? '') ?? [];
      const limit = Number(functionsById.get(id)?.properties.Timeout);
      expect([id, state.TimeoutSeconds]).toEqual([id, expect.any(Number)]);
      expect(state.TimeoutSeconds).toBeGreaterThanOrEqual(limit);
    });

    test('retries with backoff, a cap and full jitter, and never what is permanent', () => {
      const [permanent, ...transient] = state.Retry ?? [];
      expect(permanent).toMatchObject({ MaxAttempts: 0 });
      expect(permanent?.ErrorEquals).toEqual(
        expect.arrayContaining([
          'InvalidInputError',
          'EnvironmentError',
          ...(isCallback(state) ? ['States.HeartbeatTimeout', 'States.Timeout'] : []),
        ]),
      );
      expect(transient.length).toBeGreaterThan(0);
      for (const retrier of transient) {
        expect(retrier).toMatchObject({ JitterStrategy: 'FULL', MaxDelaySeconds: expect.any(Number) });
        expect(retrier.BackoffRate).toBeGreaterThan(1);
      }
    });

    test('catches everything else', () => {
      expect(state.Catch?.at(-1)?.ErrorEquals).toEqual(['States.ALL']);
      expect(inside.States[state.Catch?.at(-1)?.Next ?? '']).toBeDefined();
    });
  });

  describe.each(distributed)('the map %s', (_, state) => {
    test('is bounded, tolerates failures by number and writes its results out', () => {
      expect(state.MaxConcurrencyPath ?? state.MaxConcurrency).toBeTruthy();
      expect(state.ToleratedFailurePercentage).toBe(100);
      expect(state.ResultWriter?.Parameters).toMatchObject({ Bucket: substituted('RunBucket') });
      expect(state.ItemReader?.Resource).toBe(`arn:${substituted('Partition')}:states:::s3:getObject`);
      // Keys travel, lists do not: what became of the children lies in the bucket.
      expect(state.ResultPath).toBeNull();
    });
  });

  test.each(ofType('Map'))(
    'the map %s catches what strikes it as a whole, there or where it is taken in turn',
    (path, state) => {
      const [outer = ''] = path.split('/');
      const catcher = (state.Catch ?? machine.States[outer]?.Catch)?.at(-1);
      expect(catcher?.ErrorEquals).toEqual(['States.ALL']);
    },
  );

  test('every error named is one of AWS or one of our classes', () => {
    const named = states.flatMap(([, { Retry = [], Catch = [] }]) =>
      [...Retry, ...Catch].flatMap(({ ErrorEquals }) => ErrorEquals),
    );
    expect(errorsOfOurs.size).toBeGreaterThan(5);
    const unknown = [...new Set(named)].filter(
      (error) => !/^(Lambda|States)\./.test(error) && !errorsOfOurs.has(error),
    );
    expect(unknown).toEqual([]);
  });
});

/** A definition substitution, as the template fills it in. */
function substituted(name: string): string {
  return `\${${name}}`;
}

function isCallback({ Resource }: State): boolean {
  return Resource?.endsWith('.waitForTaskToken') ?? false;
}
