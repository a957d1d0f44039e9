import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoPoliciesBeside, DynamoPolicyStore, policyKey } from '../../shared/adapters/dynamodb/policy/policies.ts';
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
      door: new DynamoPoliciesBeside(table, bucket.client, 'evidence'),
      lose: (version) => void bucket.objects.delete(policyKey(version)),
      replace: (version, text) => void bucket.objects.set(policyKey(version), text),
      damagePointer: async () => void (await table.put({ ...keys.policy, kind: 'policy', version: 7 })),
      losePointer: () => void memory.items.delete('POLICY CURRENT'),
    };
  });
});

describe('files in the temporary folder', () => {
  scratchContract({ make: () => new FileScratch() });

  test('a folder is removed once its process has died, and no folder of a running one', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'patchwave-test-'));
    const died = spawnSync(process.execPath, ['--version']).pid;
    // The parent runs. A process that died may have had the number of this one.
    const names = [died, process.ppid, process.pid].map((pid) => `patchwave-scratch-${pid}-abc`);
    for (const name of names) await mkdir(join(folder, name));
    await mkdir(join(folder, 'of-another-program'));
    const scratch = new FileScratch(folder);
    const own = await scratch.open();
    await own.append('a', [1]);
    await (await scratch.open()).remove();
    expect(await own.read('a')).toEqual([1]);
    await own.remove();
    expect(await readdir(folder)).toEqual(['of-another-program', names[1]]);
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
        // A fake has one Region, and its documents are never apart from the pointer.
        door: { current: async () => policies.published() },
        lose: (version) => policies.lose(version),
        replace: (version, text) => policies.replace(version, text),
        damagePointer: () => policies.damagePointer(),
        losePointer: () => policies.losePointer(),
      };
    }));
});
