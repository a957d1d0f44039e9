import * as v from '../../shared/schema.ts';

export const environment = v.object({
  /** The function `ecs-door` of the hub. */
  HUB_DOOR_ARN: v.pipe(
    v.string(),
    v.regex(/^arn:[\w-]+:lambda:[a-z0-9-]+:\d{12}:function:/, 'must be the ARN of a function'),
  ),
  /** The role of the hub that may call it. */
  HUB_DOOR_ROLE_ARN: v.text(),
  /** Remembers the mode of the door at each cluster. */
  MODES_TABLE: v.text(),
  /** The mode of the door at a cluster about which the hub has never answered. */
  FIRST_MODE: v.picklist(['deny', 'warn']),
});
