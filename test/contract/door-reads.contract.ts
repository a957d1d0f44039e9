import type { DoorReads } from '../../cli/doctor/ports.ts';

export const LEDGER_TABLE = 'the-ledger';
/** The stacks that a world has to hold, in a Region: a door of this ledger with an alarm that goes off, and one of another. */
export const DOOR = { name: 'our-doors', template: 'doors.yaml', version: '1.2.3', alarm: 'our-doors-slow' } as const;
export const REGION = 'eu-west-1';

export function doorReadsContract(reads: () => DoorReads): void {
  test('lists the stacks of doors that read the ledger, with their alarms', async () => {
    const { name, template, version, alarm } = DOOR;
    expect(await reads().stacks(REGION, LEDGER_TABLE)).toEqual([
      {
        ...{ name, template, version, region: REGION, status: 'CREATE_COMPLETE' },
        alarms: {
          isRead: true,
          value: [
            {
              name: alarm,
              exists: true,
              actions: ['arn:aws:sns:eu-west-1:111122223333:topic'],
              actionsEnabled: true,
              isRinging: true,
            },
          ],
        },
        concurrency: { isRead: true, value: { quota: expect.any(Number), unreserved: expect.any(Number) } },
      },
    ]);
  });

  test('lists none of another Region or of no ledger', async () => {
    expect(await reads().stacks('us-east-1', LEDGER_TABLE)).toEqual([]);
    expect(await reads().stacks(REGION, 'unknown')).toEqual([]);
  });
}
