import { paint, relative, shortDigest, table } from '../../cli/output.ts';
import { reasonInFull } from '../../shared/domain/reason-text.ts';
import { DAY_MS, instant } from '../../shared/domain/time.ts';
import type { Reason } from '../../shared/domain/verdict.ts';
import type { Progress } from './progress.ts';
import type { DemoResult } from './result.ts';
import { tellAct } from './tell-act.ts';

type Image = DemoResult['images'][number];

const OUTCOME_COLOURS = { compliant: 'green', violating: 'red', unknown: 'yellow', failed: 'red' } as const;
const SOON_DAYS = 14;
const MOST_REASONS = 4;

/** The result for a person: what is wrong first, what nobody knows next, what will be wrong soon last. */
export function tellResult(progress: Progress, result: DemoResult, now: number): void {
  tellImages(progress, result, 'violating', 'Violating', now);
  tellImages(progress, result, 'unknown', 'Unknown: never called clean', now);
  tellImages(progress, result, 'compliant', 'Compliant', now);
  tellNextBreaches(progress, result, now);
  tellCalls(progress, result);
  tellAct(progress, result.act);
  tellEnd(progress, result);
}

function tellImages(progress: Progress, { images }: DemoResult, outcome: Image['outcome'], title: string, now: number) {
  const rows = images.filter((image) => image.outcome === outcome);
  if (rows.length === 0) return;
  progress.heading(`${title} (${rows.length})`);
  for (const image of rows) {
    const name = paint(OUTCOME_COLOURS[outcome], nameOf(image));
    const age = image.bornAtEpochMs === undefined ? 'age unknown' : `born ${relative(image.bornAtEpochMs, now)}`;
    progress.line(`  ${name}  ${image.tier}, ${age}, run by ${workloadsOf(image)}`);
    for (const line of reasonLines(image)) progress.line(`      ${line}`);
  }
}

/** An ECR reference by its account and Region: the host says nothing more, and is longer than the rest. */
const ECR_HOST = /^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.[^/]+\//;

const nameOf = ({ usages, locations, digest }: Image): string => {
  const reference = usages.find((usage) => usage.reference !== undefined)?.reference?.replace(ECR_HOST, '$1/$2/');
  const place = reference ?? (locations[0] && `${locations[0].repository}`) ?? 'an image without a reference';
  return `${place.replace(/@sha256:.*/, '')} ${paint('dim', shortDigest(digest))}`;
};

const workloadsOf = ({ usages }: Image): string => [...new Set(usages.map(({ workload }) => workload))].join(', ');

function reasonLines({ reasons }: Image): string[] {
  const telling = reasons.filter(({ effect }) => effect !== 'due') as unknown as readonly Reason[];
  const lines = telling.slice(0, MOST_REASONS).map((reason) => `${reason.ruleId}: ${reasonInFull(reason)}`);
  const left = telling.length - lines.length;
  return left > 0 ? [...lines, `and ${left} more: patchwave why`] : lines;
}

function tellNextBreaches(progress: Progress, { nextBreaches, images }: DemoResult, now: number): void {
  const byDigest = new Map(images.map((image) => [image.digest, image]));
  const soon = nextBreaches.filter(({ atEpochMs }) => atEpochMs <= now + SOON_DAYS * DAY_MS);
  progress.heading(`Will breach within ${SOON_DAYS} days (${soon.length})`);
  if (soon.length === 0) return;
  const rows = table(soon, [
    { title: 'when', value: ({ atEpochMs }) => `${instant(atEpochMs)}, ${relative(atEpochMs, now)}` },
    {
      title: 'image',
      value: ({ digest }) => {
        const image = byDigest.get(digest);
        return image === undefined ? digest : nameOf(image);
      },
    },
  ]);
  for (const line of rows.split('\n')) progress.line(`  ${line}`);
}

function tellCalls(progress: Progress, { calls }: DemoResult): void {
  progress.heading('AWS calls of Patchwave');
  const rows = table(calls, [
    { title: 'service', value: ({ service }) => service },
    { title: 'operation', value: ({ operation }) => operation },
    { title: 'calls', value: ({ count }) => String(count), align: 'right' },
  ]);
  for (const line of rows.split('\n')) progress.line(`  ${line}`);
}

const inWords = ({ compliant, violating, unknown, failed }: DemoResult['outcomes']): string =>
  `${compliant} compliant + ${violating} violating + ${unknown} unknown + ${failed} failed`;

function tellEnd(progress: Progress, result: DemoResult): void {
  const { execution, outcomes, found, ancestors, seconds, scopes, unresolved } = result;
  const good = execution.status === 'SUCCEEDED';
  progress.heading(`The review ${good ? paint('green', 'succeeded') : paint('red', execution.status.toLowerCase())}`);
  if (execution.error !== undefined) progress.line(`  ${execution.error}: ${execution.cause ?? ''}`);
  progress.line(`  ${found} images = ${inWords(outcomes)}`);
  if (ancestors.found > 0)
    progress.line(`  and ${ancestors.found} that these stand on = ${inWords(ancestors.outcomes)}`);
  const failedScopes = scopes.filter(({ status }) => status === 'failed').length;
  progress.line(
    `  ${scopes.length - failedScopes} scopes read, ${failedScopes} not; ${unresolved} containers without a digest`,
  );
  const steps = Object.entries(seconds).map(([step, spent]) => `${step} ${spent.toFixed(1)} s`);
  progress.line(`  ${steps.join(', ')}`);
}
