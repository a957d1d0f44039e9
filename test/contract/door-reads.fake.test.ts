import { FakeDoors } from '../support/fakes/doctor.ts';
import { DOOR, doorReadsContract, LEDGER_TABLE, REGION } from './door-reads.contract.ts';

const { name, template, version, alarm } = DOOR;
const stack = { template, region: REGION, status: 'CREATE_COMPLETE' };
const ringing = {
  name: alarm,
  exists: true,
  actions: ['arn:aws:sns:eu-west-1:111122223333:topic'],
  actionsEnabled: true,
  isRinging: true,
};
const doors = new FakeDoors();
doors.add(LEDGER_TABLE, {
  ...{ ...stack, name, version, alarms: { isRead: true, value: [ringing] } },
  concurrency: { isRead: true, value: { quota: 1000, unreserved: 900 } },
});
doors.add('another-ledger', { ...stack, name: 'other-doors', alarms: { isRead: true, value: [] } });

doorReadsContract(() => doors);
