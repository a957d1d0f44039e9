import * as v from '../../shared/schema.ts';

export const API_VERSION = 'admission.k8s.io/v1';
export const REVIEW_KIND = 'AdmissionReview';

const text = (most: number) => v.pipe(v.string(), v.maxLength(most));

/** What the API server asks. https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#request */
const admissionRequest = v.object({
  uid: v.pipe(text(128), v.minLength(1)),
  kind: v.object({ group: text(253), version: text(63), kind: v.pipe(text(63), v.minLength(1)) }),
  subResource: v.optional(text(63), ''),
  /** Empty for an object outside of namespaces. */
  namespace: v.optional(text(253), ''),
  name: v.optional(text(253), ''),
  operation: v.picklist(['CREATE', 'UPDATE', 'DELETE', 'CONNECT']),
  userInfo: v.object({ username: v.optional(v.string(), ''), groups: v.nullish(v.array(v.string()), []) }),
  object: v.optional(v.unknown()),
  oldObject: v.optional(v.unknown()),
  dryRun: v.nullish(v.boolean(), false),
});
export type AdmissionRequest = v.InferOutput<typeof admissionRequest>;

export const admissionReview = v.object({
  apiVersion: v.literal(API_VERSION),
  kind: v.literal(REVIEW_KIND),
  request: admissionRequest,
});
export type AdmissionReview = v.InferOutput<typeof admissionReview>;
