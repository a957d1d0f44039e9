import { outcomeText } from '../../../cli/acting/render-acting.ts';
import type { RebuildOutcome } from '../../../shared/domain/cause/rebuild.ts';
import { fact } from '../cascade-plan/support.ts';

test.each<[RebuildOutcome, string]>([
  [{ result: 'fixed' }, 'fixed: the new image has none of the facts of its cause'],
  [
    { result: 'fixed', alsoFound: [fact({ vulnerability: 'CVE-2026-9' })] },
    'fixed: the new image has none of the facts of its cause. Patchwave also found CVE-2026-9 in openssl 3.0.1, which a later rebuild must fix',
  ],
  [
    { result: 'ineffective', left: [fact({ vulnerability: 'CVE-2026-9' }), fact()] },
    'ineffective: the new image still has CVE-2026-9 in openssl 3.0.1 and 1 more',
  ],
  [
    { result: 'worse', added: [fact({ vulnerability: 'CVE-2026-9' })] },
    'worse: the new image has CVE-2026-9 in openssl 3.0.1, which the old one did not have; the scanner knew it when the build began',
  ],
  [{ result: 'unverified', reason: 'no complete scan' }, 'unverified: no complete scan'],
])('what came of a rebuild, in words: %j', (outcome, text) => {
  expect(outcomeText(outcome)).toContain(text);
});
