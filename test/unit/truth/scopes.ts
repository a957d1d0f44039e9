import { isUnconfirmed } from '../../../shared/domain/review/run.ts';
import { HOUR_MS } from '../../support/samples.ts';
import { AWAY } from './fleet.ts';
import type { Life } from './life.ts';
import type { Trouble } from './trouble.ts';

/**
 * The account where some services run leaves the policy, and may come back, once or twice. Where it stays away a person may
 * confirm that closures need not wait for it. Its services run on, and their teams deploy as before.
 */
export const scopesLeave: Trouble = {
  feature: 'scopes-leave',
  begin: (life, milliseconds) => {
    const { diceFor, clockwork, lines } = life;
    if (!lines.some(({ runsIn, services }) => runsIn === AWAY && services > 0)) return;
    const dice = diceFor('scopes leave');
    let fromMs = Math.floor(dice.between(2 * HOUR_MS, milliseconds / 2));
    for (let n = dice.int(1, 2); n > 0 && fromMs < milliseconds - 2 * HOUR_MS; n -= 1) {
      const awayMs = Math.floor(dice.between(HOUR_MS, 60 * HOUR_MS));
      clockwork.in(fromMs, () => setAway(life, true));
      if (fromMs + awayMs < milliseconds - HOUR_MS) clockwork.in(fromMs + awayMs, () => setAway(life, false));
      if (dice.chance(0.3)) clockwork.in(fromMs + Math.floor(awayMs * dice.between(0.5, 1)), () => confirm(life));
      fromMs += awayMs + Math.floor(dice.between(HOUR_MS, 30 * HOUR_MS));
    }
  },
  /** It comes back, or a person confirms that it is gone, or nothing happens. */
  end: async (life) => {
    const { policy, diceFor } = life;
    if (!policy.isAwayLeft) return;
    const kind = diceFor('scopes at the end').pick(['back', 'confirmed', 'left'] as const);
    if (kind === 'back') await setAway(life, false);
    if (kind === 'confirmed') await confirm(life);
  },
};

async function setAway(life: Life, isAwayLeft: boolean): Promise<void> {
  const { policy, world } = life;
  if ((policy.isAwayLeft ?? false) === isAwayLeft) return;
  life.tell(`account ${AWAY.account} ${isAwayLeft ? 'leaves the policy' : 'is back in the policy'}`);
  if (isAwayLeft) world.accounts.remove(AWAY.account);
  else world.accounts.add({ id: AWAY.account, name: AWAY.account }, [AWAY.region]);
  if (isAwayLeft) life.features.note('scopes-leave');
  await life.publishPolicy({ ...policy, isAwayLeft });
}

/** As `patchwave confirm-left` does. */
async function confirm(life: Life): Promise<void> {
  const { world } = life;
  const confirmed = { by: 'a person', atEpochMs: world.clock(), reason: 'the account was closed' };
  await world.scopes.change(AWAY, (before) => {
    if (!before?.left || !isUnconfirmed(before.left)) return undefined;
    life.isAwayConfirmed = true;
    life.tell(`a person confirms that account ${AWAY.account} left`);
    return { ...before, left: { ...before.left, confirmed } };
  });
}
