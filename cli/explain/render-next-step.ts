import { violatedFacts } from '../../shared/domain/cause/cause.ts';
import { visibleLine } from '../../shared/domain/common/visible-text.ts';
import { FOREIGN_TIERS } from '../../shared/domain/image/image.ts';
import type { ImageRecord } from '../../shared/domain/verdict/image-record.ts';
import { answerSentences } from '../acting/answer-text.ts';
import { nodeNote } from '../acting/render-acting.ts';
import { fitted, paint, shortDigest } from '../output.ts';
import type { OldParent, StreamStep } from './old-parent.ts';

/** What must happen before an image is no longer too old because of an ancestor, step by step. */
export function renderOldParent(oldParent: OldParent, image: ImageRecord, now: number): string {
  const { stream } = image;
  const { decidedBy, steps } = oldParent;
  const isOutside = stream === undefined && oldParent.kind !== 'pending';
  const lines = [
    ...(oldParent.kind === 'pending' ? [pendingText(oldParent)] : []),
    ...steps.flatMap((step, at) => stepLines(step, at, oldParent, image, now)),
    ...(isOutside ? [`${steps.length + 1}. The owner of this image builds it again: ${OF_NO_STREAM}.`] : []),
  ];
  return [
    `${paint('bold', 'Next step')} for its age, which counts from ${shortDigest(decidedBy)}:`,
    ...lines.map((line) => fitted(visibleLine(`  ${line}`), 5)),
  ].join('\n');
}

const OF_NO_STREAM = 'no stream of the policy makes it, so Patchwave does not rebuild it';

const MOST_NAMED = 3;

function pendingText({ images, streams }: OldParent): string {
  const unknown = [...images.map((digest) => `the age of ${shortDigest(digest)}`), ...streams.map(headOf)];
  const more = unknown.length > MOST_NAMED ? ` and ${unknown.length - MOST_NAMED} more` : '';
  return `Unknown which stream must be rebuilt first: ${unknown.slice(0, MOST_NAMED).join(', ')}${more} is not known. The next review reads it.`;
}

const headOf = (stream: string): string => `the head of ${stream}`;

function stepLines(
  step: StreamStep,
  at: number,
  oldParent: OldParent,
  image: ImageRecord,
  now: number,
): readonly string[] {
  const { stream, owner, heads } = step;
  const [head] = heads;
  const name = `${stream}${owner === undefined ? '' : ` (owner ${owner})`}`;
  if (oldParent.kind === 'deploy') {
    const newer = `head ${head === undefined ? '-' : shortDigest(head)} of ${name}`;
    return image.inUse
      ? [`1. Deploy ${newer} in place of this image: the head is young enough.`]
      : [`None: no workload runs this image, and ${newer} is young enough.`];
  }
  const why = head === undefined ? 'it has no recorded head' : `its head ${shortDigest(head)} is too old`;
  const isAlone = stream === image.stream;
  const what = at === 0 ? `must be rebuilt${isAlone ? '' : ' first'}: ${why}` : 'must be rebuilt after that';
  return [`${at + 1}. ${name} ${what}.`, `   ${stateText(step, at === 0, oldParent, image, now)}`];
}

/** What Patchwave does with the stream, or the step that is left to a person. */
function stateText(
  step: StreamStep,
  isFirst: boolean,
  { followParents }: OldParent,
  { inUse }: ImageRecord,
  now: number,
): string {
  const { stream, tier, cause, answer, node, obstacle } = step;
  if (node && (cause === 'taken' || !answer)) {
    const note = nodeNote(node);
    return `Cascade ${node.cascadeId} works on it: ${node.state}${note === '' ? '' : `; ${note}`}`;
  }
  if (tier === 'mirrored')
    return 'Patchwave never rebuilds it: it is a copy of the image of a vendor. Import a newer one.';
  if (answer) return answerSentences(answer, now);
  if (obstacle) return answerSentences(obstacle, now);
  if (cause === 'open')
    return 'The planner has not evaluated its open cause yet. To see the result now: patchwave plan';
  if (cause === 'taken') return 'A cascade works on it. To see its state: patchwave status';
  if (!isFirst && followParents === true)
    return `Patchwave rebuilds it when its parent has a new head${
      tier !== 'application' || inUse ? '' : ', if a workload runs it then or `caps.onlyApplicationsInUse` is false'
    }.`;
  return `It has no open cause, so Patchwave does not rebuild it by itself. To request it: patchwave rebuild '${stream}' --reason TEXT`;
}

/** The next step for a violation of an image that no stream makes; empty if a rebuild would not fix it anyway. */
export function renderOutside({ stream, tier, verdict, inUse }: ImageRecord): string {
  if (!inUse || verdict?.status !== 'violating' || violatedFacts(verdict).length === 0) return '';
  const isForeign = FOREIGN_TIERS.includes(tier);
  if (stream !== undefined && !isForeign) return '';
  const next = isForeign
    ? `Patchwave does not rebuild an image of tier ${tier}. Run a newer one of its vendor.`
    : `${OF_NO_STREAM[0]?.toUpperCase()}${OF_NO_STREAM.slice(1)}. ${
        tier === 'unmanaged'
          ? 'Name its repository in a stream rule of the policy'
          : 'Its tags match no head tag of the policy: run the head of a stream instead'
      }, or have its owner replace it.`;
  return fitted(`${paint('bold', 'Next step')}: ${next}`, 2);
}
