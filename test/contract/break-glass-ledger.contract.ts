import { collect } from '../../shared/concurrency.ts';
import type { BreakGlassLedger, OpenBreakGlasses } from '../../shared/ports/admission.ts';
import { HOUR_MS, NOON_EPOCH_MS } from '../support/samples.ts';
import type { Contract } from './contract.ts';

const PLACE = { account: '111122223333', region: 'eu-west-1', cluster: 'main', namespace: 'shop' };
const breakGlass = { author: 'Ada', reason: 'incident 7', expiresAtEpochMs: NOON_EPOCH_MS + HOUR_MS };
const change = (uid: string) => ({ uid, user: 'ada', atEpochMs: NOON_EPOCH_MS });

export function breakGlassLedgerContract({ make }: Contract<BreakGlassLedger & OpenBreakGlasses>): void {
  test('is open in the one namespace of the one cluster only', async () => {
    const ledger = await make();
    expect(await ledger.breakGlassOf(PLACE)).toBeUndefined();
    await ledger.begin(PLACE, breakGlass, change('1'));
    expect(await ledger.breakGlassOf(PLACE)).toEqual(breakGlass);
    for (const elsewhere of [{ namespace: 'shop-2' }, { cluster: 'other' }, { region: 'eu-west-2' }])
      expect(await ledger.breakGlassOf({ ...PLACE, ...elsewhere })).toBeUndefined();
  });

  test('the last one of a namespace counts, and an end ends it', async () => {
    const ledger = await make();
    await ledger.end(PLACE, change('0'));
    await ledger.begin(PLACE, breakGlass, change('1'));
    await ledger.begin(PLACE, { ...breakGlass, author: 'Grace' }, change('2'));
    expect(await ledger.breakGlassOf(PLACE)).toMatchObject({ author: 'Grace' });
    await ledger.end(PLACE, change('3'));
    expect(await ledger.breakGlassOf(PLACE)).toBeUndefined();
    await ledger.begin(PLACE, breakGlass, change('4'));
    expect(await ledger.breakGlassOf(PLACE)).toEqual(breakGlass);
  });

  test('a repeated request changes nothing', async () => {
    const ledger = await make();
    await ledger.begin(PLACE, breakGlass, change('1'));
    await ledger.end(PLACE, change('2'));
    await ledger.begin(PLACE, breakGlass, change('1'));
    expect(await ledger.breakGlassOf(PLACE)).toBeUndefined();
    await ledger.begin(PLACE, breakGlass, change('3'));
    await ledger.end(PLACE, change('2'));
    expect(await ledger.breakGlassOf(PLACE)).toEqual(breakGlass);
  });

  test('lists those that are open, with their place and user', async () => {
    const ledger = await make();
    const second = { ...PLACE, cluster: 'second' };
    const third = { ...PLACE, namespace: 'third' };
    for (const [n, place] of [PLACE, second, third].entries()) await ledger.begin(place, breakGlass, change(`${n}`));
    await ledger.begin(PLACE, { ...breakGlass, author: 'Grace' }, change('3'));
    await ledger.end(third, change('4'));
    const who = { by: 'ada', beganAtEpochMs: NOON_EPOCH_MS };
    const listed = await collect(ledger.open(NOON_EPOCH_MS));
    expect(listed.sort((one, other) => (one.place.cluster < other.place.cluster ? -1 : 1))).toEqual([
      { ...breakGlass, author: 'Grace', place: PLACE, ...who },
      { ...breakGlass, place: second, ...who },
    ]);
    expect(await collect(ledger.open(breakGlass.expiresAtEpochMs))).toEqual([]);
    await ledger.begin(third, breakGlass, change('5'));
    expect((await collect(ledger.open(NOON_EPOCH_MS))).map(({ place }) => place)).toContainEqual(third);
  });

  test('an ECS cluster has none', async () => {
    const { namespace: _, ...cluster } = PLACE;
    expect(await (await make()).breakGlassOf(cluster)).toBeUndefined();
  });

  test('hostile text in a name or a reason is data', async () => {
    const ledger = await make();
    const namespace = '#\u202e/../\u001b[2J';
    await ledger.begin({ ...PLACE, namespace }, { ...breakGlass, reason: '\u001b[2J' }, change('1'));
    expect(await ledger.breakGlassOf({ ...PLACE, namespace })).toMatchObject({ reason: '\u001b[2J' });
    expect(await ledger.breakGlassOf(PLACE)).toBeUndefined();
  });
}
