import { MINUTE_MS } from '../../shared/domain/common/time.ts';
import { visibleLine } from '../../shared/domain/common/visible-text.ts';
import { locationKey } from '../../shared/domain/image/image.ts';
import { repositoryName } from '../../shared/domain/image/reference.ts';
import { reasonInFull, reasonText } from '../../shared/domain/verdict/reason-text.ts';
import { type Reason, verdictText } from '../../shared/domain/verdict/verdict.ts';
import { type CheckAnswer, type CheckedImage, checkImage } from '../check/check.ts';
import { targetOf } from '../check/target.ts';
import type { Arguments, Command } from '../command.ts';
import { UsageError } from '../errors.ts';
import { numberOption } from '../number-option.ts';
import { fitted, paint, print, printJson, printProgress, shortDigest } from '../output.ts';
import { type SarifResult, sarifOf } from '../sarif.ts';
import { VERDICT_COLOURS, VERDICT_EXITS } from '../verdict-status.ts';

const WAIT_MINUTES = 15;
const MOST_MINUTES = 180;

export const checkCommand: Command = {
  summary:
    'Gives the verdict on an image that was pushed, after a scan if necessary. Exit code 0: compliant; 3: violating; 4: unknown.',
  synopsis: 'IMAGE [--wait MINUTES] [--sarif]',
  words: [1, 1],
  argumentHelp: {
    IMAGE: 'REGISTRY/REPOSITORY@sha256:..., REGISTRY/REPOSITORY:TAG, or a digest that Patchwave knows',
  },
  options: { wait: { type: 'string' }, sarif: { type: 'boolean' } },
  optionHelp: {
    'wait MINUTES': `how long to wait for the verdict (default: ${WAIT_MINUTES}, at most ${MOST_MINUTES}; 0: ask for it and do not wait)`,
    sarif: 'print a SARIF document',
  },
  async run(context, args) {
    const { json, flags, positionals } = args;
    if (json && flags.sarif === true) throw new UsageError('--json and --sarif are two forms. Give one of them.');
    const waitMs = minutesIn(args) * MINUTE_MS;
    const connected = await context();
    const target = await targetOf(connected, positionals[0] ?? '');
    const answer = await checkImage(connected, target, { waitMs, progress: printProgress });
    if (flags.sarif === true) printJson(documentOf(answer));
    else if (json) printJson(answer);
    else print(render(answer));
    return VERDICT_EXITS[answer.status];
  },
};

/** @throws UsageError */
const minutesIn = ({ flags: { wait = String(WAIT_MINUTES) } }: Arguments): number =>
  numberOption('wait', wait, { from: 0, to: MOST_MINUTES, of: ' of minutes' });

const nameOf = ({ digest, location }: Pick<CheckAnswer, 'digest' | 'location'>): string =>
  visibleLine(location ? `${locationKey(location)}@${digest}` : digest);

function render(answer: CheckAnswer): string {
  const { images, status, problem } = answer;
  const lines = images.flatMap((image) => [
    ...(images.length > 1
      ? [`  ${visibleLine(image.platform ?? '-')} ${shortDigest(image.digest)} ${statusText(image)}`]
      : []),
    ...image.reasons.map((reason) => visibleLine(`    ${reason.effect} ${reason.ruleId}: ${reasonInFull(reason)}`)),
    ...(image.waitsFor !== undefined && image.reasons.length === 0
      ? [visibleLine(`    no verdict yet: it waits for ${image.waitsFor}`)]
      : []),
  ]);
  const [only, ...others] = images;
  const text = only && others.length === 0 ? statusText(only) : status;
  const head = `${nameOf(answer)} ${paint(VERDICT_COLOURS[status], text)}`;
  return fitted([head, ...lines, ...(problem === undefined ? [] : [visibleLine(problem)])].join('\n'), 4);
}

const statusText = (image: CheckedImage): string =>
  image.reasons.length === 0 && image.status === 'unknown' ? image.status : verdictText(image);

const VERDICT_KNOWN = 'verdict-known';

/** One result for each violation, and one for each reason why something is unknown. */
function documentOf(answer: CheckAnswer) {
  const results = answer.images.flatMap((image) => resultsOf(image, answer));
  const rules = Object.fromEntries(
    results.map(({ ruleId }) => [ruleId, `The rule ${ruleId} of the Patchwave policy.`]),
  );
  return sarifOf(rules, results);
}

function resultsOf(image: CheckedImage, { location, problem }: CheckAnswer): readonly SarifResult[] {
  const subject = location ? repositoryName(location) : 'image';
  const about = `${subject}@${image.digest}`;
  const result = (ruleId: string, effect: 'violates' | 'unknown', text: string): SarifResult => ({
    ruleId,
    subject,
    text: `${about}: ${text}`,
    level: effect === 'violates' ? 'error' : 'warning',
  });
  const decisive = image.reasons.filter((reason): reason is Reason & { effect: 'violates' | 'unknown' } =>
    ['violates', 'unknown'].includes(reason.effect),
  );
  if (decisive.length > 0 || image.status === 'compliant')
    return decisive.map((reason) => result(reason.ruleId, reason.effect, reasonText(reason)));
  return [result(VERDICT_KNOWN, 'unknown', problem ?? `no verdict yet: it waits for ${image.waitsFor ?? 'nothing'}`)];
}
