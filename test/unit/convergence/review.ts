import { checkScans } from '../../../functions/fleet-review/check-scans.ts';
import { closeReview } from '../../../functions/fleet-review/close.ts';
import { groupRegistries } from '../../../functions/fleet-review/group-registries.ts';
import { openReview } from '../../../functions/fleet-review/open.ts';
import { planScans } from '../../../functions/fleet-review/plan-scans.ts';
import { readRegistry } from '../../../functions/inventory/registry.ts';
import { recordUsages } from '../../../functions/inventory/usages.ts';
import { readWorkloads } from '../../../functions/inventory/workloads.ts';
import { findLineage } from '../../../functions/lineage/find-lineage.ts';
import { judgeBatch } from '../../../functions/policy-evaluation/judge-batch.ts';
import { askScans } from '../../../functions/scan-trigger/ask-scans.ts';
import { batchesDocument, registriesDocument, scopesDocument } from '../../../shared/review/documents.ts';
import { readDocument } from '../../../shared/review/read-document.ts';
import type { FakeWorld } from '../../support/fakes/world.ts';
import { portsOf } from './ports.ts';
import { ScanEvents } from './scan-events.ts';
import { type ConvergenceTrouble, persist } from './trouble.ts';

const LIMITS = { catchUpMinutes: 30, scanWaitMinutes: 10, pollSeconds: 20 };

/** One review, step by step in the order of statemachines/fleet-review.asl.json, with everything that goes wrong. */
export async function review(world: FakeWorld, trouble: ConvergenceTrouble): Promise<ScanEvents> {
  const events = new ScanEvents(world, trouble);
  const step = <Reply>(run: (ports: ReturnType<typeof portsOf>) => Promise<Reply>): Promise<Reply> =>
    persist(world, trouble, (invocation) => run(portsOf(world, invocation)));
  /** The children of a Map run at the same time. */
  const each = async <Item>(
    items: readonly Item[],
    run: (ports: ReturnType<typeof portsOf>, item: Item) => Promise<unknown>,
  ) => {
    await Promise.all(items.map((item) => step((ports) => run(ports, item))));
    world.advance(1000);
  };

  const execution = {
    executionArn: `execution-${new Date(world.clock()).toISOString()}`,
    executionStartedAt: world.clock(),
  };
  const opened = await step((ports) =>
    openReview(
      ports,
      { leaseMinutes: 390, readsEks: true },
      { action: 'open', input: { mode: 'review' }, ...execution },
    ),
  );
  if (opened.alreadyRunning) throw new Error('the last review did not give its lease back');
  const { runId, mode, policyVersion, startedAtEpochMs, includesStopping } = opened;
  const run = { runId, mode, policyVersion };
  const scopes = await readDocument(world.runFiles, opened.scopes.key, scopesDocument);
  await each(scopes, (ports, { scope }) =>
    readWorkloads(ports, { action: 'workloads', ...run, scope, includesStopping }),
  );
  const registries = await step((ports) => groupRegistries(ports, { action: 'group-registries', ...run }));
  const asked = await readDocument(world.runFiles, registries.key, registriesDocument);
  await each(asked, (ports, { registry }) => readRegistry(ports, { action: 'registry', ...run, registry }));
  await each(scopes, (ports, { scope }) => recordUsages(ports, { action: 'usages', ...run, scope }));

  await step((ports) => findLineage(ports, run));

  const plan = await step((ports) => planScans(ports, { action: 'plan-scans', ...run }));
  const batches = await readDocument(world.runFiles, plan.batches.key, batchesDocument);
  const batch = { ...run, startedAtEpochMs, found: plan.images };
  let { progress } = plan;
  while (progress.decision !== 'evaluate') {
    if (progress.polls === 0 || progress.decision === 'ask-again') {
      const due = await readDocument(world.runFiles, progress.batchesKey, batchesDocument);
      await each(due, (ports, item) =>
        askScans(ports, { catchUpMinutes: LIMITS.catchUpMinutes, dailyQuota: 100_000 }, { ...batch, ...item }),
      );
      events.scansEnd();
    }
    // Events are delivered while the review goes on.
    const [checked] = await Promise.all([
      step((ports) => checkScans(ports, LIMITS, { action: 'check-scans', ...run, startedAtEpochMs, progress })),
      events.deliver(),
    ]);
    progress = checked;
    world.advance(progress.waitSeconds * 1000);
  }
  const judged = { ...run, startedAtEpochMs };
  await Promise.all([each(batches, (ports, item) => judgeBatch(ports, { ...judged, ...item })), events.deliver()]);
  await Promise.all([
    step((ports) => closeReview(ports, { action: 'close', ...run, closures: { Cause: '' } })),
    events.deliver(),
  ]);
  return events;
}
