import type { Digest } from '../image/image.ts';
import type { ExpiryAction } from './lifecycle-policy.ts';

/** What a lifecycle policy will do to an image with its current tags. */
export type ImageForecast =
  /** No rule selects it, or its index is kept. */
  | { readonly state: 'kept' }
  | { readonly state: 'expires'; readonly expiry: ScheduledExpiry }
  /** It is unknown, which does not mean that it is kept. */
  | { readonly state: 'unknown'; readonly reason: string };

export interface ScheduledExpiry {
  /** The priority of the rule, which is its name. */
  readonly rule: number;
  readonly action: ExpiryAction;
  /** The index with which it expires. */
  readonly through?: Digest;
  readonly when: ExpiryInstant;
}

export type ExpiryInstant =
  /** The rule selects it from then on; ECR acts within 24 hours. May be in the past. */
  | { readonly by: 'age' | 'count'; readonly expiresAtEpochMs: number }
  /** After this many further pushes counted by the rule; estimated from the rate of past pushes. */
  | { readonly by: 'pushes'; readonly afterPushes: number; readonly expectedAtEpochMs: number }
  /** Once pushes moved its moving tags: then another rule selects it. Estimated as above. */
  | { readonly by: 'untagging'; readonly afterPushes: number; readonly expectedAtEpochMs: number };

export const expiryAtEpochMs = (when: ExpiryInstant): number =>
  'expiresAtEpochMs' in when ? when.expiresAtEpochMs : when.expectedAtEpochMs;
