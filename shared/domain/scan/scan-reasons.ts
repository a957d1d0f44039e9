import type { ScanReason } from './scan.ts';

interface ScanReasonEntry {
  /**
   * What the reason is about. `place`: another registry may have a result, or accept a request · `content`: no scanner
   * can read the image in any registry · `record`: Patchwave itself says so, and no scanner refuses for it.
   */
  readonly about: 'place' | 'content' | 'record';
  /** What is the matter. */
  readonly text: string;
  /** What a person does, or when Patchwave goes on. */
  readonly next: string;
}

/**
 * Every reason of this version; the ledger may have one of a later version. Of the refusals of several places the first
 * in this order counts: the most informative comes first.
 */
export const SCAN_REASONS: Readonly<Record<ScanReason, ScanReasonEntry>> = {
  'scan-failed': {
    about: 'place',
    text: 'the scan failed, or its result could not be read',
    next: 'the next review tries again',
  },
  'unknown-status': {
    about: 'place',
    text: 'Patchwave does not know the status that the scanner reports',
    next: 'check the scan in the registry, and update Patchwave',
  },
  'quota-or-scanned': {
    about: 'place',
    text: 'the registry accepts no more scans today, and has no earlier result',
    next: 'the next review requests one again',
  },
  expired: {
    about: 'place',
    text: 'Amazon Inspector no longer scans the image, because its re-scan duration is over',
    next: 'push or pull the image, or lengthen the duration in Amazon Inspector',
  },
  'on-push-only': {
    about: 'place',
    text: 'Amazon Inspector scans the repository only on push',
    next: 'change its scan rule to continuous scanning',
  },
  'scanning-ends': {
    about: 'place',
    text: 'Amazon Inspector is being switched off for the image',
    next: 'activate it again for the account',
  },
  'scanner-denied': {
    about: 'place',
    text: 'Amazon Inspector is not allowed to read the image',
    next: 'allow it in the policy of the repository',
  },
  'key-denied': {
    about: 'place',
    text: 'Amazon Inspector is not allowed to use the key that encrypts the repository',
    next: 'allow it in the policy of the key',
  },
  enhanced: {
    about: 'place',
    text: 'the registry has enhanced scanning, and Patchwave could not read its configuration',
    next: 'let the read role call `ecr:GetRegistryScanningConfiguration`',
  },
  'access-denied': {
    about: 'place',
    text: 'Patchwave is not allowed to read the registry',
    next: 'run `patchwave doctor`, which checks the read role of its account',
  },
  'not-in-coverage': {
    about: 'place',
    text: 'Amazon Inspector does not list the image yet',
    next: 'if the image was pushed before Amazon Inspector was activated, push it again',
  },
  'not-covered': {
    about: 'place',
    text: 'no scan rule of the registry fits the repository',
    next: 'add one to the scanning configuration of the registry',
  },
  archived: { about: 'place', text: 'the registry has archived the image', next: 'restore it, or run another image' },
  'image-not-found': {
    about: 'place',
    text: 'the registry does not have the image',
    next: 'push it again, or run another image',
  },
  'never-scanned': {
    about: 'place',
    text: 'no scan of the image was requested yet',
    next: 'the next review requests one',
  },
  'unsupported-image': {
    about: 'content',
    text: 'Amazon ECR cannot scan the operating system of the image',
    next: 'build on a system that Amazon ECR scans and keep its package database, or use enhanced scanning',
  },
  'unsupported-type': {
    about: 'content',
    text: 'the scanner does not support the format of the image',
    next: 'build the image again with another tool',
  },
  'unsupported-os': {
    about: 'content',
    text: 'Amazon Inspector does not support the operating system or architecture',
    next: 'change the base image',
  },
  'unsupported-config': {
    about: 'content',
    text: 'Amazon Inspector cannot read the configuration of the image',
    next: 'build the image again with another tool',
  },
  'image-too-large': { about: 'content', text: 'the image is too large for Amazon Inspector', next: 'make it smaller' },
  'in-progress': { about: 'record', text: 'the scan is in progress', next: 'Patchwave reads its result when it ends' },
  'not-in-ecr': {
    about: 'record',
    text: 'Patchwave knows no repository of yours in Amazon ECR that has the image',
    next: 'copy it into one',
  },
  'findings-missing': {
    about: 'record',
    text: 'the recorded findings are lost or incomplete',
    next: 'a result of a scanner that covers the same packages replaces them',
  },
  'too-large-to-keep': {
    about: 'record',
    text: 'the config of the image says more than Patchwave keeps of an image, 400 KB',
    next: 'build the image with fewer labels and steps',
  },
};

const BY_WORTH = Object.keys(SCAN_REASONS);

/** Orders reasons: the most informative comes first. */
export const compareScanReasons = (one: ScanReason, other: ScanReason): number =>
  BY_WORTH.indexOf(one) - BY_WORTH.indexOf(other);
