import type { ExpectedDenial } from '../admission/expected-denial.ts';
import type { DeniedTask, StartDenial } from '../admission/start-denial.ts';
import type { Closure, Deployment } from '../cause/cascade.ts';
import type { Cause } from '../cause/cause.ts';
import type { Rebuild } from '../cause/rebuild.ts';
import type { PolicyPointer } from '../policy/policy-pointer.ts';
import type { ImageExpiry } from '../retention/image-expiry.ts';
import type { ReviewRecord } from '../review/run.ts';
import type { StreamRecord } from '../stream/stream-record.ts';
import type { ImageRecord } from '../verdict/image-record.ts';

/** A ledger item as a domain record, as the table stream delivers it. */
export type LedgerRecord =
  | { readonly kind: 'image'; readonly record: ImageRecord }
  | { readonly kind: 'cause'; readonly record: Cause }
  | { readonly kind: 'stream'; readonly record: StreamRecord }
  | { readonly kind: 'rebuild'; readonly record: Rebuild }
  | { readonly kind: 'deployment'; readonly record: Deployment }
  | { readonly kind: 'closure'; readonly record: Closure }
  | { readonly kind: 'expiry'; readonly record: ImageExpiry }
  | { readonly kind: 'expected-denial'; readonly record: ExpectedDenial }
  | { readonly kind: 'start-denial'; readonly record: StartDenial }
  | { readonly kind: 'denied-task'; readonly record: DeniedTask }
  | { readonly kind: 'run'; readonly record: ReviewRecord }
  | { readonly kind: 'policy'; readonly record: PolicyPointer }
  /** Items that are never published. */
  | { readonly kind: 'other' };
