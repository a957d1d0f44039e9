import { collect } from '../../shared/concurrency.ts';
import type {
  BreakGlassLedger,
  BreakGlassProof,
  OpenBreakGlasses,
  PastBreakGlasses,
} from '../../shared/ports/admission.ts';
import { HOUR_MS, NOON_EPOCH_MS } from '../support/samples.ts';
import type { Contract } from './contract.ts';

const PLACE = { account: '111122223333', region: 'eu-west-1', cluster: 'main', namespace: 'shop' };
const breakGlass = { author: 'Ada', reason: 'incident 7', expiresAtEpochMs: NOON_EPOCH_MS + HOUR_MS };
const change = (uid: string) => ({ uid, user: 'ada', atEpochMs: NOON_EPOCH_MS });

export function breakGlassLedgerContract({
  make,
}: Contract<BreakGlassLedger & OpenBreakGlasses & PastBreakGlasses>): void {
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

  test('lists those that counted after an instant, the newest first, also those that were ended', async () => {
    const ledger = await make();
    const second = { ...PLACE, cluster: 'second' };
    const at = (uid: string, minutes: number) => ({ ...change(uid), atEpochMs: NOON_EPOCH_MS + minutes * 60_000 });
    await ledger.begin(PLACE, breakGlass, change('1'));
    await ledger.begin(second, breakGlass, at('2', 10));
    await ledger.end(PLACE, at('3', 20));
    const since = async (minutes: number) =>
      (await collect(ledger.since(NOON_EPOCH_MS + minutes * 60_000))).map(({ place }) => place);
    expect(await since(-30 * 24 * 60)).toEqual([second, PLACE]);
    expect(await since(19)).toEqual([second, PLACE]);
    expect(await since(20)).toEqual([second]);
    expect(await since(60)).toEqual([]);
    expect(await since(30 * 24 * 60)).toEqual([]);
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

  test('each one is kept, in the order of their begins, with who began and who ended it', async () => {
    const ledger = await make();
    const at = (minute: number, user = 'ada') => ({
      ...{ uid: `at ${minute}`, user, atEpochMs: NOON_EPOCH_MS + minute * 60_000 },
    });
    const other = { ...PLACE, cluster: 'other' };
    await ledger.begin(PLACE, breakGlass, at(1));
    await ledger.begin(PLACE, breakGlass, at(1));
    await ledger.begin(other, { ...breakGlass, reason: 'elsewhere' }, at(2));
    await ledger.begin(PLACE, { ...breakGlass, author: 'Grace' }, at(3, 'grace'));
    await ledger.end(PLACE, at(4, 'jo'));
    await ledger.end(PLACE, at(5, 'late'));
    const last = { ...breakGlass, expiresAtEpochMs: NOON_EPOCH_MS + 8 * 60_000 };
    await ledger.begin(PLACE, last, at(7));
    await ledger.end(PLACE, at(9, 'late'));
    const minute = (count: number) => NOON_EPOCH_MS + count * 60_000;
    expect(await collect(ledger.all())).toEqual([
      {
        ...{ ...breakGlass, place: PLACE, by: 'ada', beganAtEpochMs: minute(1) },
        ...{ endedAtEpochMs: minute(3), endedBy: 'grace' },
      },
      { ...breakGlass, reason: 'elsewhere', place: other, by: 'ada', beganAtEpochMs: minute(2) },
      {
        ...{ ...breakGlass, author: 'Grace', place: PLACE, by: 'grace', beganAtEpochMs: minute(3) },
        ...{ endedAtEpochMs: minute(4), endedBy: 'jo' },
      },
      { ...last, place: PLACE, by: 'ada', beganAtEpochMs: minute(7) },
    ]);
  });

  test('what a person closed does not begin again by the same annotation, but by another one or by a person', async () => {
    const ledger = await make();
    const by = (uid: string, proof: BreakGlassProof) => ({ ...change(uid), proof });
    expect(await ledger.begin(PLACE, breakGlass, by('1', 'cluster'))).toBe(true);
    await ledger.end(PLACE, by('2', 'cluster'));
    expect(await ledger.begin(PLACE, breakGlass, by('3', 'cluster'))).toBe(true);
    await ledger.end(PLACE, by('4', 'person'));
    expect(await ledger.begin(PLACE, breakGlass, by('5', 'cluster'))).toBe(false);
    expect(await ledger.breakGlassOf(PLACE)).toBeUndefined();
    expect(await ledger.begin(PLACE, { ...breakGlass, reason: 'another' }, by('6', 'cluster'))).toBe(true);
    await ledger.end(PLACE, by('7', 'person'));
    expect(await ledger.begin(PLACE, breakGlass, by('8', 'person'))).toBe(true);
  });

  test('of very many requests the last ones are remembered', async () => {
    const ledger = await make();
    for (let uid = 1; uid <= 25; uid += 1) await ledger.begin(PLACE, breakGlass, change(String(uid)));
    await ledger.end(PLACE, change('end'));
    await ledger.begin(PLACE, breakGlass, change('25'));
    expect(await ledger.breakGlassOf(PLACE)).toBeUndefined();
  });

  describe('of a person', () => {
    const { namespace: _, ...ecsCluster } = PLACE;
    const ofPerson = (uid: string, minute = 0) => ({
      ...{ uid, user: 'arn:aws:sts::111122223333:assumed-role/operator/ana', proof: 'person' as const },
      atEpochMs: NOON_EPOCH_MS + minute * 60_000,
    });

    test('opens the one ECS cluster, and no namespace of an EKS cluster with its name', async () => {
      const ledger = await make();
      expect(await ledger.breakGlassOf(ecsCluster)).toBeUndefined();
      await ledger.begin(ecsCluster, breakGlass, ofPerson('1'));
      expect(await ledger.breakGlassOf(ecsCluster)).toEqual(breakGlass);
      expect(await ledger.breakGlassOf(PLACE)).toBeUndefined();
      expect(await ledger.breakGlassOf({ ...ecsCluster, cluster: 'other' })).toBeUndefined();
      await ledger.end(ecsCluster, ofPerson('2', 1));
      expect(await ledger.breakGlassOf(ecsCluster)).toBeUndefined();
    });

    test('counts beside that of the annotation: the one that ends last is shown', async () => {
      const ledger = await make();
      const longer = { ...breakGlass, author: 'ana', expiresAtEpochMs: breakGlass.expiresAtEpochMs + 1 };
      await ledger.begin(PLACE, longer, ofPerson('1'));
      await ledger.begin(PLACE, breakGlass, change('2'));
      expect(await ledger.breakGlassOf(PLACE)).toEqual(longer);
      await ledger.begin(PLACE, { ...longer, expiresAtEpochMs: breakGlass.expiresAtEpochMs - 1 }, ofPerson('3'));
      expect(await ledger.breakGlassOf(PLACE)).toEqual(breakGlass);
    });

    test('a cluster ends only its own; a person ends both', async () => {
      const ledger = await make();
      await ledger.begin(PLACE, breakGlass, ofPerson('1'));
      await ledger.end(PLACE, change('2'));
      expect(await ledger.breakGlassOf(PLACE)).toEqual(breakGlass);
      await ledger.begin(PLACE, breakGlass, change('3'));
      await ledger.end(PLACE, ofPerson('4', 1));
      expect(await ledger.breakGlassOf(PLACE)).toBeUndefined();
      const all = await collect(ledger.all());
      expect(all.map(({ proof, endedBy }) => [proof, endedBy])).toEqual(
        all.map(({ proof }) => [proof, ofPerson('4').user]),
      );
    });

    test('lists say what each was proven by', async () => {
      const ledger = await make();
      await ledger.begin(ecsCluster, breakGlass, ofPerson('1'));
      await ledger.begin(PLACE, breakGlass, { ...change('2'), proof: 'cluster', atEpochMs: NOON_EPOCH_MS + 1 });
      const { user: by } = ofPerson('1');
      const listed = [
        { ...breakGlass, place: ecsCluster, by, beganAtEpochMs: NOON_EPOCH_MS, proof: 'person' },
        { ...breakGlass, place: PLACE, by: 'ada', beganAtEpochMs: NOON_EPOCH_MS + 1, proof: 'cluster' },
      ];
      expect(await collect(ledger.all())).toEqual(listed);
      const open = await collect(ledger.open(NOON_EPOCH_MS));
      expect(open.sort((one, other) => one.beganAtEpochMs - other.beganAtEpochMs)).toEqual(listed);
    });
  });

  test('hostile text in a name or a reason is data', async () => {
    const ledger = await make();
    const namespace = '#\u202e/../\u001b[2J';
    await ledger.begin({ ...PLACE, namespace }, { ...breakGlass, reason: '\u001b[2J' }, change('1'));
    expect(await ledger.breakGlassOf({ ...PLACE, namespace })).toMatchObject({ reason: '\u001b[2J' });
    expect(await ledger.breakGlassOf(PLACE)).toBeUndefined();
  });
}
