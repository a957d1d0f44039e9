import { controllerNamedIn, fieldOf } from './object-field.ts';

/*
 * What a refused person may do with rights of their own: deploy the head of the image's stream. A name in a command comes from
 * a stranger, so a command has only names that no shell reads as anything else.
 */

/** A sentence; the command is left out where it would be too long, or a name has characters that do not belong there. */
export const deployHeadText = (head: string, command: string | undefined): string =>
  command !== undefined && command.length <= MOST_IN_COMMAND
    ? `${head} may start here. Deploy it, for instance: ${command}`
    : `${head} may start here. Name it in place of the refused image, and deploy again.`;

const MOST_IN_COMMAND = 700;

/** https://kubernetes.io/docs/concepts/overview/working-with-objects/names/ */
const NAME = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;

/** Kinds whose pods get another image by `kubectl set image`; that of a Job cannot be changed. */
const SETTABLE: ReadonlyMap<string, string> = new Map(
  ['StatefulSet', 'DaemonSet', 'ReplicationController'].map((kind) => [kind, kind.toLowerCase()]),
);

/**
 * The command that gives the workload of a pod another image.
 * @param pod as an API server sends it: data of a stranger
 * @param field of the refused image in it
 */
export function kubectlSetImage(pod: unknown, namespace: string, field: string, head: string): string | undefined {
  const [, list = '', index = ''] = /^spec\.(containers|initContainers)\[(\d+)\]\.image$/.exec(field) ?? [];
  const containers = fieldOf(fieldOf(pod, 'spec'), list);
  const container = Array.isArray(containers) ? nameIn(fieldOf(containers[Number(index)], 'name')) : undefined;
  const workload = workloadOf(pod);
  if (container === undefined || workload === undefined || !NAME.test(namespace)) return undefined;
  return `kubectl -n ${namespace} set image ${workload} ${container}=${head}`;
}

/** The controller of a pod; of a Deployment the pod names the ReplicaSet, and its label the end of that name. */
function workloadOf(pod: unknown): string | undefined {
  const metadata = fieldOf(pod, 'metadata');
  const owner = controllerNamedIn(metadata);
  const [kind, name] = [fieldOf(owner, 'kind'), nameIn(fieldOf(owner, 'name'))];
  if (name === undefined || typeof kind !== 'string') return undefined;
  const settable = SETTABLE.get(kind);
  if (settable !== undefined) return `${settable}/${name}`;
  const hash = nameIn(fieldOf(fieldOf(metadata, 'labels'), 'pod-template-hash'));
  const isOfDeployment = kind === 'ReplicaSet' && hash !== undefined && name.endsWith(`-${hash}`);
  return isOfDeployment ? `deployment/${name.slice(0, -hash.length - 1)}` : undefined;
}

const nameIn = (value: unknown): string | undefined =>
  typeof value === 'string' && NAME.test(value) ? value : undefined;

/** https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html */
const ECS_NAME = /^[\w-]{1,255}$/;

/** The command that deploys a new revision of a task definition, which the person has to register before. */
export const updateService = (cluster: string, service: string): string | undefined =>
  ECS_NAME.test(cluster) && ECS_NAME.test(service)
    ? `aws ecs update-service --cluster ${cluster} --service ${service} --task-definition <family>, once a revision of the family names it.`
    : undefined;
