import type { AdmissionReview } from '../../functions/admission-webhook/input.ts';

type Request = AdmissionReview['request'];

/** A review as an API server sends it: the creation of a pod by a person. */
export const reviewOf = (changes: Partial<Request> & { readonly object?: unknown } = {}): AdmissionReview => ({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: {
    uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
    kind: { group: '', version: 'v1', kind: 'Pod' },
    subResource: '',
    namespace: 'shop',
    name: 'web-1',
    operation: 'CREATE',
    userInfo: { username: 'ada', groups: ['developers', 'system:authenticated'] },
    oldObject: null,
    dryRun: false,
    ...changes,
  },
});

/** A pod with these images. */
export const podOf = (...images: readonly string[]) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web-1', namespace: 'shop' },
  spec: { containers: images.map((image, index) => ({ name: `c${index}`, image })) },
});

/** An object of a kind with a pod template. */
export const templateOf = (kind: string, group: string, ...images: readonly string[]) => {
  const { spec } = podOf(...images);
  const template = { spec };
  const nested = { PodTemplate: { template }, CronJob: { spec: { jobTemplate: { spec: { template } } } } };
  return {
    kind: { group, version: 'v1', kind },
    object: { kind, metadata: { name: 'web' }, ...(nested[kind as keyof typeof nested] ?? { spec: { template } }) },
  };
};
