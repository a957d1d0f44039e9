import { isDeepStrictEqual } from 'node:util';
import { type AdmissionReview, admissionReview } from '../../../functions/admission-webhook/input.ts';
import { pinTags } from '../../../functions/admission-webhook/pin-tags.ts';
import { RememberedReadings } from '../../../functions/admission-webhook/remembered-readings.ts';
import { reviewAdmission } from '../../../functions/admission-webhook/review-admission.ts';
import type { ReviewPorts } from '../../../functions/admission-webhook/reviewed.ts';
import type { Cluster } from '../../../shared/domain/image/usage.ts';
import { parse } from '../../../shared/schema.ts';
import type { ConformanceCase } from './cases.ts';
import { type ConformanceDoor, placeOf, portsFor } from './doors.ts';

/** Where the API server has the objects of a kind. */
export const RESOURCES: Readonly<Record<string, { readonly group: string; readonly resource: string }>> = {
  Pod: { group: '', resource: 'pods' },
  Namespace: { group: '', resource: 'namespaces' },
  Service: { group: '', resource: 'services' },
  ReplicationController: { group: '', resource: 'replicationcontrollers' },
  PodTemplate: { group: '', resource: 'podtemplates' },
  Deployment: { group: 'apps', resource: 'deployments' },
  ReplicaSet: { group: 'apps', resource: 'replicasets' },
  StatefulSet: { group: 'apps', resource: 'statefulsets' },
  DaemonSet: { group: 'apps', resource: 'daemonsets' },
  Job: { group: 'batch', resource: 'jobs' },
  CronJob: { group: 'batch', resource: 'cronjobs' },
};

export const DEVELOPER = { username: 'ada', groups: ['developers', 'system:authenticated'] };

/** The request as the API server sends it, by way of JSON. */
export function admissionReviewOf({ id, review, place }: ConformanceCase) {
  if (!review) throw new Error(`The case ${id} asks no API server.`);
  const { kind, operation, subresource, user = DEVELOPER, dryRun, object = null, oldObject = null } = review;
  const { group, resource } = RESOURCES[kind] ?? { group: 'example.com', resource: 'others' };
  const isNamespace = kind === 'Namespace';
  const request = {
    ...{ uid: `case-${id}`, operation, dryRun, object, oldObject, userInfo: user },
    kind: { group, version: 'v1', kind },
    resource: { group, version: 'v1', resource },
    ...(subresource !== undefined && { subResource: subresource }),
    ...(isNamespace ? { name: place.namespace } : { name: 'web', namespace: place.namespace }),
  };
  const sent = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request };
  return parse(admissionReview, JSON.parse(JSON.stringify(sent)));
}

/** The request after the mutating webhook, which the API server asks first. It must ask for no change the second time. */
async function asPinned(ports: ReviewPorts, cluster: Cluster, review: AdmissionReview): Promise<AdmissionReview> {
  const { patch } = (await pinTags(ports, cluster, review)).answer.response;
  if (patch === undefined) return review;
  const object = structuredClone(review.request.object);
  for (const { path, value } of JSON.parse(Buffer.from(patch, 'base64').toString())) {
    const [list, index, field] = path.slice('/spec/'.length).split('/');
    const container = (object as PodObject).spec[list]?.[index];
    if (container) container[field] = value;
  }
  return asPinned(ports, cluster, { ...review, request: { ...review.request, object } });
}

interface PodObject {
  readonly spec: Record<string, Record<string, Record<string, unknown>>>;
}

export const webhookDoor: ConformanceDoor = {
  name: 'webhook',
  can: ({ review }) => review !== undefined,
  async decide(one) {
    const { account, region, cluster } = one.place;
    const read = await portsFor(one, placeOf(one));
    const review = await asPinned(read, { account, region, cluster }, admissionReviewOf(one));
    const ports = { ...read, remembered: new RememberedReadings(60_000, read.clock) };
    const ask = () => reviewAdmission(ports, { account, region, cluster }, review);
    const first = await ask();
    const { answer, decision, ruleId } = first;
    const { isRemembered, ...again } = await ask();
    const isSame = isDeepStrictEqual(again, first);
    if (!isSame || (isRemembered && decision === 'deny'))
      throw new Error(`Asked once more, the webhook answers ${JSON.stringify(again)} to ${one.id}.`);
    const { uid, allowed, status, warnings = [] } = answer.response;
    // What the API server sees must say the same as what is logged.
    const seen = allowed ? (warnings.length > 0 ? 'warn' : 'allow') : 'deny';
    if (uid !== review.request.uid || seen !== decision || (status?.message === '' && !allowed))
      throw new Error(`The answer to ${one.id} is ${JSON.stringify(answer)}, and the decision ${decision}.`);
    return { decision, ...(ruleId !== undefined && { rule: ruleId }) };
  },
};
