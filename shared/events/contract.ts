import { EVENT_SOURCE, type PublishedEvent } from '../domain/outbox/published-event.ts';
import * as v from '../schema.ts';

/** One kind of event: its publisher and its content. */
export interface EventContract<Event = unknown> {
  readonly source: string;
  readonly detailType: string;
  readonly direction: 'consumed' | 'published';
  /** The whole event as EventBridge delivers it. */
  readonly schema: v.GenericSchema<unknown, Event>;
}

/**
 * The envelope of EventBridge. Fields that we do not use may come and go.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events.html
 */
export const envelope = v.object({
  account: v.pipe(v.string(), v.regex(/^\d{12}$/, 'must be an AWS account id, which has 12 digits')),
  region: v.text(),
  time: v.isoInstant(),
  resources: v.array(v.string()),
});

/**
 * An event that Patchwave publishes. Within one version members are only added; every other change is a new version.
 * @param detail the content of the event; `schemaVersion` is added
 */
export function published<Detail extends v.ObjectEntries>(detailType: string, schemaVersion: number, detail: Detail) {
  const contentSchema = v.strictObject(detail);
  const schema = v.object({
    ...envelope.entries,
    source: v.literal(EVENT_SOURCE),
    'detail-type': v.literal(detailType),
    detail: v.strictObject({ schemaVersion: v.literal(schemaVersion), ...detail }),
  });
  return {
    ...({ source: EVENT_SOURCE, detailType, direction: 'published', schemaVersion, schema } as const),
    /** @param resource the subject of the event: a digest, a stream, a run or a version */
    event: (resource: string, content: v.InferInput<typeof contentSchema>): PublishedEvent => ({
      detailType,
      resources: [resource],
      detail: { schemaVersion, ...content },
    }),
  };
}
