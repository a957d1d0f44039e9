import type { ScanReason } from './scan.ts';

interface ScanReasonEntry {
  /**
   * What the reason is about. `place`: another registry may have a result, or accept a request · `content`: no scanner
   * can read the image in any registry · `record`: Patchwave itself says so, and no scanner refuses for it.
   */
  readonly about: 'place' | 'content' | 'record';
  /** What is the matter where the name does not say it, and the next step. */
  readonly text: string;
}

/**
 * Every reason of this version; the ledger may have one of a later version. Of the refusals of several places the first
 * in this order counts: the most informative comes first.
 */
export const SCAN_REASONS: Readonly<Record<ScanReason, ScanReasonEntry>> = {
  'scan-failed': {
    about: 'place',
    text: 'the scan failed, or its result could not be read: the next review tries again',
  },
  'unknown-status': {
    about: 'place',
    text: 'Patchwave does not know the status that the scanner reports: check the scan in the registry, and update Patchwave',
  },
  'quota-or-scanned': {
    about: 'place',
    text: 'the registry accepts no more scans today, and has no earlier result: the next review requests one again',
  },
  expired: {
    about: 'place',
    text: 'Amazon Inspector no longer scans the image, because its re-scan duration is over: push or pull the image, or lengthen the duration in Amazon Inspector',
  },
  'on-push-only': {
    about: 'place',
    text: 'Amazon Inspector scans the repository only on push: change its scan rule to continuous scanning',
  },
  'scanning-ends': {
    about: 'place',
    text: 'Amazon Inspector is being switched off for the image: activate it again for the account',
  },
  'scanner-denied': {
    about: 'place',
    text: 'Amazon Inspector may not read the image: allow it in the policy of the repository',
  },
  'key-denied': {
    about: 'place',
    text: 'Amazon Inspector may not use the key that encrypts the repository: allow it in the policy of the key',
  },
  enhanced: {
    about: 'place',
    text: 'the registry has enhanced scanning, and Patchwave could not read its configuration: let the read role call `ecr:GetRegistryScanningConfiguration`',
  },
  'access-denied': {
    about: 'place',
    text: 'Patchwave may not read the registry: `patchwave doctor` checks the read role of its account',
  },
  'not-in-coverage': {
    about: 'place',
    text: 'Amazon Inspector does not list the image: it was pushed a moment ago, or before Inspector was activated. In the second case push it again',
  },
  'not-covered': {
    about: 'place',
    text: 'no scan rule of the registry fits the repository: add one to the scanning configuration of the registry',
  },
  archived: { about: 'place', text: 'the registry has archived the image: restore it, or run another image' },
  'image-not-found': {
    about: 'place',
    text: 'the registry does not have the image: push it again, or run another image',
  },
  'never-scanned': { about: 'place', text: 'no scan of the image was requested yet: the next review requests one' },
  'unsupported-image': {
    about: 'content',
    text: 'Amazon ECR cannot scan the operating system of the image: change the base image, or scan the registry with Amazon Inspector',
  },
  'unsupported-type': {
    about: 'content',
    text: 'the scanner does not support the format of the image: build the image again with another tool',
  },
  'unsupported-os': {
    about: 'content',
    text: 'Amazon Inspector does not support the operating system or architecture: change the base image',
  },
  'unsupported-config': {
    about: 'content',
    text: 'Amazon Inspector cannot read the configuration of the image: build the image again with another tool',
  },
  'image-too-large': { about: 'content', text: 'the image is too large for Amazon Inspector: make it smaller' },
  'in-progress': { about: 'record', text: 'the scan is in progress; Patchwave reads its result when it ends' },
  'not-in-ecr': {
    about: 'record',
    text: 'Patchwave knows no repository of yours in Amazon ECR that has the image: copy it into one',
  },
  'findings-missing': {
    about: 'record',
    text: 'the recorded findings are lost or incomplete: a result of a scanner that covers the same packages replaces them',
  },
};

const BY_WORTH = Object.keys(SCAN_REASONS);

/** Orders reasons: the most informative comes first. */
export const compareScanReasons = (one: ScanReason, other: ScanReason): number =>
  BY_WORTH.indexOf(one) - BY_WORTH.indexOf(other);
