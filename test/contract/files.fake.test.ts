import { fakeWorld } from '../support/fakes/world.ts';
import { evidenceContract } from './evidence.contract.ts';
import { policyStoreContract } from './policy-store.contract.ts';
import { reportsContract } from './reports.contract.ts';
import { runFilesContract } from './run-files.contract.ts';

describe('the fake', () => {
  describe('run files', () => runFilesContract({ make: () => fakeWorld().runFiles }));
  describe('evidence', () => evidenceContract({ make: () => fakeWorld().evidence }));
  describe('reports', () => reportsContract({ make: () => fakeWorld().reports }));
  describe('policies', () => policyStoreContract({ make: () => fakeWorld().policies }));
});
