/** What the nodes do: pull the images of a new pod and report its containers. */

import { randomUUID } from 'node:crypto';
import type { ImageRuntime } from './image-runtime.ts';
import type { ObjectApi } from './object-api.ts';
import { type JsonDocument, type KubernetesObject, RESOURCES } from './objects.ts';
import { type ContainerSpec, podSpecOf, STARTED_AT } from './pod-template.ts';

export const isRunning = ({ status }: KubernetesObject): boolean => status?.phase === 'Running';

/** A pod whose images could not be pulled is tried again. */
const wasStarted = ({ status }: KubernetesObject): boolean =>
  status?.containerStatuses !== undefined && !JSON.stringify(status.containerStatuses).includes('"ErrImagePull"');

/**
 * Starts a pod that was not started yet. It runs once all its images are pulled; an image that cannot be pulled keeps it
 * `Pending` with the reason `ErrImagePull`.
 */
export async function startPod(api: ObjectApi, runtime: ImageRuntime, pod: KubernetesObject): Promise<void> {
  if (wasStarted(pod)) return;
  const startedAt = pod.metadata.annotations?.[STARTED_AT] ?? `${new Date().toISOString().slice(0, 19)}Z`;
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
