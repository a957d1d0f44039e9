import { type Choice, definitionText, type Machine, type Retrier, type State } from '../../statemachines/machine.ts';
import type { Clockwork } from './clockwork.ts';

/*
 * Runs the state machines of the project as Step Functions does, in simulated time: tasks with retries and catches, choices,
 * waits, maps, and steps that wait for a task token. Time-outs of functions are left out.
 */

type Json = Readonly<Record<string, unknown>>;

/** The parts of a definition that `State` does not name. */
type AnyState = State & {
  readonly ItemsPath?: string;
  readonly SecondsPath?: string;
  readonly Result?: unknown;
  readonly CausePath?: string;
  readonly HeartbeatSecondsPath?: string;
  readonly ItemReader?: { readonly Parameters?: Json };
  readonly Choices?: readonly (Choice & { readonly BooleanEquals?: boolean })[];
};

export interface Services {
  readonly clockwork: Clockwork;
  /** Calls a function, by its name in the template without `Function`. */
  readonly invoke: (name: string, payload: unknown) => Promise<unknown>;
  /** Reads a document of the run bucket. */
  readonly document: (key: string) => Promise<unknown>;
  /** A token, and the answer to it once there is one. */
  readonly awaitToken: () => { readonly token: string; readonly answer: Promise<unknown>; readonly giveUp: () => void };
  /** From 0 to 1. */
  readonly random: () => number;
}

export interface TrueExecution {
  readonly id: string;
  readonly input: Json;
  readonly startedAtEpochMs: number;
  /** It was stopped from outside: it takes no further step. */
  isAborted?: boolean;
}

/** An error as machines know it. */
export class MachineError extends Error {
  override readonly name = 'MachineError';
  readonly error: string;

  constructor(error: string, cause: string) {
    super(`${error}: ${cause}`);
    this.error = error;
    this.text = cause;
  }

  readonly text: string;
}

class AbortedError extends Error {
  override readonly name = 'AbortedError';
}

const DEFINITIONS = new Map<string, Machine>();

function definitionOf(name: string): Machine {
  const known = DEFINITIONS.get(name) ?? (JSON.parse(definitionText(name)) as Machine);
  DEFINITIONS.set(name, known);
  return known;
}

/**
 * Runs an execution to its end.
 * @returns how it ended, as Step Functions tells of it
 */
export async function runExecution(
  name: string,
  execution: TrueExecution,
  services: Services,
): Promise<{ readonly status: 'SUCCEEDED' | 'FAILED' | 'ABORTED'; readonly error?: string; readonly cause?: string }> {
  try {
    await run(definitionOf(name), execution.input, { execution, services });
    return { status: 'SUCCEEDED' };
  } catch (error) {
    if (error instanceof AbortedError) return { status: 'ABORTED' };
    if (error instanceof MachineError) return { status: 'FAILED', error: error.error, cause: error.text };
    throw error;
  }
}

interface Context {
  readonly execution: TrueExecution;
  readonly services: Services;
  /** `$$.Map.Item.Value` */
  readonly item?: unknown;
  readonly token?: string;
}

async function run({ StartAt, States }: Machine, input: unknown, context: Context): Promise<unknown> {
  let [name, data]: [string | undefined, unknown] = [StartAt, input];
  while (name !== undefined) {
    const state = States[name] as AnyState | undefined;
    if (!state) throw new Error(`there is no state ${name}`);
    await context.services.clockwork.sleep(TRANSITION_MS);
    if (context.execution.isAborted) throw new AbortedError('it was stopped');
    try {
      const done = await step(state, data, context);
      [name, data] = [done.next, done.data];
    } catch (error) {
      if (!(error instanceof MachineError)) throw error;
      const catcher = state.Catch?.find(({ ErrorEquals }) => isNamed(ErrorEquals, error.error));
      if (!catcher) throw error;
      const result = { Error: error.error, Cause: error.text };
      [name, data] = [catcher.Next, withResult(data, result, catcher.ResultPath)];
    }
  }
  return data;
}

/** From one state to the next, and until a distributed map has started its children. */
const TRANSITION_MS = 60;
const MAP_MS = 1500;

interface Done {
  readonly next: string | undefined;
  readonly data: unknown;
}

async function step(state: AnyState, data: unknown, context: Context): Promise<Done> {
  const on = (result: unknown): Done => ({ next: state.Next, data: withResult(data, result, state.ResultPath) });
  switch (state.Type) {
    case 'Task':
      return on(await withRetries(state, context, () => task(state, data, context)));
    case 'Map':
      return on(await withRetries(state, context, () => map(state, data, context)));
    case 'Wait':
      await context.services.clockwork.sleep(Number(valueAt(state.SecondsPath ?? '', data, context)) * 1000);
      return { next: state.Next, data };
    case 'Choice': {
      const choice = state.Choices?.find((one) => holds(one, data, context));
      return { next: choice?.Next ?? state.Default, data };
    }
    case 'Pass':
      return on(state.Result ?? data);
    case 'Succeed':
      return { next: undefined, data };
    case 'Fail': {
      const text = (path: string | undefined, fixed: string) => (path ? String(valueAt(path, data, context)) : fixed);
      throw new MachineError(text(state.ErrorPath, state.Error ?? 'Failed'), text(state.CausePath, ''));
    }
    default:
      throw new Error(`there is no state of type ${state.Type}`);
  }
}

/** As Step Functions names it: an error of a function by its own name. */
async function withRetries<Result>(state: State, { services }: Context, work: () => Promise<Result>): Promise<Result> {
  const counts = new Map<Retrier, number>();
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof MachineError)) throw error;
      const retrier = state.Retry?.find(({ ErrorEquals }) => isNamed(ErrorEquals, error.error));
      const tried = retrier ? (counts.get(retrier) ?? 0) : 0;
      if (!retrier || tried >= (retrier.MaxAttempts ?? 3)) throw error;
      counts.set(retrier, tried + 1);
      const most = Math.min(2 * (retrier.BackoffRate ?? 2) ** tried, retrier.MaxDelaySeconds ?? 60);
      await services.clockwork.sleep(most * 1000 * services.random());
    }
  }
}

const isNamed = (names: readonly string[], error: string): boolean =>
  names.some(
    (name) => name === error || name === 'States.ALL' || (name === 'States.TaskFailed' && !error.startsWith('States.')),
  );

async function task(state: AnyState, data: unknown, context: Context): Promise<unknown> {
  const { Resource = '', Parameters } = state;
  if (Resource.endsWith('.waitForTaskToken')) return awaited(state, data, context);
  const payload = Parameters ? filled(Parameters, data, context) : data;
  return invoked(context, functionIn(Resource), payload);
}

async function invoked({ services, execution }: Context, name: string, payload: unknown): Promise<unknown> {
  const answer = await services.invoke(name, JSON.parse(JSON.stringify(payload))).catch((error: unknown) => {
    throw asMachineError(error);
  });
  if (execution.isAborted) throw new AbortedError('it was stopped');
  return answer === undefined ? null : JSON.parse(JSON.stringify(answer));
}

function asMachineError(error: unknown): Error {
  if (error instanceof Error && !isOfTheTest(error)) return new MachineError(error.name, error.message);
  return error instanceof Error ? error : new Error(String(error));
}

/** A flaw of the test or of the code that no handler would turn into an answer: it ends the run. */
const isOfTheTest = (error: Error): boolean => error instanceof TypeError || error instanceof RangeError;

async function awaited(state: AnyState, data: unknown, context: Context): Promise<unknown> {
  const { token, answer, giveUp } = context.services.awaitToken();
  const { FunctionName, Payload } = state.Parameters as { FunctionName: string; Payload: Json };
  const payload = filled(Payload, data, { ...context, token });
  const begun = invoked(context, functionIn(FunctionName), payload).then(() => answer);
  const seconds = state.HeartbeatSecondsPath
    ? Number(valueAt(state.HeartbeatSecondsPath, data, context))
    : (state.TimeoutSeconds ?? 0);
  const late = context.services.clockwork.sleep(seconds * 1000).then(() => LATE);
  const result = await Promise.race([begun, late]);
  if (result !== LATE) return JSON.parse(JSON.stringify(result));
  giveUp();
  throw new MachineError('States.HeartbeatTimeout', 'no answer came in time');
}

const LATE = Symbol('late');

/** `${RebuildDispatchFunctionArn}` */
function functionIn(resource: string): string {
  const name = /\$\{(\w+)FunctionArn\}/.exec(resource)?.[1];
  if (name === undefined) throw new Error(`${resource} is no function`);
  return name;
}

/** Of a distributed map no failure counts: the definitions tolerate all of them. */
async function map(state: AnyState, data: unknown, context: Context): Promise<unknown> {
  const { ItemProcessor, ItemReader, ItemsPath } = state;
  if (!ItemProcessor) throw new Error('a map has a processor');
  const read = ItemReader?.Parameters ? filled(ItemReader.Parameters, data, context) : undefined;
  const items = (
    read ? await context.services.document(String(read.Key)) : valueAt(ItemsPath ?? '$', data, context)
  ) as readonly unknown[];
  const most = state.MaxConcurrencyPath
    ? Number(valueAt(state.MaxConcurrencyPath, data, context))
    : (state.MaxConcurrency ?? items.length);
  const isDistributed = ItemProcessor.ProcessorConfig.Mode === 'DISTRIBUTED';
  if (isDistributed) await context.services.clockwork.sleep(MAP_MS);
  const results: unknown[] = [];
  const left = items.map((item, at) => ({ item, at }));
  const work = async (): Promise<void> => {
    for (let next = left.shift(); next; next = left.shift()) {
      const inside = { ...context, item: next.item };
      const input = state.ItemSelector ? filled(state.ItemSelector, data, inside) : next.item;
      try {
        results[next.at] = await run(ItemProcessor, input, { ...context });
      } catch (error) {
        if (!(isDistributed && error instanceof MachineError)) throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(Math.max(most, 1), items.length) }, work));
  return results;
}

function holds(
  choice: Omit<Choice, 'Next'> & { readonly BooleanEquals?: boolean },
  data: unknown,
  context: Context,
): boolean {
  if (choice.Or) return choice.Or.some((one) => holds(one, data, context));
  if (choice.And) return choice.And.every((one) => holds(one, data, context));
  const value = valueAt(choice.Variable ?? '', data, context);
  if (choice.IsPresent !== undefined) return (value !== undefined) === choice.IsPresent;
  return [choice.StringEquals, choice.NumericEquals, choice.BooleanEquals].some(
    (one) => one !== undefined && one === value,
  );
}

/** A template: fields that end in `.$` are paths. */
function filled(template: Json, data: unknown, context: Context): Json {
  return Object.fromEntries(
    Object.entries(template).map(([key, value]) => {
      if (key.endsWith('.$')) return [key.slice(0, -'.$'.length), valueAt(String(value), data, context)];
      const isInner = typeof value === 'object' && value !== null && !Array.isArray(value);
      return [key, isInner ? filled(value as Json, data, context) : value];
    }),
  );
}

function valueAt(path: string, data: unknown, { execution, item, token }: Context): unknown {
  if (path === '$') return data;
  if (!path.startsWith('$$')) return follow(path.slice('$.'.length), data);
  const about = {
    Execution: {
      Id: execution.id,
      Input: execution.input,
      StartTime: new Date(execution.startedAtEpochMs).toISOString(),
    },
    Map: { Item: { Value: item } },
    Task: { Token: token },
  };
  return follow(path.slice('$$.'.length), about);
}

const follow = (path: string, data: unknown): unknown =>
  path.split('.').reduce<unknown>((value, key) => (value as Json | undefined)?.[key], data);

function withResult(data: unknown, result: unknown, path: string | null | undefined): unknown {
  if (path === null) return data;
  if (path === undefined || path === '$') return result;
  return put(data as Json, path.slice('$.'.length).split('.'), result);
}

function put(data: Json, [key = '', ...rest]: readonly string[], value: unknown): Json {
  return { ...data, [key]: rest.length === 0 ? value : put((data[key] ?? {}) as Json, rest, value) };
}
