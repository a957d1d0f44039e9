import { readdirSync, readFileSync } from 'node:fs';

export interface Retrier {
  readonly ErrorEquals: readonly string[];
  readonly MaxAttempts?: number;
  readonly BackoffRate?: number;
  readonly MaxDelaySeconds?: number;
  readonly JitterStrategy?: string;
}

export interface Choice {
  readonly Next: string;
  readonly Variable?: string;
  readonly StringEquals?: string;
  readonly NumericEquals?: number;
  readonly IsPresent?: boolean;
  readonly And?: readonly Omit<Choice, 'Next'>[];
  readonly Or?: readonly Omit<Choice, 'Next'>[];
}

export interface State {
  readonly Type: string;
  readonly Resource?: string;
  readonly Parameters?: Readonly<Record<string, unknown>>;
  readonly TimeoutSeconds?: number;
  readonly HeartbeatSecondsPath?: string;
  readonly ResultPath?: string | null;
  readonly Next?: string;
  readonly Default?: string;
  readonly End?: boolean;
  readonly Choices?: readonly Choice[];
  readonly Retry?: readonly Retrier[];
  readonly Catch?: readonly {
    readonly ErrorEquals: readonly string[];
    readonly Next: string;
    readonly ResultPath?: string | null;
  }[];
  readonly Error?: string;
  readonly ErrorPath?: string;
  readonly MaxConcurrency?: number;
  readonly MaxConcurrencyPath?: string;
  readonly ToleratedFailurePercentage?: number;
  readonly ToleratedFailureCount?: number;
  readonly ItemReader?: { readonly Resource: string };
  readonly ItemSelector?: Readonly<Record<string, unknown>>;
  readonly ResultWriter?: { readonly Parameters: Readonly<Record<string, unknown>> };
  readonly ItemProcessor?: Machine & {
    readonly ProcessorConfig: { readonly Mode: string; readonly ExecutionType?: string };
  };
}

export interface Machine {
  readonly StartAt: string;
  readonly TimeoutSeconds?: number;
  readonly States: Readonly<Record<string, State>>;
}

const FOLDER = new URL('../../statemachines/', import.meta.url);

export const machineNames = (): string[] =>
  readdirSync(FOLDER).flatMap((file) => (file.endsWith('.asl.json') ? file.slice(0, -'.asl.json'.length) : []));

export const definitionText = (name: string): string => readFileSync(new URL(`${name}.asl.json`, FOLDER), 'utf8');

/** A machine, and the machines inside its maps, by the path to them. */
export function machinesOf(machine: Machine, path = ''): (readonly [string, Machine])[] {
  const inside = Object.entries(machine.States).flatMap(([name, { ItemProcessor }]) =>
    ItemProcessor ? machinesOf(ItemProcessor, `${path}${name}/`) : [],
  );
  return [[path, machine], ...inside];
}

/** Where a state leads when nothing goes wrong. */
export const successorsOf = ({ Next, Default, Choices = [] }: State): string[] => [
  ...[Next, Default].filter((name) => name !== undefined),
  ...Choices.map((choice) => choice.Next),
];

/** Every state that can be reached from one, itself included, by successes and by caught errors. */
export function reachableFrom({ States }: Machine, start: string): ReadonlySet<string> {
  const reached = new Set<string>();
  const open = [start];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (reached.has(name)) continue;
    reached.add(name);
    const state = States[name];
    if (!state) throw new Error(`The state ${name} does not exist.`);
    open.push(...successorsOf(state), ...(state.Catch ?? []).map((catcher) => catcher.Next));
  }
  return reached;
}
