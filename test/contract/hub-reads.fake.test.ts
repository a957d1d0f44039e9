import { FakeHub } from '../support/fakes/doctor.ts';
import { hubReadsContract, STACK } from './hub-reads.contract.ts';

const { name, account, region, parameters, outputs } = STACK;
const hub = new FakeHub({ ...{ name, account, region, parameters, outputs }, status: 'CREATE_COMPLETE' });
hub.addQueue(STACK.empty);
hub.addQueue(STACK.full, { waiting: 2 });
hub.addAlarm(STACK.loud, { isRinging: true });
hub.addAlarm(STACK.silent, { actions: [] });
hub.addAlarm(STACK.off, { actionsEnabled: false });
hub.addRule(STACK.rule, { bus: 'contract' });
hub.ruleDescriptions.set(STACK.disabledRule, { logicalId: STACK.disabledRule, name: 'a-rule', state: 'disabled' });
const none = new FakeHub({ ...{ name, account, region, parameters, outputs }, status: 'CREATE_COMPLETE' });
none.described = undefined;

hubReadsContract(() => ({ hub, none }));
