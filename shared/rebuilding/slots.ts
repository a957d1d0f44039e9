import { MINUTE_MS } from '../domain/common/time.ts';
import type { StreamPolicy } from '../domain/stream/stream-policy.ts';
import type { Clock } from '../ports/clock.ts';
import type { SlotLedger } from '../ports/rebuilds.ts';

/** A slot outlives the deadline of its build by the time between its reservation and the start. */
const MARGIN_MS = 15 * MINUTE_MS;

/** The slots of this cap are the streams that started within a day. */
export const RAMP = 'ramp';

const FLEET = 'fleet';
const ofAccount = (account: string): string => `account/${account}`;

interface Claim {
  readonly owner: string;
  readonly account: string;
  readonly buildDeadlineEpochMs: number;
}

/**
 * Takes a slot of each cap, or keeps the existing one, and renews its lease.
 * @returns the cap without a free slot; slots taken before stay with the owner, to be released
 */
export async function takeSlots(
  { slots, clock }: { readonly slots: Pick<SlotLedger, 'take'>; readonly clock: Clock },
  { concurrentRebuilds, perAccount }: StreamPolicy['caps'],
  { owner, account, buildDeadlineEpochMs }: Claim,
): Promise<string | undefined> {
  const lease = { nowEpochMs: clock(), untilEpochMs: buildDeadlineEpochMs + MARGIN_MS };
  if (!(await slots.take(FLEET, concurrentRebuilds, owner, lease))) return FLEET;
  if (perAccount === undefined) return undefined;
  const capName = ofAccount(account);
  return (await slots.take(capName, perAccount, owner, lease)) ? undefined : capName;
}

/** Releases every slot of an owner, the account's first, so that a crash leaves the less scarce one. */
export async function releaseSlots(
  { slots }: { readonly slots: Pick<SlotLedger, 'release'> },
  owner: string,
  account: string | undefined,
): Promise<void> {
  if (account !== undefined) await slots.release(ofAccount(account), owner);
  await slots.release(FLEET, owner);
}
