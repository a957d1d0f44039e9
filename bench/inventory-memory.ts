/**
 * `node --expose-gc bench/inventory-memory.ts TASKS TASKS_PER_WORKLOAD`: reads the inventory of one scope in this process
 * and prints `{"peakHeapBytes": N}`: the most that was reachable at any time, counted after a collection at every page
 * of tasks and every file.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { recordUsages } from '../functions/inventory/usages.ts';
import { readWorkloads } from '../functions/inventory/workloads.ts';
import { samplePolicy, someAccounts } from '../local/fleet/draft.ts';
import type { Digest } from '../shared/domain/image/image.ts';
import type { Cluster, RunningTask } from '../shared/domain/image/usage.ts';
import { policySchema } from '../shared/domain/policy/policy.ts';
import { RunFileMissingError } from '../shared/ports/errors.ts';
import type { RunFiles } from '../shared/ports/run-files.ts';
import type { WorkloadSource } from '../shared/ports/workloads.ts';
import { parse } from '../shared/schema.ts';
import { fakeWorld } from '../test/support/fakes/world.ts';

const TASKS_A_PAGE = 100;
const accounts = someAccounts(1, 1);
const scope = { account: accounts[0]?.id ?? '', region: accounts[0]?.regions[0] ?? '' };

let peakHeapBytes = 0;

function look(): void {
  if (!globalThis.gc) throw new Error('Start this with --expose-gc: without it garbage would be counted as memory.');
  globalThis.gc();
  peakHeapBytes = Math.max(peakHeapBytes, process.memoryUsage().heapUsed);
}

/** Tasks are made when they are asked for, as a page comes from ECS; the source itself holds none. */
function workloadsOf(tasks: number, tasksPerWorkload: number): WorkloadSource {
  return {
    async *clusters() {
      yield { ...scope, cluster: 'main' };
    },
    async *tasks(_: Cluster) {
      for (let first = 0; first < tasks; first += TASKS_A_PAGE) {
        const page = Array.from({ length: Math.min(TASKS_A_PAGE, tasks - first) }, (_, n) =>
          taskOf(Math.floor((first + n) / tasksPerWorkload)),
        );
        look();
        yield page;
      }
    },
  };
}

function taskOf(workload: number): RunningTask {
  const digest: Digest = `sha256:${workload.toString(16).padStart(64, '0')}`;
  const host = `${scope.account}.dkr.ecr.${scope.region}.amazonaws.com`;
  const image = `${host}/apps/application-${workload}:0123abc-${workload}`;
  return {
    workloadKind: 'ecs-service',
    workload: `workload-${workload}`,
    architecture: 'amd64',
    containers: [{ name: 'main', image, digest }],
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

async function main(tasks: number, tasksPerWorkload: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'patchwave-bench-'));
  try {
    const world = fakeWorld();
    const policy = parse(policySchema, samplePolicy(accounts, { base: [], platform: [] }));
    const policyVersion = await world.policies.publish(policy, {});
    const ports = { ...world, files: filesIn(folder), workloadSources: [workloadsOf(tasks, tasksPerWorkload)] };
    const run = { runId: 'bench', mode: 'review', policyVersion, scope } as const;
    await readWorkloads(ports, { action: 'workloads', ...run });
    await recordUsages(ports, { action: 'usages', ...run });
    process.stdout.write(JSON.stringify({ peakHeapBytes }));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

await main(Number(process.argv[2]), Number(process.argv[3]));
