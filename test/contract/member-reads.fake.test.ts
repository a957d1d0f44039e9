import { FakeMembers } from '../support/fakes/doctor.ts';
import { roleOf } from '../unit/cli/doctor-support.ts';
import { MEMBERS, memberReadsContract } from './member-reads.contract.ts';

const { hub, forwarding, deaf, unreachable, version } = MEMBERS;
const members = new FakeMembers();
members.add(hub.account, {});
members.add(forwarding.account, { PatchwaveRead: roleOf('reader', { version }) });
members.listed = [hub.account, forwarding.account, unreachable];
members.deaf.add(`${deaf.account}/${deaf.region}`);
members.enhanced.set(`${deaf.account}/${deaf.region}`, ['base/*']);

memberReadsContract(() => members);
