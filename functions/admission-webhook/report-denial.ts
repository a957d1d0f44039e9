import { digestsToRead } from '../../shared/domain/admission/admit.ts';
import { deployHeadText, kubectlSetImage } from '../../shared/domain/admission/deploy-head.ts';
import { controllerNamedIn, fieldOf } from '../../shared/domain/admission/object-field.ts';
import type { StartDenial } from '../../shared/domain/admission/start-denial.ts';
import { cutText } from '../../shared/domain/common/cut-text.ts';
import { visibleLine } from '../../shared/domain/common/visible-text.ts';
import type { DoorPlace } from '../../shared/domain/policy/doors.ts';
import { type DeniedImage, readDenied } from '../../shared/judging/read-denied.ts';
import { withLastSentence } from './answer.ts';
import type { AdmissionRequest } from './input.ts';
import type { DeniedStart, ReviewedAdmission, ReviewPorts } from './reviewed.ts';

/** In one answer. */
const MOST_HEADS = 3;
/** Of one review. */
const MOST_RECORDED = 20;
const MOST_IN_SENTENCE = 1500;

/**
 * Says in a refusal what may start in place of the images, and records the refusal for its owner. Neither changes the decision:
 * what fails, or takes too long, is left out and counted.
 */
export async function reportDenial(
  ports: ReviewPorts,
  place: DoorPlace,
  request: AdmissionRequest,
  reviewed: ReviewedAdmission,
): Promise<ReviewedAdmission> {
  const denied = (reviewed.denied ?? []).slice(0, MOST_RECORDED);
  if (denied.length === 0) return reviewed;
  const { known, unread } = await whatMayStart(ports, place, reviewed.unread === undefined ? denied : []);
  const answer = sentencesOf(denied, known, request, place).reduce(
    (one, sentence) => withLastSentence(one, sentence, MOST_IN_SENTENCE),
    reviewed.answer,
  );
  const unrecorded = request.dryRun ? undefined : await recordAll(ports, denied, known, request, place);
  const unreported = unrecorded ?? unread;
  return { ...reviewed, answer, ...(unreported !== undefined && { unreported }) };
}

type Known = ReadonlyMap<string, DeniedImage>;

async function whatMayStart(
  { streams, soon = (work) => work, ...ports }: ReviewPorts,
  place: DoorPlace,
  denied: readonly DeniedStart[],
): Promise<{ readonly known: Known; readonly unread?: unknown }> {
  const references = [...new Set(denied.flatMap(({ reference }) => reference ?? []))];
  if (!streams || references.length === 0) return { known: new Map() };
  try {
    return { known: await soon(readDenied({ ...ports, streams }, place, references)) };
  } catch (unread) {
    return { known: new Map(), unread };
  }
}

function sentencesOf(
  denied: readonly DeniedStart[],
  known: Known,
  { object }: AdmissionRequest,
  { namespace = '' }: DoorPlace,
): readonly string[] {
  const sentences = denied.flatMap(({ field, reference }) => {
    const head = known.get(reference ?? '')?.headToDeploy;
    return head === undefined ? [] : deployHeadText(head, kubectlSetImage(object, namespace, field, head));
  });
  return [...new Set(sentences)].slice(0, MOST_HEADS);
}

/** @returns why one could not be recorded */
async function recordAll(
  { startDenials, soon = (work) => work, clock }: ReviewPorts,
  denied: readonly DeniedStart[],
  known: Known,
  request: AdmissionRequest,
  place: DoorPlace,
): Promise<unknown> {
  if (!startDenials) return undefined;
  const deniedAtEpochMs = clock();
  const workload = workloadText(request);
  const records = denied.map(({ reference, ruleId, message }): StartDenial => {
    const [digest] = digestsToRead([reference]);
    return {
      ...{ door: 'eks-webhook', place, ruleId, message, workload, deniedAtEpochMs },
      ...(reference !== undefined && reference !== '' && { reference: shown(reference) }),
      ...(digest !== undefined && { digest }),
      ...known.get(reference ?? ''),
    };
  });
  try {
    await soon(Promise.all(records.map((denial) => startDenials.record(denial))));
    return undefined;
  } catch (error) {
    return error;
  }
}

/** The controller that makes the pod, else the pod. */
function workloadText({ name, object }: AdmissionRequest): string {
  const metadata = fieldOf(object, 'metadata');
  const owner = controllerNamedIn(metadata);
  const [kind, ofOwner] = [fieldOf(owner, 'kind'), fieldOf(owner, 'name')];
  if (typeof kind === 'string' && typeof ofOwner === 'string') return shown(`${kind}/${ofOwner}`);
  const [given, begin] = [fieldOf(metadata, 'name'), fieldOf(metadata, 'generateName')];
  return shown(`Pod/${[name, given, begin].find((one) => typeof one === 'string' && one !== '') ?? ''}`);
}

const MOST_SHOWN = 400;

const shown = (text: string): string => cutText(visibleLine(cutText(text, MOST_SHOWN)), MOST_SHOWN);
