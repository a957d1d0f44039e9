import { sameContent } from '../domain/common/same-content.ts';
import type { PublishedEvent } from '../domain/outbox/published-event.ts';
import { headDigestOf } from '../domain/stream/heads.ts';
import type { StreamRecord } from '../domain/stream/stream-record.ts';
import * as v from '../schema.ts';
import { published } from './contract.ts';
import { digest, text } from './parts.ts';

const head = v.strictObject({ images: v.record(text, digest), index: v.exactOptional(digest) });

/** Another image is the head of a stream, whoever pushed it. The first head that is ever seen is no move. */
export const headMoved = published('HeadMoved', 1, {
  stream: text,
  tier: v.picklist(['base', 'platform', 'application']),
  /** One image for each platform, and the index that holds them where there is one. */
  head,
  previousHead: head,
});

/** The first head that is ever seen moved from nowhere: what is built on it is looked at by the review that found it. */
export function headMove(before: StreamRecord | undefined, { stream, tier, head }: StreamRecord): PublishedEvent[] {
  const previousHead = before?.head;
  if (!head || !previousHead || !headDigestOf(head) || !headDigestOf(previousHead)) return [];
  if (sameContent(head, previousHead)) return [];
  return [headMoved.event(stream, { stream, tier, head, previousHead })];
}
