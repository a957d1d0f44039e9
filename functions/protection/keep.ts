import { mapConcurrently } from '../../shared/concurrency.ts';
import type { Digest } from '../../shared/domain/image.ts';
import type { ImageLoss, Looked } from '../../shared/domain/image-loss.ts';
import type { Policy } from '../../shared/domain/policy.ts';
import { isProtectingTag, protectingTag } from '../../shared/domain/protecting-tag.ts';
import { heldBack, type ProtectionRefusal, tagsToTakeBack, wouldNotKeep } from '../../shared/domain/protection.ts';
import { ImageGoneError, TaggerUnreachableError, TagImmutableError } from '../../shared/ports/acting-errors.ts';
import type { ProtectingTags } from '../../shared/ports/protecting-tags.ts';
import type { SwitchLedger } from '../../shared/ports/rebuilds.ts';
import type { Forecast, Look } from './look.ts';

/** PutImage takes 10 calls a second: https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html */
const TAGS_AT_ONCE = 2;

export interface KeepPorts {
  readonly killSwitch: Pick<SwitchLedger, 'read'>;
  readonly tags: ProtectingTags;
}

export interface Kept {
  readonly losses: readonly ImageLoss[];
  /** Protecting tags that stand in the repository. */
  readonly tagged: number;
}

/**
 * Gives what will be lost a tag that a rule of its repository keeps, and takes back the tags of what nobody needs any more:
 * only where the policy asks for it and lets the stream act, and nobody paused Patchwave. What may not be tagged, or
 * would not be kept by it, stays told, with the reason.
 */
export async function keep(
  ports: KeepPorts,
  policy: Policy,
  looked: Looked,
  { losses, forecast }: Look,
): Promise<Kept> {
  const standing = (forecast?.images ?? []).flatMap(({ tags }) => tags.filter(isProtectingTag)).length;
  if (!forecast || policy.protection !== 'tag') return { losses, tagged: standing };
  const held = heldBack(policy, looked.location, (await ports.killSwitch.read()).state === 'paused');
  if (held) return { losses: losses.map((loss) => refused(loss, held)), tagged: standing };
  const answered = await mapConcurrently(losses, TAGS_AT_ONCE, (loss) => rescue(ports, looked, forecast, loss));
  const left = answered.flatMap((loss) => loss ?? []);
  const taken = await takeBack(ports, looked, forecast);
  const put = new Set(losses.filter((loss) => !left.some(({ digest }) => digest === loss.digest)).map(targetOf));
  return { losses: left, tagged: standing + put.size - taken };
}

const targetOf = ({ digest, fate }: ImageLoss): Digest =>
  fate.state === 'lost' ? (fate.loss.through ?? digest) : digest;

/** Only what will be lost can be kept: what is gone or unknown is told as it is. */
const refused = (loss: ImageLoss, refusal: ProtectionRefusal): ImageLoss =>
  loss.fate.state === 'lost' ? { ...loss, refusal } : loss;

/** @returns the loss where it stays one */
async function rescue(
  { tags }: KeepPorts,
  { location, nowEpochMs, horizonMs }: Looked,
  { foresight, images, rules }: Forecast,
  told: ImageLoss,
): Promise<ImageLoss | undefined> {
  if (told.fate.state !== 'lost') return told;
  const digest = targetOf(told);
  const image = images.find((one) => one.digest === digest);
  if (!image) return told;
  const untilEpochMs = nowEpochMs + horizonMs;
  const refusal = wouldNotKeep(foresight, { rules, image, loss: told.fate.loss, untilEpochMs });
  if (refusal) return { ...told, refusal };
  try {
    await tags.tag(location, digest, protectingTag(digest));
    return undefined;
  } catch (error) {
    const isRefused =
      error instanceof TaggerUnreachableError || error instanceof TagImmutableError || error instanceof ImageGoneError;
    if (!isRefused) throw error;
    return { ...told, refusal: { reason: 'not-permitted', detail: error.message } };
  }
}

/** @returns how many tags are gone */
async function takeBack({ tags }: KeepPorts, { location, used }: Looked, forecast: Forecast): Promise<number> {
  const needed = new Set([...used.map(({ digest }) => digest), ...[...forecast.holders.values()].flat()]);
  const free = tagsToTakeBack(forecast.images, needed);
  const taken = await mapConcurrently(free, TAGS_AT_ONCE, async ({ tag }) => tags.untag(location, tag));
  return taken.filter(Boolean).length;
}
