import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoPolicyStore, policyKey } from '../../shared/adapters/dynamodb/policy/policies.ts';
import * as keys from '../../shared/adapters/dynamodb/table/keys.ts';
import { LedgerTable } from '../../shared/adapters/dynamodb/table/table.ts';
import { FileScratch } from '../../shared/adapters/file-scratch.ts';
import { DiscreetBucket } from '../support/discreet-bucket.ts';
import { fakeWorld } from '../support/fakes/world.ts';
import { MemoryTable } from '../support/memory-dynamo.ts';
import { evidenceContract } from './evidence.contract.ts';
import { policyStoreContract } from './policy-store.contract.ts';
import { reportsContract } from './reports.contract.ts';
import { runFilesContract } from './run-files.contract.ts';
import { scratchContract } from './scratch.contract.ts';

describe('the adapter over a table and a bucket in memory', () => {
  policyStoreContract(() => {
    const [memory, bucket] = [new MemoryTable(), new DiscreetBucket()];
    const table = new LedgerTable(memory.client(), 'ledger');
    return {
      store: new DynamoPolicyStore(table, bucket.client, 'evidence'),
      lose: (version) => void bucket.objects.delete(policyKey(version)),
      replace: (version, text) => void bucket.objects.set(policyKey(version), text),
      damagePointer: async () => void (await table.put({ ...keys.policy, kind: 'policy', version: 7 })),
    };
  });
});

describe('files in the temporary folder', () => {
  scratchContract({ make: () => new FileScratch() });

  test('what an invocation left that died is removed an hour later, and nothing before that', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'patchwave-test-'));
    const at = (minutes: number) => new FileScratch(folder, () => Date.now() + minutes * 60_000).open();
    const died = await at(0);
    await died.append('a', [1]);
    await (await at(55)).remove();
    expect(await died.read('a')).toEqual([1]);
    await (await at(65)).remove();
    expect(await died.read('a')).toEqual([]);
    await rm(folder, { recursive: true });
  });
});

describe('the fake', () => {
  describe('scratch', () => scratchContract({ make: () => fakeWorld().scratch }));
  describe('run files', () => runFilesContract({ make: () => fakeWorld().runFiles }));
  describe('evidence', () => evidenceContract({ make: () => fakeWorld().evidence }));
  describe('reports', () => reportsContract({ make: () => fakeWorld().reports }));
  describe('policies', () =>
    policyStoreContract(() => {
      const { policies } = fakeWorld();
      return {
        store: policies,
        lose: (version) => policies.lose(version),
        replace: (version, text) => policies.replace(version, text),
        damagePointer: () => policies.damagePointer(),
      };
    }));
});
