import { cascadeReaperSteps } from '../../functions/cascade-reaper/input.ts';
import { fleetReviewInput } from '../../functions/fleet-review/input.ts';
import { inventoryInput } from '../../functions/inventory/input.ts';
import { lineageSteps } from '../../functions/lineage/input.ts';
import { reviewBatch } from '../../functions/policy-evaluation/input.ts';
import { rebuildDispatchSteps } from '../../functions/rebuild-dispatch/input.ts';
import { reportInput } from '../../functions/report/input.ts';
import { rolloutSteps } from '../../functions/rollout/input.ts';
import { scanTriggerInput } from '../../functions/scan-trigger/input.ts';
import { verifyRebuildSteps } from '../../functions/verify-rebuild/input.ts';
import { definitionText, type Machine, machineNames, machinesOf, type State } from './machine.ts';

type Fields = Readonly<Record<string, unknown>>;
interface Asked {
  readonly of: string;
  readonly action: string;
  readonly fields: readonly string[];
}

/** What the machines ask each function for, by the substitution that stands for it. */
const asked: Asked[] = machineNames().flatMap((name) => {
  const machine: Machine = JSON.parse(definitionText(name));
  return machinesOf(machine).flatMap(([path, { States }]) => {
    const [map = ''] = path.split('/').slice(-2);
    const outer = machinesOf(machine).find(([, { States: others }]) => map in others)?.[1];
    return Object.values(States).flatMap((state) => callOf(state, outer?.States[map]?.ItemSelector));
  });
});

/** A task without parameters of its own passes on what its child was given. */
function callOf({ Type, Resource = '', Parameters = {} }: State, given: Fields | undefined): Asked[] {
  if (Type !== 'Task') return [];
  const text = Resource.endsWith('.waitForTaskToken') ? String(Parameters.FunctionName) : Resource;
  const input = (Parameters.Payload ?? (Object.keys(Parameters).length > 0 ? Parameters : given)) as Fields;
  const [, of = ''] = /^\$\{(\w+)FunctionArn\}$/.exec(text) ?? [];
  const fields = Object.keys(input).map((key) => key.replace(/\.\$$/, ''));
  return [{ of, action: String(input.action), fields: fields.sort() }];
}

const byAction = {
  CascadeReaper: cascadeReaperSteps,
  FleetReview: fleetReviewInput,
  Inventory: inventoryInput,
  Lineage: lineageSteps,
  RebuildDispatch: rebuildDispatchSteps,
  Rollout: rolloutSteps,
  VerifyRebuild: verifyRebuildSteps,
} as const;
const whole = {
  PolicyEvaluation: reviewBatch,
  Report: reportInput,
  ScanTrigger: scanTriggerInput,
} as const;

test('every function that a machine asks has a schema of it', () => {
  const known = [...Object.keys(byAction), ...Object.keys(whole)].sort();
  expect([...new Set(asked.map(({ of }) => of))].sort()).toEqual(known);
});

type ByAction = (typeof byAction)[keyof typeof byAction];

/** Of a schema for each action, or of one for all of them where they have the same fields. */
function accepting(schema: ByAction): readonly { readonly actions: readonly string[]; readonly fields: string[] }[] {
  if (!('options' in schema)) return [{ actions: schema.entries.action.options, fields: fieldsOf(schema) }];
  return schema.options.map((one) => ({ actions: [one.entries.action.literal], fields: fieldsOf(one) }));
}

const fieldsOf = ({ entries }: { readonly entries: object }): string[] => Object.keys(entries).sort();

test.each(Object.entries(byAction))(
  'the input of %s is what it accepts, action by action and field by field',
  (name, union) => {
    const accepted = accepting(union).flatMap(({ actions, fields }) =>
      actions.map((action) => ({ of: name, action, fields })),
    );
    const mine = asked.filter(({ of }) => of === name);
    const order = (one: Asked, other: Asked) => (one.action < other.action ? -1 : 1);
    expect([...mine].sort(order)).toEqual([...accepted].sort(order));
  },
);

test.each(Object.entries(whole))('the input of %s is what it accepts, field by field', (name, { entries }) => {
  const mine = asked.filter(({ of }) => of === name).map(({ fields }) => fields);
  expect(mine).toEqual([Object.keys(entries).sort()]);
});
