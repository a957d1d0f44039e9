/**
 * `node --expose-gc bench/inventory-memory.ts task|pod COUNT COUNT_PER_WORKLOAD`: reads the inventory of one scope in this
 * process three times (all new, nothing changed, all replaced) and prints `{"peakHeapBytes": N}`: the most that was
 * reachable at any time, counted after a collection at each page, each file and each call of a ledger.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { recordUsages } from '../functions/inventory/usages.ts';
import { readWorkloads } from '../functions/inventory/workloads.ts';
import { samplePolicy, someAccounts } from '../local/fleet/draft.ts';
import { fullJitter } from '../shared/adapters/backoff.ts';
import { FileScratch } from '../shared/adapters/file-scratch.ts';
import type { Digest } from '../shared/domain/image/image.ts';
import { podFacts, podTask } from '../shared/domain/image/kubernetes-pod.ts';
import type { RunningTask } from '../shared/domain/image/usage.ts';
import { policySchema } from '../shared/domain/policy/policy.ts';
import { RunFileMissingError } from '../shared/ports/errors.ts';
import type { ImageLedger, PlaceLedger } from '../shared/ports/ledger.ts';
import type { RunFiles } from '../shared/ports/run-files.ts';
import type { StreamImages } from '../shared/ports/stream-images.ts';
import type { WorkloadSource } from '../shared/ports/workloads.ts';
import { parse } from '../shared/schema.ts';
import { FakePolicyStore } from '../test/support/fakes/policies.ts';
import { FakeRunning } from '../test/support/fakes/running.ts';
import { FakeRunLedger } from '../test/support/fakes/runs.ts';
import { FakeScopeLedger } from '../test/support/fakes/scopes.ts';
import { FakeServiceAtZeroLedger } from '../test/support/fakes/services-at-zero.ts';
import { DiskLedgers } from './disk-ledgers.ts';

type Kind = 'task' | 'pod';

const TASKS_A_PAGE = 100;
const accounts = someAccounts(1, 1);
const scope = { account: accounts[0]?.id ?? '', region: accounts[0]?.regions[0] ?? '' };

let peakHeapBytes = 0;

function look(): void {
  if (!globalThis.gc) throw new Error('Start this with --expose-gc: without it garbage would be counted as memory.');
  globalThis.gc();
  peakHeapBytes = Math.max(peakHeapBytes, process.memoryUsage().heapUsed);
}

interface Running {
  readonly kind: Kind;
  readonly count: number;
  readonly perWorkload: number;
  /** Each release of the workloads has images of its own. */
  readonly release: number;
}

/** Tasks are made when they are asked for, as a page comes from AWS; the source itself holds none. */
function workloadsOf({ kind, count, perWorkload, release }: Running): WorkloadSource {
  return {
    async *clusters() {
      yield { ...scope, cluster: 'main' };
    },
    async *tasks() {
      for (let first = 0; first < count; first += TASKS_A_PAGE) {
        const page = Array.from({ length: Math.min(TASKS_A_PAGE, count - first) }, (_, n) =>
          MAKE[kind](Math.floor((first + n) / perWorkload), release),
        );
        look();
        yield page.flatMap((task) => task ?? []);
      }
    },
  };
}

const MAKE: Readonly<Record<Kind, (workload: number, release: number) => RunningTask | undefined>> = {
  task: (workload, release) => ({
    workloadKind: 'ecs-service',
    workload: `workload-${workload}`,
    architecture: 'amd64',
    containers: [{ name: 'main', ...imageOf(workload, release) }],
  }),
  pod: (workload, release) => {
    const containers = ['app', 'proxy'].map((name) => ({ name, ...imageOf(`${workload}-${name}`, release) }));
    const statuses = containers.map(({ name, digest, image }) => ({
      ...{ name, image, imageID: `docker-pullable://${image}@${digest}` },
    }));
    const pod = {
      metadata: { name: `pod-${workload}`, namespace: `team-${workload % 20}` },
      spec: { nodeName: 'node', containers: containers.map(({ name, image }) => ({ name, image })) },
      status: { phase: 'Running', containerStatuses: statuses },
    };
    const facts = podFacts(pod);
    return (
      facts &&
      podTask(facts, { controllerOf: () => undefined, namedFrom: () => undefined, architectureOf: () => 'amd64' })
    );
  },
};

function imageOf(application: number | string, release: number): { readonly image: string; readonly digest: Digest } {
  const host = `${scope.account}.dkr.ecr.${scope.region}.amazonaws.com`;
  const tag = `${application}-${release}`;
  return {
    image: `${host}/apps/application-${application}:${tag}`,
    digest: `sha256:${createHash('sha256').update(tag).digest('hex')}`,
  };
}

/** Files on the disk: in a bucket they are not in the function's memory either. */
function filesIn(folder: string): RunFiles {
  const path = (key: string) => join(folder, key.replaceAll('/', '_'));
  return {
    async put(key, document) {
      await writeFile(path(key), JSON.stringify(document));
      look();
    },
    async get(key) {
      const text = await readFile(path(key), 'utf8').catch((error: unknown) => {
        throw new RunFileMissingError(key, error);
      });
      const document: unknown = JSON.parse(text);
      look();
      return document;
    },
    // No step of an inventory lists files.
    list: () => {
      throw new Error('the inventory lists no files');
    },
  };
}

/** No image is an index, and no step of an inventory reads places. */
const places = { indexes: async () => new Map(), recordLocation: async () => new Map() } as Partial<PlaceLedger>;

const noImages: StreamImages = {
  record: async () => {},
  of: () => {
    throw new Error('the inventory reads no images of a stream');
  },
};

async function* noOpenings(): AsyncGenerator<never> {}

async function main(kind: Kind, count: number, perWorkload: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'patchwave-bench-'));
  const ledgers = new DiskLedgers(join(folder, 'ledger'), look);
  try {
    const policies = new FakePolicyStore();
    const policy = parse(policySchema, samplePolicy(accounts, { base: [], platform: [] }));
    const policyVersion = await policies.publish(policy, {});
    const ports = {
      policies,
      runs: new FakeRunLedger(),
      scopes: new FakeScopeLedger(),
      servicesAtZero: new FakeServiceAtZeroLedger(),
      clock: Date.now,
      images: ledgers.images() as ImageLedger,
      usages: ledgers.usages(),
      running: new FakeRunning(),
      places: places as PlaceLedger,
      streamImages: noImages,
      exceptions: { since: () => noOpenings() },
      files: filesIn(folder),
      scratch: new FileScratch(),
      retry: fullJitter(),
    };
    for (const [runId, release] of [['first', 1] as const, ['same', 1] as const, ['replaced', 2] as const]) {
      const source = workloadsOf({ kind, count, perWorkload, release });
      const workloadSources = kind === 'task' ? [source] : [];
      const clusterSources = kind === 'pod' ? [source] : [];
      const run = { runId, mode: 'review', policyVersion, scope } as const;
      await readWorkloads(
        { ...ports, workloadSources, startSources: [], clusterSources },
        { action: 'workloads', ...run },
      );
      await recordUsages(ports, { action: 'usages', ...run });
    }
    process.stdout.write(JSON.stringify({ peakHeapBytes }));
  } finally {
    ledgers.close();
    await rm(folder, { recursive: true, force: true });
  }
}

await main(process.argv[2] as Kind, Number(process.argv[3]), Number(process.argv[4]));
