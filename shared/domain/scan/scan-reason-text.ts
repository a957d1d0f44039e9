import type { ScanReason } from './scan.ts';

/** Why there is no valid scan result, and the next step; reasons that their name explains have none. */
export const SCAN_REASON_TEXT: Readonly<Partial<Record<ScanReason, string>>> = {
  'in-progress': 'the scan is in progress; Patchwave reads its result when it ends',
  expired:
    'Amazon Inspector no longer scans the image, because its re-scan duration is over: push or pull the image, or lengthen the duration in Amazon Inspector',
  'not-covered':
    'no scan rule of the registry fits the repository: add one to the scanning configuration of the registry',
  'not-in-coverage':
    'Amazon Inspector does not list the image: it was pushed a moment ago, or before Inspector was activated. In the second case push it again',
  'on-push-only': 'Amazon Inspector scans the repository only on push: change its scan rule to continuous scanning',
  'scanning-ends': 'Amazon Inspector is being switched off for the image: activate it again for the account',
  'scanner-denied': 'Amazon Inspector may not read the image: allow it in the policy of the repository',
  'key-denied': 'Amazon Inspector may not use the key that encrypts the repository: allow it in the policy of the key',
  'unsupported-os': 'Amazon Inspector does not support the operating system or architecture: change the base image',
  'unsupported-config':
    'Amazon Inspector cannot read the configuration of the image: build the image again with another tool',
  'image-too-large': 'the image is too large for Amazon Inspector: make it smaller',
};
