import type { EvidenceStore } from '../../shared/ports/evidence.ts';
import { digestOf, finding, NOON_EPOCH_MS } from '../support/samples.ts';
import type { Contract } from './contract.ts';

export function evidenceContract({ make }: Pick<Contract<EvidenceStore>, 'make'>): void {
  const evidence = (findings: number) => ({
    digest: digestOf('a'),
    scanner: 'ecr-basic' as const,
    completedAtEpochMs: NOON_EPOCH_MS,
    findings: Array.from({ length: findings }, (_, n) => finding(n)),
  });

  test('5,000 findings come back whole, as written last', async () => {
    const store = await make();
    await store.putFindings(evidence(1));
    await store.putFindings(evidence(5000));
    expect(await store.findings(digestOf('a'))).toEqual(evidence(5000));
  });

  test('no evidence is not an empty list of findings', async () => {
    const store = await make();
    expect(await store.findings(digestOf('a'))).toBeUndefined();
    await store.putFindings(evidence(0));
    expect((await store.findings(digestOf('a')))?.findings).toEqual([]);
  });
}
