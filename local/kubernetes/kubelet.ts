/** What the nodes do: pull the images of a new pod and report its containers. */

import { randomUUID } from 'node:crypto';
import type { ControlledCluster, WaitMs } from './controlled-cluster.ts';
import type { ImageRuntime } from './image-runtime.ts';
import { isObject, type JsonDocument, type KubernetesObject, RESOURCES } from './objects.ts';
import { type ContainerSpec, podSpecOf, STARTED_AT } from './pod-template.ts';

/** How soon an image that could not be pulled is pulled again. Real nodes wait longer each time. */
const RETRY_PULL_MS = 5_000;

export const isRunning = ({ status }: KubernetesObject): boolean => status?.phase === 'Running';

/** When a running pod has been ready for as long as its workload asks for; `undefined` if it does not run. */
export function availableAtEpochMs(pod: KubernetesObject, minReadySeconds = 0): number | undefined {
  if (!isRunning(pod)) return undefined;
  const conditions = pod.status?.conditions;
  const ready = Array.isArray(conditions) ? conditions.find((one) => isObject(one) && one.type === 'Ready') : undefined;
  return Date.parse(String(ready?.lastTransitionTime)) + minReadySeconds * 1000;
}

/** A pod whose images could not be pulled is tried again. */
const wasStarted = ({ status }: KubernetesObject): boolean =>
  status?.containerStatuses !== undefined && !JSON.stringify(status.containerStatuses).includes('"ErrImagePull"');

/**
 * Starts a pod that was not started yet, once its time has come. It runs once all its images are pulled; an image that
 * cannot be pulled keeps it `Pending` with the reason `ErrImagePull`.
 */
export async function startPod(
  { api, runtime, startMs = 0, nowEpochMs = Date.now }: ControlledCluster,
  pod: KubernetesObject,
): Promise<WaitMs> {
  if (wasStarted(pod)) return undefined;
  const past = pod.metadata.annotations?.[STARTED_AT];
  // The server writes whole seconds, so a pod starts up to a second early.
  const waitMs = Date.parse(pod.metadata.creationTimestamp ?? '') + startMs - nowEpochMs();
  if (past === undefined && startMs > 0 && waitMs > 0) return waitMs;
  const startedAt = past ?? `${new Date(nowEpochMs()).toISOString().slice(0, 19)}Z`;
  const { containers, initContainers = [] } = podSpecOf(pod);
  const of = (list: readonly ContainerSpec[], isInit: boolean) =>
    Promise.all(list.map((container) => statusOf(runtime, container, isInit, startedAt)));
  const [init, main] = [await of(initContainers, true), await of(containers, false)];
  const isPulled = [...init, ...main].every(({ imageID }) => imageID !== '');
  await api.patchStatus(RESOURCES.pods, pod, {
    phase: isPulled ? 'Running' : 'Pending',
    startTime: startedAt,
    conditions: [{ type: 'Ready', status: isPulled ? 'True' : 'False', lastTransitionTime: startedAt }],
    ...(init.length > 0 && { initContainerStatuses: init }),
    containerStatuses: main,
  });
  return isPulled ? undefined : RETRY_PULL_MS;
}
async function statusOf(
  runtime: ImageRuntime,
  { name, image, restartPolicy }: ContainerSpec,
  isInit: boolean,
  startedAt: string,
): Promise<JsonDocument & { readonly imageID: string }> {
  const imageID = await runtime.pull(image);
  const base = { name, image, restartCount: 0 };
  if (imageID === undefined) {
    const waiting = { reason: 'ErrImagePull', message: `failed to pull and unpack image "${image}": not found` };
    return { ...base, imageID: '', ready: false, started: false, state: { waiting } };
  }
  const hasEnded = isInit && restartPolicy !== 'Always';
  const containerID = `containerd://${randomUUID().replaceAll('-', '')}`;
  const ended = { exitCode: 0, reason: 'Completed', startedAt, finishedAt: startedAt, containerID };
  return {
    ...base,
    imageID,
    containerID,
    ready: true,
    started: !hasEnded,
    state: hasEnded ? { terminated: ended } : { running: { startedAt } },
  };
}
