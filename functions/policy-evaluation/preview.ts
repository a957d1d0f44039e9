import type { EvidenceStore } from '../../shared/ports/evidence.ts';
import type { CauseLedger } from '../../shared/ports/ledger.ts';

interface Kept {
  readonly evidence: EvidenceStore;
  readonly causes: CauseLedger;
}

/** Evidence and causes as a preview has them: to read only. */
export const readOnly = ({ evidence, causes }: Kept): Kept => ({
  evidence: { findings: (digest) => evidence.findings(digest), putFindings: async () => {} },
  causes: {
    get: (streams) => causes.get(streams),
    open: () => causes.open(),
    change: async (stream, change) => change((await causes.get([stream])).get(stream)),
  },
});
