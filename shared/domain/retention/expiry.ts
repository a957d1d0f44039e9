import type { Digest } from '../image/image.ts';
import type { ExpiryAction } from './lifecycle-policy.ts';

/** What a lifecycle policy will do to an image, by the tags it has now. */
export type ExpiryState =
  /** No rule selects it, or what holds it is kept. */
  | { readonly state: 'kept' }
  | { readonly state: 'expires'; readonly expiry: Expiry }
  /** It cannot be told, which is no promise that it is kept. */
  | { readonly state: 'unknown'; readonly reason: string };

export interface Expiry {
  /** The priority of the rule, which is its name. */
  readonly rule: number;
  readonly action: ExpiryAction;
  /** The index with which it is lost. */
  readonly through?: Digest;
  readonly when: ExpiryInstant;
}

export type ExpiryInstant =
  /** From that instant on the rule takes it; ECR acts within 24 hours. It may have passed. */
  | { readonly by: 'age' | 'count'; readonly expiresAtEpochMs: number }
  /** After so many further pushes of what the rule counts; expected at the pace of those that are there. */
  | { readonly by: 'pushes'; readonly afterPushes: number; readonly expectedAtEpochMs: number }
  /** Once pushes have taken over tags of it that move: then another rule selects it. Expected as above. */
  | { readonly by: 'untagging'; readonly afterPushes: number; readonly expectedAtEpochMs: number };

export const expiryAtEpochMs = (when: ExpiryInstant): number =>
  'expiresAtEpochMs' in when ? when.expiresAtEpochMs : when.expectedAtEpochMs;
