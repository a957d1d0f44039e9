import { setTimeout as sleep } from 'node:timers/promises';
import { CreateAccessEntryCommand, DeleteAccessEntryCommand, EKSClient } from '@aws-sdk/client-eks';
import { beforeAll } from '@jest/globals';
import { allowedImagesDefinition } from '../../enforcement/build/allowed-images.ts';
import type { ClusterPlace } from '../../local/cloud/admin-types.ts';
import { eventually } from '../../local/cloud/probe.ts';
import { eksToken, makeOpenRole, type SessionCredentials, sessionOf } from '../../local/cloud/probe-kubernetes.ts';
import type { Cloud } from '../../local/cloud.ts';
import type { AdminApi } from '../../local/kubernetes/admin-api.ts';
import { makeEksCluster } from '../../local/kubernetes/eks.ts';
import { type KubernetesObject, RESOURCES } from '../../local/kubernetes/objects.ts';
import { mapConcurrently } from '../../shared/concurrency.ts';
import { askKubernetes, type KubernetesAddress, type KubernetesQuestion } from '../support/kubernetes.ts';
import { digestOf } from '../support/samples.ts';

/** A running API server whose cluster is in the embedded cloud's EKS. */
export interface KubernetesWorld extends KubernetesAddress {
  readonly cloud: Cloud;
  readonly place: ClusterPlace;
  readonly admin: AdminApi;
  /** How long an accepted token goes on being accepted, once its access entry is gone. */
  readonly tokensCachedMs: number;
  /** Lets the controllers do what there is to do for these workloads. */
  control(...workloads: readonly KubernetesObject[]): Promise<void>;
  /** The continue tokens that were given out expire at once or within 45 s. */
  expireContinueTokens(): Promise<void>;
  /** The same cluster at an address at which this many parallel requests are too many. */
  overloaded(requests: number): Promise<KubernetesAddress>;
}

const READERS = 'patchwave:readers';
const MINUTE_MS = 60_000;

/** What clients rely on. The real API server and the one of this repository both hold it. */
export function kubernetesServerContract(world: () => KubernetesWorld): void {
  let credentials: SessionCredentials;
  let strangers: SessionCredentials;
  let principalArn: string;

  const config = () => world().cloud.clients(world().place.account, world().place.region);
  const token = (changes: Partial<Parameters<typeof eksToken>[0]> = {}) =>
    eksToken({ region: world().place.region, cluster: world().place.cluster, credentials, ...changes });
  const ask = (path: string, question: KubernetesQuestion = {}) =>
    askKubernetes(world(), path, { token: token(), ...question });

  beforeAll(async () => {
    const { admin, place } = world();
    principalArn = await makeOpenRole(config(), 'ClusterReader');
    credentials = await sessionOf(config(), principalArn, 'inventory');
    strangers = await sessionOf(config(), await makeOpenRole(config(), 'Stranger'));
    await new EKSClient(config()).send(
      new CreateAccessEntryCommand({ clusterName: place.cluster, principalArn, kubernetesGroups: [READERS] }),
    );
    await makeEksCluster(world().cloud, { ...place, cluster: 'another' });
    const verbs = ['get', 'list'];
    await admin.ensure({
      ...{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'readers' } },
      rules: [
        { apiGroups: [''], resources: ['pods'], verbs },
        { apiGroups: ['apps'], resources: ['replicasets', 'controllerrevisions'], verbs },
        { apiGroups: ['apps'], resources: ['deployments'], verbs: [...verbs, 'patch'] },
        { apiGroups: ['patchwave.dev'], resources: ['allowedimages'], verbs: [...verbs, 'create', 'patch'] },
      ],
    });
    await admin.ensure({
      ...{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding', metadata: { name: 'readers' } },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'readers' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: READERS }],
    });
    await admin.ensure({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1' } });
    for (const namespace of ['crowd', 'quiet']) await admin.ensureNamespace(namespace);
    // Each pod has 4 KB, as a small one has, so that a page is large enough to be compressed.
    await mapConcurrently(
      Array.from({ length: 55 }, (_, number) => number),
      16,
      async (number) => {
        await admin.create(RESOURCES.pods, podNamed('crowd', `crowd-${number}`, { note: 'x'.repeat(4096) }));
      },
    );
    await admin.create(RESOURCES.pods, podNamed('quiet', 'alone'));
  }, 60_000);

  describe('lists', () => {
    test('come in pages; only the last one has no continue token', async () => {
      const names: string[] = [];
      const left: (number | undefined)[] = [];
      let path = '/api/v1/namespaces/crowd/pods?limit=20';
      for (let pages = 1; ; pages += 1) {
        const { status, json } = await ask(path);
        expect([status, json.kind]).toEqual([200, 'PodList']);
        names.push(...(json.items ?? []).map(({ metadata }) => metadata.name));
        left.push(json.metadata?.remainingItemCount);
        const next = json.metadata?.continue ?? '';
        if (next === '') break;
        expect(pages).toBeLessThan(3);
        path = `/api/v1/namespaces/crowd/pods?limit=20&continue=${encodeURIComponent(next)}`;
      }
      expect(new Set(names).size).toBe(55);
      expect(names).toEqual(names.toSorted());
      expect(left).toEqual([35, 15, undefined]);
    });

    test('are of one namespace or of all', async () => {
      const quiet = await ask('/api/v1/namespaces/quiet/pods');
      expect(quiet.json.items?.map(({ metadata }) => metadata.name)).toEqual(['alone']);
      const all = await ask('/api/v1/pods');
      expect(all.json.items?.filter(({ metadata }) => metadata.namespace === 'crowd')).toHaveLength(55);
    });

    test('of a namespace that does not exist are empty', async () => {
      const { status, json } = await ask('/api/v1/namespaces/absent/pods');
      expect([status, json.items]).toEqual([200, []]);
    });

    test('leave the limit unread with resourceVersion=0', async () => {
      const { json } = await ask('/api/v1/namespaces/crowd/pods?limit=20&resourceVersion=0');
      expect(json.items).toHaveLength(55);
    });

    test('are compressed on request, if they are long', async () => {
      const headers = { 'accept-encoding': 'gzip' };
      const long = await ask('/api/v1/namespaces/crowd/pods', { headers });
      expect(long.headers['content-encoding']).toBe('gzip');
      expect(long.bytes.length).toBeLessThan(long.text.length / 4);
      expect(long.json.items).toHaveLength(55);
      const short = await ask('/api/v1/namespaces/quiet/pods', { headers });
      expect(short.headers['content-encoding']).toBeUndefined();
      expect((await ask('/api/v1/namespaces/crowd/pods')).headers['content-encoding']).toBeUndefined();
    });

    test('have only the metadata of their objects on request', async () => {
      const accept = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json';
      const { json } = await ask('/api/v1/namespaces/quiet/pods', { headers: { accept } });
      expect(json).toMatchObject({ kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1' });
      expect(json.items).toMatchObject([{ kind: 'PartialObjectMetadata', metadata: { name: 'alone' } }]);
      expect(json.items?.[0]).not.toHaveProperty('spec');
      const empty = await ask('/api/v1/namespaces/absent/pods', { headers: { accept } });
      expect([empty.status, empty.json.items]).toEqual([200, null]);
    });

    test('select by labels and by fields', async () => {
      const byField = await ask('/api/v1/pods?fieldSelector=metadata.name%3Dalone');
      expect(byField.json.items?.map(({ metadata }) => metadata.name)).toEqual(['alone']);
      const byLabel = await ask('/api/v1/pods?labelSelector=app%3Dcrowd-7');
      expect(byLabel.json.items?.map(({ metadata }) => metadata.name)).toEqual(['crowd-7']);
    });

    test('answer an expired token with 410 and one that lists the rest', async () => {
      const first = await ask('/api/v1/namespaces/crowd/pods?limit=20');
      await world().expireContinueTokens();
      const path = (next = '') => `/api/v1/namespaces/crowd/pods?limit=100&continue=${encodeURIComponent(next)}`;
      let expired = await ask(path(first.json.metadata?.continue));
      for (const giveUpAtEpochMs = Date.now() + 45_000; expired.status === 200 && Date.now() < giveUpAtEpochMs; ) {
        await sleep(500);
        expired = await ask(path(first.json.metadata?.continue));
      }
      expect(expired.status).toBe(410);
      expect(expired.json).toMatchObject({ kind: 'Status', code: 410, reason: 'Expired' });
      expect(expired.json.metadata?.continue).toEqual(expect.any(String));
      const rest = await ask(path(expired.json.metadata?.continue));
      expect(rest.status).toBe(200);
      expect(rest.json.items).toHaveLength(35);
    }, 60_000);

    test('refuse a token that no list gave', async () => {
      const { status, json } = await ask('/api/v1/pods?limit=20&continue=anb3');
      expect([status, json.reason]).toEqual([400, 'BadRequest']);
    });
  });

  describe('access', () => {
    test('a token of the role with the access entry is accepted for 15 minutes', async () => {
      const statusAt = async (ageMs: number) =>
        (await ask('/api/v1/namespaces/quiet/pods', { token: token({ atEpochMs: Date.now() - ageMs }) })).status;
      expect(await statusAt(0)).toBe(200);
      expect(await statusAt(14 * MINUTE_MS)).toBe(200);
      expect(await statusAt(15.5 * MINUTE_MS)).toBe(401);
      expect(await statusAt(-4 * MINUTE_MS)).toBe(200);
      expect(await statusAt(-6 * MINUTE_MS)).toBe(401);
    });

    test.each<[string, () => Partial<Parameters<typeof eksToken>[0]>]>([
      ['for another cluster', () => ({ cluster: 'another' })],
      ['of a role without an access entry', () => ({ credentials: strangers })],
      ['with another secret', () => ({ credentials: { ...credentials, secretAccessKey: 'wrong' } })],
      ['that expires too late', () => ({ expiresSeconds: 901 })],
      ['for a host that is not STS', () => ({ host: '127.0.0.1' })],
    ])('a token %s is answered 401 with a Status', async (_, changes) => {
      const { status, json } = await ask('/api/v1/pods', { token: token(changes()) });
      expect(status).toBe(401);
      expect(json).toMatchObject({ kind: 'Status', status: 'Failure', reason: 'Unauthorized', code: 401 });
    });

    test('a session without its token, and a text that is no token, are answered 401', async () => {
      const { sessionToken: _, ...incomplete } = credentials;
      expect((await ask('/api/v1/pods', { token: token({ credentials: incomplete }) })).status).toBe(401);
      expect((await ask('/api/v1/pods', { token: 'junk' })).status).toBe(401);
    });

    test('without credentials the caller is anonymous, and refused', async () => {
      const { status, json } = await askKubernetes(world(), '/api/v1/pods');
      expect([status, json.reason]).toEqual([403, 'Forbidden']);
      expect(json.message).toContain('system:anonymous');
    });

    test('what no role allows is answered 403 with the verb and the resource', async () => {
      const { status, json } = await ask('/api/v1/nodes');
      expect(status).toBe(403);
      expect(json).toMatchObject({ kind: 'Status', reason: 'Forbidden', code: 403 });
      expect(json.message).toContain('cannot list resource "nodes" in API group "" at the cluster scope');
      expect(json.message).toContain('assumed-role/ClusterReader/inventory');
      const body = { metadata: { labels: { changed: 'yes' } } };
      const headers = { 'content-type': 'application/merge-patch+json' };
      const patch = await ask('/api/v1/namespaces/quiet/pods/alone', { method: 'PATCH', headers, body });
      expect(patch.status).toBe(403);
      expect(patch.json.message).toContain('cannot patch resource "pods" in API group "" in the namespace "quiet"');
    });

    test('a token is refused once its access entry is gone', async () => {
      const { place, tokensCachedMs } = world();
      const eks = new EKSClient(config());
      const roleArn = await makeOpenRole(config(), 'Leaver');
      const entry = { clusterName: place.cluster, principalArn: roleArn };
      await eks.send(new CreateAccessEntryCommand({ ...entry, kubernetesGroups: [READERS] }));
      const leaver = token({ credentials: await sessionOf(config(), roleArn) });
      expect((await ask('/api/v1/namespaces/quiet/pods', { token: leaver })).status).toBe(200);
      await eks.send(new DeleteAccessEntryCommand(entry));
      const giveUpAtEpochMs = Date.now() + 2 * tokensCachedMs + 2000;
      let status = 200;
      while (status === 200 && Date.now() < giveUpAtEpochMs) {
        await sleep(50);
        status = (await ask('/api/v1/namespaces/quiet/pods', { token: leaver })).status;
      }
      expect(status).toBe(401);
    }, 60_000);

    test('a client that trusts another authority does not speak to it', async () => {
      const { admin: cloudAdmin } = world().cloud;
      const other = await cloudAdmin.clusterAuthority({ ...world().place, cluster: 'another' });
      const address = { endpoint: world().endpoint, certificateAuthority: other.certificateAuthority };
      await expect(askKubernetes(address, '/api/v1/pods', { token: token() })).rejects.toThrow(
        /certificate|self-signed/,
      );
    });
  });

  test('too many requests are answered 429 in plain text, with a time to wait', async () => {
    const address = await world().overloaded(72);
    const bearer = token();
    const answers = await Promise.all(
      Array.from({ length: 72 }, () => askKubernetes(address, '/api/v1/namespaces/crowd/pods', { token: bearer })),
    );
    const refused = answers.find(({ status }) => status === 429);
    expect(refused).toMatchObject({ status: 429, json: {} });
    expect(refused?.headers['retry-after']).toBe('1');
    expect(refused?.headers['content-type']).toContain('text/plain');
  }, 60_000);

  describe('a deployment', () => {
    const web = (image: string): KubernetesObject => ({
      ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'shop' } },
      spec: {
        replicas: 2,
        selector: { matchLabels: { app: 'web' } },
        template: {
          metadata: { labels: { app: 'web' } },
          spec: {
            containers: [
              { name: 'web', image },
              { name: 'proxy', image: 'docker.io/library/envoy:1' },
            ],
          },
        },
      },
    });
    const v1 = `docker.io/team/web@${digestOf('v1')}`;
    const v2 = `docker.io/team/web@${digestOf('v2')}`;
    const patch = (mediaType: string, body: unknown) =>
      ask('/apis/apps/v1/namespaces/shop/deployments/web', {
        ...{ method: 'PATCH', headers: { 'content-type': mediaType }, body },
      });
    const pods = async () => (await ask('/api/v1/namespaces/shop/pods')).json.items ?? [];
    const settled = async () => {
      const { admin } = world();
      const deployment = await admin.get(RESOURCES.deployments, 'shop', 'web');
      if (deployment !== undefined) await world().control(deployment);
    };

    beforeAll(async () => {
      const { admin } = world();
      await admin.ensureNamespace('shop');
      await admin.create(RESOURCES.deployments, web(v1));
      await settled();
    });

    test('runs pods with digests, and each pod names its owners', async () => {
      const running = await pods();
      expect(running).toHaveLength(2);
      for (const { status } of running) {
        expect(status.phase).toBe('Running');
        expect(status.containerStatuses?.find(({ name }) => name === 'web')?.imageID).toBe(v1);
      }
      const [set] = (await world().admin.list(RESOURCES.replicaSets, 'shop')).map(({ metadata }) => metadata);
      const { status, json } = await ask(`/apis/apps/v1/namespaces/shop/replicasets/${set?.name}`);
      expect([status, json.kind]).toEqual([200, 'ReplicaSet']);
      expect(json.metadata).toMatchObject({ ownerReferences: [{ kind: 'Deployment', name: 'web', controller: true }] });
    });

    test('restarts by an annotation of its template: new pods by a new ReplicaSet', async () => {
      const before = new Set((await pods()).map(({ metadata }) => metadata.name));
      const annotations = { 'kubectl.kubernetes.io/restartedAt': '2026-11-28T05:00:00Z' };
      const answer = await patch('application/merge-patch+json', { spec: { template: { metadata: { annotations } } } });
      expect(answer.status).toBe(200);
      await settled();
      const after = (await pods()).map(({ metadata }) => metadata.name);
      expect(after).toHaveLength(2);
      expect(after.filter((name) => before.has(name))).toEqual([]);
      expect(await world().admin.list(RESOURCES.replicaSets, 'shop')).toHaveLength(2);
      const { metadata, status } = (await world().admin.get(RESOURCES.deployments, 'shop', 'web')) ?? {};
      expect(status).toMatchObject({ replicas: 2, updatedReplicas: 2, readyReplicas: 2 });
      expect([status?.observedGeneration, metadata?.annotations?.['deployment.kubernetes.io/revision']]).toEqual([
        metadata?.generation,
        '2',
      ]);
    });

    test('gets a new image by a strategic merge patch, which leaves the other containers', async () => {
      const containers = [{ name: 'web', image: v2 }];
      const answer = await patch('application/strategic-merge-patch+json', {
        spec: { template: { spec: { containers } } },
      });
      expect(answer.status).toBe(200);
      await settled();
      for (const { status } of await pods()) {
        expect(status.containerStatuses).toHaveLength(2);
        expect(status.containerStatuses?.find(({ name }) => name === 'web')?.imageID).toBe(v2);
      }
    });

    test('refuses a patch of an earlier version with 409, and an unknown format with 415', async () => {
      const stale = { metadata: { resourceVersion: '1', annotations: { a: 'b' } } };
      const conflict = await patch('application/merge-patch+json', stale);
      expect([conflict.status, conflict.json.reason]).toEqual([409, 'Conflict']);
      expect((await patch('application/json', stale)).status).toBe(415);
    });

    test('that does not exist is answered 404 with a Status', async () => {
      const { status, json } = await ask('/apis/apps/v1/namespaces/shop/deployments/absent');
      expect(status).toBe(404);
      expect(json).toMatchObject({ kind: 'Status', reason: 'NotFound', code: 404 });
    });
  });

  describe('a custom resource', () => {
    const collection = '/apis/patchwave.dev/v1/allowedimages';
    const [JSON_TYPE, APPLY] = ['application/json', 'application/apply-patch+yaml'];
    const list = (name: string, spec: object, metadata: object = {}) => ({
      ...{ apiVersion: 'patchwave.dev/v1', kind: 'AllowedImages', metadata: { name, ...metadata } },
      spec: { notAfter: '2026-01-01T00:00:00Z', digests: {}, ...spec },
    });
    const create = (object: object) =>
      ask(`${collection}?fieldManager=patchwave&fieldValidation=Strict`, {
        ...{ method: 'POST', headers: { 'content-type': JSON_TYPE }, body: object },
      });
    const apply = (name: string, object: object, query = 'fieldManager=patchwave&force=true&fieldValidation=Strict') =>
      ask(`${collection}/${name}?${query}`, { method: 'PATCH', headers: { 'content-type': APPLY }, body: object });
    const specOf = async (name: string) => ((await ask(`${collection}/${name}`)).json as KubernetesObject).spec;
    const digits = (letter: string) => letter.repeat(64);

    beforeAll(async () => {
      expect((await ask(collection)).status).toBe(404);
      await world().admin.ensure(allowedImagesDefinition as unknown as KubernetesObject);
      await eventually(
        async () => ((await ask(collection)).status === 200 ? true : undefined),
        'the collection of a new definition',
        30_000,
      );
    }, 60_000);

    test('is created once', async () => {
      const made = await create(list('once', { digests: { [digits('a')]: '' } }));
      expect([made.status, made.json.kind, made.json.metadata?.name]).toEqual([201, 'AllowedImages', 'once']);
      const again = await create(list('once', {}));
      expect([again.status, again.json.reason]).toEqual([409, 'AlreadyExists']);
      expect(await specOf('once')).toMatchObject({ digests: { [digits('a')]: '' } });
      const { json } = await ask(`${collection}?limit=500`);
      expect(json.items?.map(({ metadata }) => metadata.name)).toContain('once');
    });

    test('is applied over one that anybody created, as a whole', async () => {
      await world().admin.create(RESOURCES.allowedImages, list('taken', { digests: { [digits('a')]: '' } }));
      const { json } = await ask(`${collection}/taken`);
      const { resourceVersion } = json.metadata ?? {};
      const applied = await apply('taken', list('taken', { digests: { [digits('b')]: '' } }, { resourceVersion }));
      expect(applied.status).toBe(200);
      expect(await specOf('taken')).toEqual({ notAfter: '2026-01-01T00:00:00Z', digests: { [digits('b')]: '' } });
      expect(applied.json.metadata?.resourceVersion).not.toBe(resourceVersion);
    });

    test('is not applied over a later version', async () => {
      const made = await create(list('later', {}));
      const { resourceVersion } = made.json.metadata ?? {};
      const version = { resourceVersion };
      expect((await apply('later', list('later', { digests: { [digits('a')]: '' } }, version))).status).toBe(200);
      const late = await apply('later', list('later', { digests: { [digits('b')]: '' } }, version));
      expect([late.status, late.json.reason]).toEqual([409, 'Conflict']);
      expect(await specOf('later')).toMatchObject({ digests: { [digits('a')]: '' } });
    });

    test('is applied by a named manager only, and made where there is none', async () => {
      expect((await apply('made', list('made', {}), 'force=true')).status).toBe(422);
      expect((await apply('made', list('made', {}))).status).toBe(201);
    });

    test('that is gone is made again, whatever version is applied', async () => {
      const gone = await apply('gone', list('gone', {}, { resourceVersion: '1' }));
      expect(gone.status).toBe(201);
    });

    test('keeps what another manager wrote and the applied object leaves out', async () => {
      await world().admin.create(RESOURCES.allowedImages, list('others', { policyVersion: 'theirs' }));
      expect((await apply('others', list('others', {}))).status).toBe(200);
      expect(await specOf('others')).toMatchObject({ policyVersion: 'theirs' });
    });

    test('is refused with a field that its definition has not', async () => {
      const unknown = list('unknown', { strange: 'x' });
      const [created, applied] = [await create(unknown), await apply('unknown', unknown)];
      expect([created.status, created.json.message]).toEqual([
        400,
        expect.stringContaining('unknown field "spec.strange"'),
      ]);
      // Not 400: it is no failure of the server all the same.
      expect([applied.status, applied.json.message]).toEqual([
        500,
        expect.stringContaining('.spec.strange: field not declared in schema'),
      ]);
    });
  });

  describe('a patch of a workload', () => {
    const path = '/apis/apps/v1/namespaces/patches/deployments/still';
    const [JSON_PATCH, MERGE] = ['application/json-patch+json', 'application/merge-patch+json'];
    const patch = (mediaType: string, body: unknown, query = '') =>
      ask(`${path}${query}`, { method: 'PATCH', headers: { 'content-type': mediaType }, body });
    const present = async () => {
      await world().control();
      return (await ask(path)).json as unknown as KubernetesObject;
    };
    const annotation = '/spec/template/metadata/annotations';

    beforeAll(async () => {
      const { admin } = world();
      await admin.ensureNamespace('patches');
      const labels = { app: 'still' };
      await admin.create(RESOURCES.deployments, {
        ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'still', namespace: 'patches' } },
        spec: {
          ...{ replicas: 0, selector: { matchLabels: labels } },
          template: { metadata: { labels }, spec: { containers: [{ name: 'app', image: 'docker.io/team/app:1' }] } },
        },
      });
    });

    test('finds what the server adds to a new one', async () => {
      const { spec } = await present();
      expect(spec).toMatchObject({
        ...{ replicas: 0, progressDeadlineSeconds: 600, revisionHistoryLimit: 10 },
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
        template: { spec: { restartPolicy: 'Always', containers: [{ name: 'app', imagePullPolicy: 'IfNotPresent' }] } },
      });
    });

    test('as a JSON patch is applied where its tests hold, and raises the generation', async () => {
      const { uid, generation = 0 } = (await present()).metadata;
      const answer = await patch(
        JSON_PATCH,
        [
          { op: 'test', path: '/metadata/uid', value: uid },
          { op: 'test', path: '/metadata/generation', value: generation },
          { op: 'add', path: annotation, value: {} },
          { op: 'add', path: `${annotation}/example.com~1cascade`, value: 'one' },
        ],
        '?fieldManager=patchwave',
      );
      expect([answer.status, answer.json.metadata?.generation]).toEqual([200, generation + 1]);
      expect((await present()).spec).toMatchObject({
        template: { metadata: { annotations: { 'example.com/cascade': 'one' } } },
      });
    });

    test.each([
      ['whose test fails', { op: 'test', path: '/metadata/generation', value: 99 }],
      ['that tests what is not there', { op: 'test', path: '/spec/absent', value: 'a' }],
      ['that removes what is not there', { op: 'remove', path: '/spec/absent' }],
      ['below what is not there', { op: 'add', path: '/spec/absent/below', value: 'a' }],
    ])('as a JSON patch %s is answered 422, and changes nothing', async (_, operation) => {
      const before = await present();
      const change = { op: 'replace', path: '/spec/template/spec/containers/0/image', value: 'docker.io/team/app:9' };
      const answer = await patch(JSON_PATCH, [operation, change]);
      expect(answer.status).toBe(422);
      expect(answer.json).toMatchObject({ kind: 'Status', code: 422 });
      expect(await present()).toEqual(before);
    });

    test('that is no JSON patch is answered 400', async () => {
      const answer = await patch(JSON_PATCH, { op: 'add' });
      expect([answer.status, answer.json.reason]).toEqual([400, 'BadRequest']);
    });

    test('replaces the image of one container by its place', async () => {
      const value = `docker.io/team/app@${digestOf('v3')}`;
      const answer = await patch(JSON_PATCH, [
        { op: 'replace', path: '/spec/template/spec/containers/0/image', value },
      ]);
      expect(answer.status).toBe(200);
      expect((await present()).spec).toMatchObject({
        template: { spec: { containers: [{ name: 'app', image: value }] } },
      });
    });

    test('that changes nothing keeps the version; a label keeps the generation, an annotation does not', async () => {
      const before = await present();
      const same = await patch(MERGE, { spec: { replicas: 0 } });
      expect(same.json.metadata).toMatchObject({ resourceVersion: before.metadata.resourceVersion });
      const labelled = await patch(MERGE, { metadata: { labels: { note: 'a' } } });
      expect(labelled.json.metadata).toMatchObject({ generation: before.metadata.generation });
      expect(labelled.json.metadata?.resourceVersion).not.toBe(before.metadata.resourceVersion);
      const annotated = await patch(MERGE, { metadata: { annotations: { note: 'a' } } });
      expect(annotated.json.metadata).toMatchObject({ generation: (before.metadata.generation ?? 0) + 1 });
    });

    test('replaces a member that is not there', async () => {
      const answer = await patch(JSON_PATCH, [{ op: 'replace', path: '/spec/minReadySeconds', value: 1 }]);
      expect(answer.status).toBe(200);
      expect((await present()).spec).toMatchObject({ minReadySeconds: 1 });
    });

    test('of an earlier version is a conflict in every format', async () => {
      const stale = { metadata: { resourceVersion: '1' }, spec: { paused: true } };
      for (const mediaType of [MERGE, 'application/strategic-merge-patch+json']) {
        const { status, json } = await patch(mediaType, stale);
        expect([status, json.reason]).toEqual([409, 'Conflict']);
      }
    });

    test('needs the right to patch that resource', async () => {
      const { status, json } = await ask('/apis/apps/v1/namespaces/patches/statefulsets/any', {
        ...{ method: 'PATCH', headers: { 'content-type': MERGE }, body: { spec: { replicas: 1 } } },
      });
      expect(status).toBe(403);
      expect(json.message).toContain('cannot patch resource "statefulsets" in API group "apps"');
    });
  });

  test('a status has no counts of 0', async () => {
    const { admin } = world();
    await admin.ensureNamespace('counts');
    const labels = { app: 'none' };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'app', image: 'docker.io/team/app:1' }] } };
    const object = {
      metadata: { name: 'none', namespace: 'counts' },
      spec: { replicas: 0, selector: { matchLabels: labels }, template },
    };
    const deployment = await admin.create(RESOURCES.deployments, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      ...object,
    });
    const counted = {
      observedGeneration: 7,
      replicas: 0,
      updatedReplicas: 0,
      availableReplicas: 0,
      unavailableReplicas: 0,
    };
    const { status } = await admin.patchStatus(RESOURCES.deployments, deployment, counted);
    for (const name of ['replicas', 'updatedReplicas', 'availableReplicas', 'unavailableReplicas']) {
      expect(status).not.toHaveProperty(name);
    }
    const set = await admin.create(RESOURCES.statefulSets, {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      ...object,
      spec: { ...object.spec, serviceName: 'none' },
    });
    const seen = await admin.patchStatus(RESOURCES.statefulSets, set, { ...counted, replicas: 0 });
    expect(seen.status).toMatchObject({ replicas: 0, availableReplicas: 0 });
    expect(seen.metadata.generation).toBe(set.metadata.generation);
    expect(seen.status).not.toHaveProperty('updatedReplicas');
  });

  test('revisions of a controller are listed by labels', async () => {
    const { admin } = world();
    await admin.ensureNamespace('revisions');
    for (const [app, revision] of [
      ['one', 1],
      ['one', 2],
      ['two', 1],
    ] as const) {
      await admin.create(RESOURCES.controllerRevisions, {
        ...{ apiVersion: 'apps/v1', kind: 'ControllerRevision', data: { spec: {} }, revision },
        metadata: { name: `${app}-${revision}`, namespace: 'revisions', labels: { app, tier: 'web' } },
      });
    }
    const { json } = await ask(
      '/apis/apps/v1/namespaces/revisions/controllerrevisions?limit=500&labelSelector=app%3Done,tier%3Dweb',
    );
    const items = json.items as unknown as readonly KubernetesObject[];
    expect(items.map(({ metadata, revision }) => [metadata.name, revision])).toEqual([
      ['one-1', 1],
      ['one-2', 2],
    ]);
  });
}

const podNamed = (namespace: string, name: string, annotations: Readonly<Record<string, string>> = {}) => ({
  ...{ apiVersion: 'v1', kind: 'Pod', metadata: { namespace, name, labels: { app: name }, annotations } },
  spec: { nodeName: 'node-1', containers: [{ name: 'app', image: 'docker.io/library/busybox:1' }] },
});
