import { paint, shortDigest } from '../../cli/output.ts';
import { counted } from '../../shared/domain/common/counted.ts';
import { reasonText } from '../../shared/domain/verdict/reason-text.ts';
import type { Reason } from '../../shared/domain/verdict/verdict.ts';
import { planLine, planTitle } from './act-news.ts';
import { kubernetesNameIn, type Names, widest } from './names.ts';
import type { Progress } from './progress.ts';
import type { DemoResult } from './result.ts';
import type { ActResult } from './result-act.ts';

type Stream = ActResult['streams'][number];
type Run = Stream['runs'][number];

const FIELD = 8;

/** Prints what was rebuilt, deployed and proven, or would be; then what was not, each with the reason. */
export function printAct(progress: Progress, { act, images }: DemoResult, names: Names): void {
  if (act.wouldDo.length > 0) printWouldDo(progress, act.wouldDo, names);
  printProof(progress, act, names);
  printNotPatched(progress, { act, images }, names);
}

function printWouldDo(progress: Progress, wouldDo: ActResult['wouldDo'], names: Names): void {
  progress.heading(`Nothing was changed. ${planTitle(wouldDo)}`);
  const width = widest(wouldDo.map(({ stream }) => names.stream(stream)));
  for (const node of wouldDo) {
    const { text, indent } = planLine(node, width, names);
    progress.text(text, indent);
    const by = `${' '.repeat(indent)}by the pipeline ${node.pipeline}; rollout: ${node.rollout}`;
    progress.text(by, indent);
  }
}

function printProof(progress: Progress, { streams, cascades }: ActResult, names: Names): void {
  const patched = streams.filter(({ state }) => state === 'patched');
  if (patched.length === 0) return;
  const parents = new Set(cascades.flatMap(({ nodes }) => nodes.flatMap((node) => node.parents)));
  progress.heading(`Proof: ${counted(patched.length, 'image')} patched, by digest`);
  const width = widest(patched.map(({ stream }) => names.stream(stream)));
  for (const stream of patched) {
    progress.line(`  ${paint('green', names.stream(stream.stream).padEnd(width))}  ${digestsOf(stream)}`);
    const none = parents.has(stream.stream) ? 'no task or pod: other images are built on it' : 'no task or pod';
    printRuns(progress, stream, none, names);
  }
  for (const runId of new Set(patched.flatMap(({ provenBy }) => provenBy ?? [])))
    progress.text(
      `  Closed by review ${runId}, which read every scope: no old image runs, and no image built on one.`,
      2,
    );
}

const digestsOf = ({ before, after }: Stream): string =>
  `${before === undefined ? 'none' : shortDigest(before)} -> ${after === undefined ? 'none' : shortDigest(after)}`;

function printRuns(progress: Progress, stream: Stream, none: string, names: Names): void {
  const { runs } = stream;
  const texts = runs.length > 0 ? runs.map((run) => runText(stream, run, names)) : [none];
  texts.forEach((text, at) => {
    progress.text(field(at === 0 ? 'runs now' : '', text), FIELD + 8);
  });
}

const field = (title: string, text: string): string => `      ${paint('dim', title.padEnd(FIELD))}  ${text}`;

/** A task or pod runs the image of an index for its platform. */
function runText({ parts, after }: Stream, { service, count, digest }: Run, names: Names): string {
  const [platform] = Object.entries(parts).find(([, part]) => part === digest && part !== after) ?? [];
  const which = platform === undefined ? '' : ` (${platform})`;
  return `${shortDigest(digest)}${which} in ${counted(count, kubernetesNameIn(service) === undefined ? 'task' : 'pod')} of ${names.service(service)}`;
}

const STATES = {
  stopped: { title: 'not fixed', colour: 'red' },
  open: { title: 'fixed but not proven yet', colour: 'yellow' },
  'on-hold': { title: 'on hold', colour: 'yellow' },
} as const;

/** Also lists images that cannot be scanned: no rebuild fixes that. */
function printNotPatched(progress: Progress, { act, images }: Pick<DemoResult, 'act' | 'images'>, names: Names): void {
  const left = act.streams.flatMap((stream) =>
    stream.state === 'patched' ? [] : [{ ...stream, state: stream.state }],
  );
  const unknown = unknownBeside({ act, images });
  if (left.length + unknown.length === 0) return;
  progress.heading(`Not patched, and why (${left.length + unknown.length})`);
  for (const stream of left) {
    const { title, colour } = STATES[stream.state];
    const above = aboveOf(stream, act).map(names.stream);
    const blocked =
      above.length > 0
        ? `; ${above.join(', ')} ${above.length === 1 ? 'waits' : 'wait'} for it`
        : '; no other stream waits for it';
    progress.text(
      `  ${paint(colour, names.stream(stream.stream))}  ${title}${stream.state === 'stopped' ? blocked : ''}`,
      6,
    );
    progress.text(field('why', whyOf(stream)), FIELD + 8);
    if (stream.after !== undefined) progress.text(field('built', digestsOf(stream)), FIELD + 8);
    printRuns(progress, stream, 'no task or pod', names);
    const answer = act.answers.find((one) => one.stream === stream.stream);
    if (stream.state === 'stopped' && answer)
      progress.text(field('next', `${answer.reason}: ${answer.detail}`), FIELD + 8);
  }
  for (const { stream, digest, reasons, usages } of unknown) {
    const name =
      stream === undefined ? names.reference(usages[0]?.reference ?? shortDigest(digest)) : names.stream(stream);
    progress.line(`  ${paint('yellow', name)}  unknown`);
    const texts = (reasons as unknown as readonly Reason[])
      .filter(({ effect }) => effect === 'unknown')
      .map(reasonText);
    progress.text(field('why', `${texts.join('; ')}. Unknown never counts as compliant.`), FIELD + 8);
  }
}

/** Images in use with an unknown verdict, without those of streams that the list has already. */
export function unknownBeside({ act, images }: Pick<DemoResult, 'act' | 'images'>): DemoResult['images'] {
  const listed = new Set(act.streams.flatMap(({ stream, state }) => (state === 'patched' ? [] : [stream])));
  return images.filter(({ outcome, stream = '' }) => outcome === 'unknown' && !listed.has(stream));
}

/** The planned streams that are built on it. */
const aboveOf = ({ stream }: Stream, { cascades }: ActResult): string[] => [
  ...new Set(
    cascades.flatMap(({ nodes }) => nodes.filter(({ parents }) => parents.includes(stream)).map((node) => node.stream)),
  ),
];

/** For a rebuild without effect, adds the usual reasons. */
function whyOf({ reason = '', detail = '' }: Stream): string {
  if (reason !== 'ineffective') return `${reason}: ${detail}`;
  return `${detail}. Either the pipeline pins an old parent or uses a cache, or no fix exists yet. Patchwave did not roll out the image.`;
}
