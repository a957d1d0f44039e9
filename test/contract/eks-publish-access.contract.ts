import { readFile } from 'node:fs/promises';
import { CreateAccessEntryCommand, EKSClient, ResourceInUseException } from '@aws-sdk/client-eks';
import { afterAll, beforeAll } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { allowedImagesDefinition } from '../../enforcement/build/allowed-images.ts';
import { makeOpenRole, sessionOf } from '../../local/cloud/probe-kubernetes.ts';
import { type KubernetesObject, RESOURCES } from '../../local/kubernetes/objects.ts';
import { EksAllowedImages } from '../../shared/adapters/eks-allowed-images.ts';
import { type AllowedImagesList, CONSTRAINT_NAMES } from '../../shared/domain/admission/allowed-images.ts';
import type { PublishedLists } from '../../shared/ports/allowed-images.ts';
import { constraintDefinition, shippedConstraint } from '../support/constraint-definition.ts';
import type { KubernetesWorld } from './kubernetes-server.contract.ts';

const MANIFEST = new URL('../../enforcement/access/publish.yaml', import.meta.url);
/** How long an API server may go on with the roles that it read before. */
const ROLES_READ_MS = 10_000;
const RIGHTS = [
  ...(['list', 'get', 'patch', 'create'] as const).map((verb) => [verb, 'allowedimages'] as const),
  ...(['get', 'patch'] as const).map((verb) => [verb, 'patchwaveimages'] as const),
];
const [CONSTRAINT_NAME] = CONSTRAINT_NAMES;

/** A cluster, and a publisher whose role has the access entry that operators make. */
export interface PublishAccessWorld extends Pick<KubernetesWorld, 'place'> {
  readonly admin: Pick<KubernetesWorld['admin'], 'ensure' | 'patch' | 'remove' | 'list'>;
  publisher(): Promise<PublishedLists>;
}

/** A publisher with a role of the embedded cloud, which has an access entry in the cluster. */
export async function publisherIn({
  cloud,
  place,
}: Pick<KubernetesWorld, 'cloud' | 'place'>): Promise<EksAllowedImages> {
  const config = cloud.clients(place.account, place.region);
  const principalArn = await makeOpenRole(config, 'AccessPublish');
  const credentials = await sessionOf(config, principalArn);
  const entry = { clusterName: place.cluster, principalArn, kubernetesGroups: ['patchwave:publish'] };
  // Several suites may share a cluster.
  await new EKSClient(config).send(new CreateAccessEntryCommand(entry)).catch((error: unknown) => {
    if (!(error instanceof ResourceInUseException)) throw error;
  });
  return new EksAllowedImages({
    clients: () => new EKSClient(config),
    credentials: async () => credentials,
    clock: Date.now,
  });
}

interface Rule {
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

/** Lists are published with what `enforcement/access/publish.yaml` grants, and need every part of it. */
export function eksPublishAccessContract(world: () => PublishAccessWorld): void {
  let publisher: PublishedLists;
  let role: KubernetesObject;
  let lists = 0;

  beforeAll(async () => {
    const { admin } = world();
    const documents = parseAllDocuments(await readFile(MANIFEST, 'utf8')).map((one) => one.toJS() as KubernetesObject);
    for (const document of documents) await admin.ensure(document);
    await admin.ensure(allowedImagesDefinition as unknown as KubernetesObject);
    await admin.ensure(constraintDefinition());
    const makes = () =>
      admin.ensure(shippedConstraint(CONSTRAINT_NAME)).then(
        () => undefined,
        (error: unknown) => error,
      );
    await until(makes);
    const found = documents.find(({ kind }) => kind === 'ClusterRole');
    if (found === undefined) throw new Error('publish.yaml has no ClusterRole');
    role = found;
    publisher = await world().publisher();
    await until(publishes);
  }, 60_000);

  /** Every call of the publisher: a list of names, a new list, a read, a list that is there; a read and a list of a constraint. */
  async function publishes(): Promise<unknown> {
    const name = `access-${++lists}`;
    const list: AllowedImagesList = {
      ...{ notAfter: '2026-11-30T00:00:00Z', readAt: '2026-11-29T00:00:00Z', policyVersion: 'x' },
      ...{ digests: {}, running: {} },
    };
    return publisher
      .inCluster(world().place, AbortSignal.timeout(30_000), async (cluster) => {
        await cluster.names();
        await cluster.write(name, list, undefined);
        await cluster.write(name, list, await cluster.read(name));
        const before = await cluster.constraints.read(CONSTRAINT_NAME);
        await cluster.constraints.write(CONSTRAINT_NAME, list, before);
      })
      .then(
        () => undefined,
        (error: unknown) => error,
      );
  }

  async function until(work: () => Promise<unknown>): Promise<void> {
    for (const giveUpAtEpochMs = Date.now() + ROLES_READ_MS; ; ) {
      const refusal = await work();
      if (refusal === undefined) return;
      if (Date.now() > giveUpAtEpochMs) throw refusal;
    }
  }

  afterAll(() => world().admin.remove(RESOURCES.constraints, shippedConstraint(CONSTRAINT_NAME)));

  test('it grants these verbs on two resources, and nothing else', () => {
    expect(role.rules).toEqual([
      { apiGroups: ['patchwave.dev'], resources: ['allowedimages'], verbs: ['list', 'get', 'patch', 'create'] },
      { apiGroups: ['constraints.gatekeeper.sh'], resources: ['patchwaveimages'], verbs: ['get', 'patch'] },
    ]);
  });

  test('what the manifest grants suffices', async () => {
    expect(await publishes()).toBeUndefined();
  });

  test.each(RIGHTS)(
    'without the right to %s %s nothing is published there',
    async (verb, resource) => {
      const { admin } = world();
      const rules = (role.rules as readonly Rule[]).map(({ resources, verbs, ...rule }) => {
        const isOther = !resources.includes(resource);
        return { ...rule, resources, verbs: verbs.filter((one) => isOther || one !== verb) };
      });
      await admin.patch(RESOURCES.clusterRoles, role, { rules });
      try {
        let refusal = await publishes();
        for (const end = Date.now() + ROLES_READ_MS; refusal === undefined && Date.now() < end; )
          refusal = await publishes();
        expect(refusal).toMatchObject({
          name: 'ClusterForbiddenError',
          message: expect.stringContaining(`not allowed to ${verb} ${resource}`),
        });
      } finally {
        await admin.patch(RESOURCES.clusterRoles, role, { rules: role.rules });
        await until(publishes);
      }
    },
    60_000,
  );
}
