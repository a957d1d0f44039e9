import { HOUR_MS } from '../../support/samples.ts';
import type { Dice } from './dice.ts';
import { HEAD_PATTERN, type Line, type PolicyState } from './fleet.ts';
import type { Life } from './life.ts';
import { aBuild } from './restraining.ts';
import type { Trouble } from './trouble.ts';

const PATTERNS = [HEAD_PATTERN, '^(current)$', '^(current|latest)$', '^current(-[0-9]+)?$', '^(cur)(rent)$'];

/**
 * The platform team edits rules while builds run and closures are open: the head tag, the owner or the id of a rule, or the order
 * of the rules. The streams go on.
 */
export const policyEdits: Trouble = {
  feature: 'policy-edits',
  begin: (life, milliseconds) => {
    const { diceFor, clockwork } = life;
    for (let n = diceFor('policy edits').int(1, 5); n > 0; n -= 1) {
      const own = diceFor(`policy edit ${n}`);
      clockwork.in(Math.floor(own.between(0, milliseconds - 2 * HOUR_MS)), () => edit(life, own));
    }
  },
};

async function edit(life: Life, dice: Dice): Promise<void> {
  const [isWhileBuilding, kind, pattern] = [dice.chance(0.5), dice.int(1, 8), dice.pick(PATTERNS)];
  const line = dice.pick(life.lines);
  const all = dice.chance(0.2);
  if (isWhileBuilding) await aBuild(life);
  const lines = all ? life.lines : [line];
  const [what, change] = editOf(kind, pattern, lines);
  life.features.note('policy-edits');
  life.tell(`policy: ${what} of ${all ? 'all rules' : line.name}`);
  await life.publishPolicy({ ...life.policy, ...change(life.policy) });
}

function editOf(
  kind: number,
  pattern: string,
  lines: readonly Line[],
): readonly [string, (policy: PolicyState) => Partial<PolicyState>] {
  const names = lines.map(({ name }) => name);
  if (kind <= 5) {
    const patterns = names.map((name) => [name, pattern] as const);
    return [`head tag ${pattern}`, (policy) => ({ patterns: new Map([...(policy.patterns ?? []), ...patterns]) })];
  }
  if (kind === 6) return ['the order', (policy) => ({ areRulesReversed: !policy.areRulesReversed })];
  return ['id and owner', (policy) => ({ renamed: new Set([...(policy.renamed ?? []), ...names]) })];
}

/** A rule goes by mistake while Patchwave works, and comes back. */
export const rulesLeave: Trouble = {
  feature: 'rules-leave',
  begin: (life, milliseconds) => {
    const { diceFor, clockwork } = life;
    for (let n = diceFor('rules leave').int(1, 3); n > 0; n -= 1) {
      const own = diceFor(`rule leaves ${n}`);
      clockwork.in(Math.floor(own.between(0, milliseconds - 2 * HOUR_MS)), () => leave(life, own));
    }
  },
  end: async (life) => {
    for (const line of life.lines) await setRule(life, line, true);
  },
};

async function leave(life: Life, dice: Dice): Promise<void> {
  const [isWhileBuilding, hours] = [dice.chance(0.5), dice.int(1, 40)];
  const line = dice.pick(life.lines);
  if (isWhileBuilding) await aBuild(life);
  // In the quiet no rule leaves any more.
  if (life.areScansCalm) return;
  await setRule(life, line, false);
  life.features.note('rules-leave');
  life.clockwork.in(hours * HOUR_MS, () => setRule(life, line, true));
}

async function setRule(life: Life, { name }: Line, isThere: boolean): Promise<void> {
  const { policy } = life;
  const unruled = new Set(policy.unruled);
  if (unruled.has(name) !== isThere) return;
  if (isThere) unruled.delete(name);
  else unruled.add(name);
  life.tell(`policy: the rule of ${name} ${isThere ? 'is back' : 'leaves'}`);
  await life.publishPolicy({ ...policy, unruled });
}
