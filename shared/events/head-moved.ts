import { sameContent } from '../domain/common/same-content.ts';
import { digest } from '../domain/image/digest-schema.ts';
import { STREAM_TIERS } from '../domain/image/image.ts';
import type { PublishedEvent } from '../domain/outbox/published-event.ts';
import { headDigestOf } from '../domain/stream/heads.ts';
import type { StreamRecord } from '../domain/stream/stream-record.ts';
import * as v from '../schema.ts';
import { published } from './contract.ts';
import { text } from './parts.ts';

const head = v.strictObject({ images: v.record(text, digest), index: v.exactOptional(digest) });

/** A stream has a new head, pushed by Patchwave or by anybody else. The first head ever seen is no move. */
export const headMoved = published('HeadMoved', 1, {
  stream: text,
  tier: v.picklist(STREAM_TIERS),
  /** One image per platform, and their index if there is one. */
  head,
  previousHead: head,
});

/** The first head ever seen is no move: the review that found it checks its children. */
export function headMove(before: StreamRecord | undefined, { stream, tier, head }: StreamRecord): PublishedEvent[] {
  const previousHead = before?.head;
  if (!head || !previousHead || !headDigestOf(head) || !headDigestOf(previousHead)) return [];
  if (sameContent(head, previousHead)) return [];
  return [headMoved.event(stream, { stream, tier, head, previousHead })];
}
