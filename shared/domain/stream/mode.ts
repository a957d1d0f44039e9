import type { Tier } from '../image/image.ts';
import { MODES, type Mode, type Policy } from '../policy/policy.ts';

/** The subjects whose settings apply to a stream. */
export interface ModeSubject {
  readonly tier: Tier;
  readonly owner?: string;
  /** Every account that the action reaches: of the registry, the pipeline, the service. */
  readonly accounts?: readonly string[];
  /** Id of its stream rule. */
  readonly rule?: string;
}

/** The strictest of all modes that the policy sets for a subject: `paused` before `report-only` before `enforce`. */
export function strictestMode(policy: Policy, { tier, owner, accounts: reached = [], rule }: ModeSubject): Mode {
  const { tiers, owners, accounts } = policy.modes;
  const set: readonly (Mode | undefined)[] = [
    policy.mode,
    tiers?.[tier],
    ownValue(owners, owner),
    ...reached.map((account) => ownValue(accounts, account)),
    policy.streams.find(({ id }) => id === rule)?.mode,
  ];
  return MODES[Math.max(...set.map((mode) => (mode === undefined ? 0 : MODES.indexOf(mode))))] ?? policy.mode;
}

/** Owners are free text: `constructor` is one, and no key of the policy. */
const ownValue = (modes: Readonly<Record<string, Mode>> | undefined, key: string | undefined): Mode | undefined =>
  modes && key !== undefined && Object.hasOwn(modes, key) ? modes[key] : undefined;

export const stricter = (one: Mode, other: Mode): Mode => (MODES.indexOf(one) > MODES.indexOf(other) ? one : other);

/** The stricter of the modes of everything and of an account. */
export const modeOfAccount = ({ mode, modes }: Pick<Policy, 'mode' | 'modes'>, account: string): Mode =>
  stricter(mode, ownValue(modes.accounts, account) ?? 'enforce');
