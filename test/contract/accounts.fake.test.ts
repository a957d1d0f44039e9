import { FakeAccountDirectory } from '../support/fakes/accounts.ts';
import { accountsContract, ORGANIZATION } from './accounts.contract.ts';

const directory = new FakeAccountDirectory();
for (const account of ORGANIZATION.active) directory.add(account, ORGANIZATION.readable.regions);
directory.deny(ORGANIZATION.unreachable);

accountsContract(() => directory);
