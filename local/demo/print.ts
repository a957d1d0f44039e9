import { paint, relative, shortDigest, table } from '../../cli/output.ts';
import { counted } from '../../shared/domain/common/counted.ts';
import { DAY_MS, instant } from '../../shared/domain/common/time.ts';
import { reasonInFull } from '../../shared/domain/verdict/reason-text.ts';
import type { Reason } from '../../shared/domain/verdict/verdict.ts';
import type { Names } from './names.ts';
import { printAct, unknownBeside } from './print-act.ts';
import type { Progress } from './progress.ts';
import type { DemoResult } from './result.ts';

type Image = DemoResult['images'][number];

const OUTCOME_COLOURS = { compliant: 'green', violating: 'red', unknown: 'yellow', failed: 'red' } as const;
const SOON_DAYS = 14;
const MOST_REASONS = 4;

interface Telling {
  readonly progress: Progress;
  readonly names: Names;
  readonly nowEpochMs: number;
}

/** Prints the result: violating, unknown and compliant images, the next breaches, then what was done and what was not. */
export function printResult(result: DemoResult, telling: Telling): void {
  const { progress, names } = telling;
  printImages(result, telling, 'violating', 'Violating');
  printImages(result, telling, 'unknown', 'Unknown, which never counts as compliant');
  printImages(result, telling, 'compliant', 'Compliant');
  printNextBreaches(result, telling);
  printAct(progress, result, names);
  printEnd(progress, result);
}

function printImages({ images }: DemoResult, telling: Telling, outcome: Image['outcome'], title: string): void {
  const { progress, names, nowEpochMs } = telling;
  const rows = images.filter((image) => image.outcome === outcome);
  if (rows.length === 0) return;
  progress.heading(`${title} (${rows.length})`);
  for (const image of rows) {
    const name = paint(OUTCOME_COLOURS[outcome], nameOf(image, names));
    const age = image.bornAtEpochMs === undefined ? 'age unknown' : `born ${relative(image.bornAtEpochMs, nowEpochMs)}`;
    progress.text(`  ${name}  ${image.tier}, ${age}, run by ${workloadsOf(image)}`, 6);
    for (const line of reasonLines(image)) progress.text(`      ${line}`, 8);
  }
}

const nameOf = ({ usages, locations, digest }: Image, names: Names): string => {
  const { reference } = usages.find((usage) => usage.reference !== undefined) ?? {};
  const name = reference === undefined ? locations[0]?.repository : names.reference(reference);
  return `${name ?? 'an image without a reference'} ${paint('dim', shortDigest(digest))}`;
};

const workloadsOf = ({ usages }: Image): string => [...new Set(usages.map(({ workload }) => workload))].join(', ');

function reasonLines({ reasons }: Image): string[] {
  const telling = reasons.filter(({ effect }) => effect !== 'due') as unknown as readonly Reason[];
  const lines = telling.slice(0, MOST_REASONS).map((reason) => `${reason.ruleId}: ${reasonInFull(reason)}`);
  const left = telling.length - lines.length;
  return left > 0
    ? [
        ...lines,
        `and ${counted(left, 'more reason')}: run the demo with --keep, then \`npm run patchwave -- why IMAGE\``,
      ]
    : lines;
}

function printNextBreaches({ nextBreaches, images }: DemoResult, { progress, names, nowEpochMs }: Telling): void {
  const byDigest = new Map(images.map((image) => [image.digest, image]));
  const soon = nextBreaches.filter(({ atEpochMs }) => atEpochMs <= nowEpochMs + SOON_DAYS * DAY_MS);
  if (soon.length === 0) return;
  progress.heading(`Will breach within ${SOON_DAYS} days (${soon.length})`);
  const rows = table(soon, [
    { title: 'when', value: ({ atEpochMs }) => `${instant(atEpochMs)}, ${relative(atEpochMs, nowEpochMs)}` },
    {
      title: 'image',
      value: ({ digest }) => {
        const image = byDigest.get(digest);
        return image === undefined ? digest : nameOf(image, names);
      },
    },
  ]);
  for (const line of rows.split('\n')) progress.line(`  ${line}`);
}

const inWords = ({ compliant, violating, unknown, failed }: DemoResult['outcomes']): string =>
  `${compliant} compliant + ${violating} violating + ${unknown} unknown + ${failed} failed`;

const DID: Readonly<Record<string, readonly [what: string, done: string]>> = {
  StartPipelineExecution: ['pipeline', 'started'],
  PutImage: ['tag', 'moved'],
  RegisterTaskDefinition: ['task definition', 'registered'],
  UpdateService: ['service', 'deployed'],
  'patch deployments': ['Deployment', 'changed'],
  'patch statefulsets': ['StatefulSet', 'changed'],
  'patch daemonsets': ['DaemonSet', 'changed'],
};

function changesOf(calls: DemoResult['act']['calls']): string {
  const made = calls.filter(({ count }) => count > 0);
  const texts = made.map(({ operation, count }) => {
    const [what, done] = DID[operation] ?? ['call', operation];
    return `${counted(count, what)} ${done}`;
  });
  return texts.length > 0 ? texts.join(', ') : 'nothing';
}

function printEnd(progress: Progress, result: DemoResult): void {
  const { act, execution, outcomes, found, ancestors, seconds, scopes, unresolved } = result;
  progress.heading(`In short: ${endsOf(result)}`);
  progress.text(`  changes by Patchwave: ${changesOf(act.calls)}`, 2);
  const good = execution.status === 'SUCCEEDED';
  const ended = good ? paint('green', 'succeeded') : paint('red', execution.status.toLowerCase());
  progress.text(`  last review ${ended}: ${counted(found, 'running image')} = ${inWords(outcomes)}`, 2);
  if (execution.error !== undefined) progress.text(`  ${execution.error}: ${execution.cause ?? ''}`, 2);
  if (ancestors.found > 0)
    progress.text(
      `  and ${counted(ancestors.found, 'image')} not running (ancestors and heads) = ${inWords(ancestors.outcomes)}`,
      2,
    );
  const failed = scopes.filter(({ status }) => status === 'failed').length;
  const read = `${counted(scopes.length - failed, 'scope')} read, ${failed} failed`;
  progress.text(`  ${read}; ${counted(unresolved, 'container')} without a digest`, 2);
  const steps = Object.entries(seconds).map(([step, spent]) => `${step} ${spent.toFixed(1)} s`);
  progress.text(`  ${steps.join(', ')}`, 2);
}

/** Counts the outcomes that the proof and the list of unpatched images show one by one. */
export function endsOf(result: Pick<DemoResult, 'act' | 'images'>): string {
  const count = (wanted: string) => result.act.streams.filter(({ state }) => state === wanted).length;
  const open = count('open') > 0 ? [`${count('open')} fixed but not proven yet`] : [];
  const all = [`${count('patched')} patched, proven by digest`, ...open, `${count('stopped')} not fixed`];
  const unknown = unknownBeside(result).length;
  return [...all, `${count('on-hold')} on hold`, ...(unknown > 0 ? [`${unknown} unknown`] : [])].join(', ');
}
