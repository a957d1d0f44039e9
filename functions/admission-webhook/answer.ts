import { cutText } from '../../shared/domain/common/cut-text.ts';
import { visibleLine } from '../../shared/domain/common/visible-text.ts';
import { API_VERSION, REVIEW_KIND } from './input.ts';

/** https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#response */
export interface AdmissionAnswer {
  readonly apiVersion: typeof API_VERSION;
  readonly kind: typeof REVIEW_KIND;
  readonly response: {
    readonly uid: string;
    readonly allowed: boolean;
    readonly status?: { readonly code: 403; readonly reason: 'Forbidden'; readonly message: string };
    readonly warnings?: readonly string[];
    /** A JSON Patch (RFC 6902), in Base64. */
    readonly patchType?: 'JSONPatch';
    readonly patch?: string;
    /** The API server prefixes the names with that of the webhook, and writes them to its audit log. */
    readonly auditAnnotations?: Readonly<Record<string, string>>;
  };
}

/** An image, and what is said about it. */
export interface Remark {
  readonly field: string;
  readonly reference?: string;
  readonly message: string;
}

/**
 * The API server cuts each warning to 256 characters once all of a request have more than 4,096, and drops those with control
 * characters (apiserver/pkg/endpoints/filters/warning.go). So all of ours together stay below.
 */
const MOST_IN_WARNING = 480;
const MOST_WARNINGS = 8;
const MOST_DENIALS = 5;
const MOST_IN_DENIAL = 4000;
const MOST_IN_REFERENCE = 400;

export function allowed(uid: string, warnings: readonly string[] = [], ruleId?: string): AdmissionAnswer {
  return reviewOf({
    ...{ uid, allowed: true },
    ...(warnings.length > 0 && { warnings: shortened(warnings) }),
    ...audited(warnings.length > 0 ? 'warn' : 'allow', ruleId),
  });
}

/** One change of an object. */
export interface Replacement {
  readonly op: 'replace';
  /** A JSON Pointer (RFC 6901). */
  readonly path: string;
  readonly value: string;
}

/** Allowed with changes; without any, as it is. */
export const patched = (
  uid: string,
  changes: readonly Replacement[],
  warnings: readonly string[] = [],
): AdmissionAnswer =>
  reviewOf({
    ...{ uid, allowed: true },
    ...(warnings.length > 0 && { warnings: shortened(warnings) }),
    ...(changes.length > 0 && {
      patchType: 'JSONPatch',
      patch: Buffer.from(JSON.stringify(changes)).toString('base64'),
    }),
  });

export function denied(uid: string, message: string, ruleId: string): AdmissionAnswer {
  return reviewOf({
    ...{ uid, allowed: false },
    status: { code: 403, reason: 'Forbidden', message: cut(message, MOST_IN_DENIAL) },
    ...audited('deny', ruleId),
  });
}

/** A refusal with one more sentence; any other answer as it was. */
export function withLastSentence(answer: AdmissionAnswer, text: string, most = MOST_IN_WARNING): AdmissionAnswer {
  const { status } = answer.response;
  if (!status) return answer;
  const message = `${status.message} ${cut(visibleLine(text), most)}`;
  return { ...answer, response: { ...answer.response, status: { ...status, message } } };
}

/** Names each field with its image, and what to do. */
export function denialOf(remarks: readonly Remark[]): string {
  const shown = remarks.slice(0, MOST_DENIALS).map(({ field, reference, message }) => {
    const image =
      reference === undefined ? '' : ` (${cut(visibleLine(cut(reference, MOST_IN_REFERENCE)), MOST_IN_REFERENCE)})`;
    return `${field}${image}: ${message}`;
  });
  const more = remarks.length - shown.length;
  return [...shown, ...(more > 0 ? [`And ${more} more.`] : [])].join(' ');
}

const audited = (decision: string, ruleId: string | undefined) => ({
  auditAnnotations: { decision, ...(ruleId !== undefined && { rule: ruleId }) },
});

const reviewOf = (response: AdmissionAnswer['response']): AdmissionAnswer => ({
  apiVersion: API_VERSION,
  kind: REVIEW_KIND,
  response,
});

function shortened(warnings: readonly string[]): readonly string[] {
  const kept = warnings.length > MOST_WARNINGS ? warnings.slice(0, MOST_WARNINGS - 1) : warnings;
  const more = warnings.length - kept.length;
  return [...kept, ...(more > 0 ? [`${more} more images of this object have a warning.`] : [])].map((warning) =>
    cut(visibleLine(warning), MOST_IN_WARNING),
  );
}

const cut = (text: string, most: number): string => (text.length > most ? `${cutText(text, most - 1)}…` : text);
