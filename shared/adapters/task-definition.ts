import type { ContainerDefinition, RegisterTaskDefinitionCommandInput, Tag, TaskDefinition } from '@aws-sdk/client-ecs';

type Registered = Omit<RegisterTaskDefinitionCommandInput, 'tags'>;

/** What ECS adds to a definition when it is registered; RegisterTaskDefinition takes none of it. */
type Added =
  | 'taskDefinitionArn'
  | 'revision'
  | 'status'
  | 'requiresAttributes'
  | 'compatibilities'
  | 'registeredAt'
  | 'registeredBy'
  | 'deregisteredAt'
  | 'deleteRequestedAt';

/**
 * Everything by which a definition was registered. Each member is named, and the type asks for all of them: an SDK that
 * knows one more does not compile until it is copied too, or named as added by ECS.
 */
const copied = (definition: TaskDefinition): Record<Exclude<keyof TaskDefinition, Added>, unknown> & Registered => ({
  family: definition.family,
  taskRoleArn: definition.taskRoleArn,
  executionRoleArn: definition.executionRoleArn,
  networkMode: definition.networkMode,
  containerDefinitions: definition.containerDefinitions,
  volumes: definition.volumes,
  placementConstraints: definition.placementConstraints,
  requiresCompatibilities: definition.requiresCompatibilities,
  cpu: definition.cpu,
  memory: definition.memory,
  pidMode: definition.pidMode,
  ipcMode: definition.ipcMode,
  proxyConfiguration: definition.proxyConfiguration,
  inferenceAccelerators: definition.inferenceAccelerators,
  ephemeralStorage: definition.ephemeralStorage,
  runtimePlatform: definition.runtimePlatform,
  enableFaultInjection: definition.enableFaultInjection,
});

/** The same definition, as it is registered again; tags of AWS itself cannot be given. */
export function registrable(definition: TaskDefinition, tags: readonly Tag[] = []): RegisterTaskDefinitionCommandInput {
  const given = tags.filter(({ key }) => !key?.startsWith('aws:')).sort((one, other) => order(one.key, other.key));
  return { ...copied(definition), ...(given.length > 0 && { tags: given }) };
}

/** The same with other images in those containers, or the names of those that it has not. */
export function withContainerImages(
  input: RegisterTaskDefinitionCommandInput,
  images: ReadonlyMap<string, string>,
): RegisterTaskDefinitionCommandInput | { readonly strangers: readonly string[] } {
  const containers: readonly ContainerDefinition[] = input.containerDefinitions ?? [];
  const strangers = [...images.keys()].filter((wanted) => !containers.some(({ name }) => name === wanted));
  if (strangers.length > 0) return { strangers };
  const containerDefinitions = containers.map((container) => {
    const image = images.get(container.name ?? '');
    return image === undefined ? container : { ...container, image };
  });
  return { ...input, containerDefinitions };
}

const order = (one = '', other = ''): number => (one < other ? -1 : Number(one > other));
