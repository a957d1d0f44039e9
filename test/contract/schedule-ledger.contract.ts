import type { KnownSchedule, ScheduleLedger } from '../../shared/ports/starts.ts';
import { NOON_EPOCH_MS } from '../support/samples.ts';
import type { Contract } from './contract.ts';

const SCOPE = { account: '111122223333', region: 'eu-west-1' };
const OTHER = { ...SCOPE, region: 'eu-central-1' };

const schedule = (name: string, changes: Partial<KnownSchedule> = {}): KnownSchedule => ({
  ...{ schedule: `batch/${name}`, modifiedAtEpochMs: NOON_EPOCH_MS, cluster: 'prod', taskDefinition: `${name}:1` },
  ...changes,
});

export function scheduleLedgerContract({ make }: Contract<ScheduleLedger>): void {
  test('knows the schedules of each account and Region as they were last recorded', async () => {
    const ledger = await make();
    const known = async (scope = SCOPE) => new Set(await ledger.known(scope));
    expect(await known()).toEqual(new Set());
    const { taskDefinition: _, ...without } = schedule('no-task');
    await ledger.record(SCOPE, [schedule('nightly'), without]);
    await ledger.record(OTHER, [schedule('weekly')]);
    expect(await known()).toEqual(new Set([schedule('nightly'), without]));
    expect(await known(OTHER)).toEqual(new Set([schedule('weekly')]));
    const changed = schedule('nightly', { modifiedAtEpochMs: NOON_EPOCH_MS + 1, taskDefinition: 'nightly:2' });
    await ledger.record(SCOPE, [changed, schedule('hourly')]);
    expect(await known()).toEqual(new Set([changed, schedule('hourly')]));
    await ledger.record(SCOPE, []);
    expect(await known()).toEqual(new Set());
    expect(await known(OTHER)).toEqual(new Set([schedule('weekly')]));
  });

  test('knows 10,000 schedules of usual names', async () => {
    const ledger = await make();
    const many = Array.from({ length: 10_000 }, (_, n) =>
      schedule(`night-${n}`, { cluster: `arn:aws:ecs:eu-west-1:111122223333:cluster/prod-${n}` }),
    );
    await ledger.record(SCOPE, many);
    expect(await ledger.known(SCOPE)).toHaveLength(10_000);
  });
}
