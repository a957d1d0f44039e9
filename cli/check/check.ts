import { isRefusal } from '../../shared/adapters/refusal.ts';
import { type Digest, type ImageLocation, locationKey, type Platform } from '../../shared/domain/image/image.ts';
import type { LocationRecord } from '../../shared/domain/image/image-properties.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { streamsAt } from '../../shared/domain/stream/stream.ts';
import { type CurrentVerdict, currentVerdict, currentVerdictAt } from '../../shared/domain/verdict/current-verdict.ts';
import type { VerdictStatus } from '../../shared/domain/verdict/verdict.ts';
import { imagesUnder } from '../../shared/inventory/index-images.ts';
import type { PolicyVersion } from '../../shared/ports/policies.ts';
import type { CliContext } from '../command.ts';
import type { CheckTarget } from './target.ts';

export interface CheckedImage extends CurrentVerdict {
  readonly digest: Digest;
  readonly platform?: Platform;
}

export interface CheckAnswer {
  readonly digest: Digest;
  readonly location?: ImageLocation;
  /** The strictest of all images. */
  readonly status: VerdictStatus;
  /** The image itself, or those of an index; never empty. */
  readonly images: readonly CheckedImage[];
  readonly policyVersion: string;
  /** Why Patchwave could not be asked to judge the image. */
  readonly problem?: string;
}

export type CheckImagePorts = Pick<
  CliContext,
  'images' | 'places' | 'fleetPlaces' | 'policies' | 'refreshes' | 'pauses' | 'clock'
>;

/** A request may be lost, and so may the event of a scan: it is repeated, which requests no second scan. */
const ASK_AGAIN_MS = 5 * 60_000;

/**
 * The verdict on an image. If none counts now, it has Patchwave read, scan, place and judge the image, and looks again until
 * one counts or the time is over.
 * @param progress gets what the answer waits for, whenever that changes
 */
export async function checkImage(
  ports: CheckImagePorts,
  target: CheckTarget,
  { waitMs, progress }: { readonly waitMs: number; readonly progress: (text: string) => void },
): Promise<CheckAnswer> {
  const endsAtEpochMs = ports.clock() + waitMs;
  let askedAtEpochMs = Number.NEGATIVE_INFINITY;
  let reported: string | undefined;
  let refused: { readonly problem: string } | undefined;
  for (let attempt = 1; ; attempt += 1) {
    const inForce = await ports.policies.current();
    const answer = await answerOf(ports, target, inForce);
    const waitsFor = awaitedIn(answer);
    if (waitsFor === undefined) return answer;
    const asking = askingFor(inForce.policy, target);
    if ('problem' in asking) return { ...answer, ...asking };
    const nowEpochMs = ports.clock();
    if (nowEpochMs - askedAtEpochMs >= ASK_AGAIN_MS) {
      const request = { kind: 'refresh', stream: asking.stream, digest: target.digest, judges: true } as const;
      refused = await ports.refreshes.send([request]).then(() => undefined, refusalIn);
      askedAtEpochMs = nowEpochMs;
    }
    if (nowEpochMs >= endsAtEpochMs) return { ...answer, ...(refused ?? unfoundIn(answer, attempt === 1)) };
    if (waitsFor !== reported) progress(`Waiting for ${waitsFor}`);
    reported = waitsFor;
    await ports.pauses.wait(attempt);
  }
}

async function answerOf(
  { images, places, fleetPlaces, clock }: CheckImagePorts,
  { digest, location }: CheckTarget,
  inForce: PolicyVersion,
): Promise<CheckAnswer> {
  const under = await imagesUnder(places, digest);
  const digests = under.length > 0 ? under : [digest];
  const records = await images.get(digests);
  const placed = location
    ? await fleetPlaces.locationsOf(digests.map((one) => ({ digest: one, locations: [location] })))
    : new Map<Digest, readonly LocationRecord[]>();
  const checked = digests.map((one) => {
    const record = records.get(one);
    const { platform } = record ?? {};
    const verdict = location
      ? currentVerdictAt(record, location, placed.get(one) ?? [], inForce, clock())
      : currentVerdict(record, inForce, clock());
    return { digest: one, ...(platform && { platform }), ...verdict };
  });
  return {
    ...{ digest, status: strictest(checked), images: checked, policyVersion: inForce.version },
    ...(location && { location }),
  };
}

function strictest(images: readonly CheckedImage[]): VerdictStatus {
  if (images.some(({ status }) => status === 'violating')) return 'violating';
  return images.some(({ status }) => status === 'unknown') ? 'unknown' : 'compliant';
}

/** A violation is an answer, whatever the other images of an index are. */
const awaitedIn = ({ status, images }: CheckAnswer): string | undefined =>
  status === 'violating' ? undefined : images.find(({ waitsFor }) => waitsFor !== undefined)?.waitsFor;

/** @param isJustAsked nothing has looked for the image since Patchwave was asked to */
function unfoundIn({ images }: CheckAnswer, isJustAsked: boolean): { readonly problem: string } | undefined {
  if (!images.some(({ isUnfound }) => isUnfound)) return undefined;
  if (isJustAsked)
    return {
      problem:
        'Patchwave was asked just now to look for the image there. Run the command again, or wait with --wait 15.',
    };
  return {
    problem:
      'The repository does not have the image, or Patchwave cannot read the registry. Check the digest, and whether a review reads the registry: patchwave status',
  };
}

/** Without the right to request it, a verdict may still come: of a head, or of what runs. */
function refusalIn(error: unknown): { readonly problem: string } {
  if (!isRefusal(error)) throw error;
  return {
    problem:
      'Your credentials may not request the verdict. docs/pipelines.md says which images get one without a request.',
  };
}

/** A stream of the repository, by which Patchwave can be asked to read it. */
function askingFor(policy: Policy, { location }: CheckTarget): { stream: string } | { problem: string } {
  if (!location)
    return {
      problem:
        'Patchwave does not know where the image is. Name it with its repository: REGISTRY/REPOSITORY@sha256:...',
    };
  const [stream] = streamsAt(policy, location);
  if (stream !== undefined) return { stream };
  return {
    problem: `No rule in \`streams\` of the policy names ${locationKey(location)}, so Patchwave judges the image only while it runs. Add a rule for the repository.`,
  };
}
