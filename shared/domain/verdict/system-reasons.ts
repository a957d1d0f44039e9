import { DAY_MS } from '../common/time.ts';
import type { Digest } from '../image/image.ts';
import type { ImageProperties } from '../image/image-properties.ts';
import type { ImageSystem } from '../image/system.ts';
import { systemSupport, WARN_DAYS } from '../image/system-support.ts';
import { BUILT_IN_RULES } from '../policy/built-in-rules.ts';
import type { Policy } from '../policy/policy.ts';
import { appliesTo } from './config-rules.ts';
import type { Reason } from './verdict.ts';

/** The operating system of an image, and the image of its lineage that names it. */
export interface SystemBelow {
  readonly system: ImageSystem;
  readonly digest: Digest;
  /** As in `ReadSystem`. */
  readonly readAtEpochMs?: number;
}

/**
 * The end of the system of an image. A scanner finds nothing new after it, so past it the image is unknown, or violates where
 * the policy has the rule. Where it has, a system without a known end is unknown. No rebuild on the same base fixes it.
 * @param found absent if no image of its lineage names a system
 */
export function systemReasons(
  image: Pick<ImageProperties, 'digest' | 'tier'>,
  { systemSupported: rule }: Pick<Policy, 'systemSupported'>,
  found: SystemBelow | undefined,
  nowEpochMs: number,
): Reason[] {
  const isRule = appliesTo(rule, image);
  const ruleId = isRule && rule ? rule.id : BUILT_IN_RULES.systemSupported;
  const detail = {
    ...({ ruleId, kind: 'system' } as const),
    ...(found?.system.kind === 'named' && { system: nameOf(found.system) }),
    ...(found && found.digest !== image.digest && { decidedBy: found.digest }),
    ...(isRule && { isRule }),
  };
  const support = systemSupport(found?.system, nowEpochMs);
  switch (support.state) {
    case 'none':
      return [];
    case 'unknown':
      return isRule ? [{ ...detail, effect: 'unknown' }] : [];
    case 'ended':
      return [{ ...detail, effect: isRule ? 'violates' : 'unknown', deadlineEpochMs: support.endsAtEpochMs }];
    default:
      return [{ ...detail, effect: 'due', deadlineEpochMs: support.endsAtEpochMs }];
  }
}

const nameOf = ({ id, version }: Extract<ImageSystem, { kind: 'named' }>) => ({
  id,
  ...(version !== undefined && { version }),
});

/** Whether the end of a system is too far away to report. */
export const isFarEnd = (deadlineEpochMs: number, nowEpochMs: number): boolean =>
  nowEpochMs < deadlineEpochMs - WARN_DAYS * DAY_MS;
