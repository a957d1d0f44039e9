import { counted } from '../../shared/domain/common/counted.ts';
import { instant } from '../../shared/domain/common/time.ts';
import { type NamedAge, readAges } from '../age/age-list.ts';
import type { Arguments, Command } from '../command.ts';
import { EXIT } from '../errors.ts';
import { numberOption } from '../number-option.ts';
import { type Colour, fitted, print, printJson, relative, shortDigest, table } from '../output.ts';
import { shortName } from '../short-name.ts';

const DAYS = 7;

export const ageCommand: Command = {
  summary:
    'Lists images in use and heads of streams that will soon be too old, each with the image that decides its age.',
  synopsis: '[--days N] [--overdue]',
  words: [0, 0],
  options: { days: { type: 'string' }, overdue: { type: 'boolean' } },
  optionHelp: {
    'days N': `images that will be too old, or whose waiver ends, within N days (default: ${DAYS})`,
    overdue: 'also list images that are too old already',
  },
  async run(context, args) {
    const question = { days: daysIn(args), overdue: args.flags.overdue === true };
    const connected = await context();
    const { policyVersion, ages } = await readAges(connected, question);
    if (args.json) printJson({ policyVersion, ...question, ages });
    else print(renderAges(ages, question, connected.clock()));
    return EXIT.done;
  },
};

/** @throws UsageError */
const daysIn = ({ flags: { days = String(DAYS) } }: Arguments): number =>
  numberOption('days', days, { from: 0, to: 3650, isWhole: true });

const COLOURS: Readonly<Record<NamedAge['state'], Colour | undefined>> = {
  young: undefined,
  warning: 'yellow',
  over: 'red',
  waived: 'dim',
};

function renderAges(
  ages: readonly NamedAge[],
  { days, overdue }: { readonly days: number; readonly overdue: boolean },
  now: number,
): string {
  const inState = (wanted: NamedAge['state']) => ages.filter(({ state }) => state === wanted).length;
  const [over, waived] = [inState('over'), inState('waived')];
  const within = counted(days, 'day');
  const summary = [
    `${counted(ages.length - over - waived, 'image')} will be too old within ${within}`,
    ...(waived > 0
      ? [
          `${counted(waived, 'waived image')} will violate, because ${waived === 1 ? 'its waiver ends' : 'their waivers end'} within ${within}`,
        ]
      : []),
    ...(overdue || over > 0 ? [`${over} ${over === 1 ? 'is' : 'are'} too old already`] : []),
  ].join('; ');
  return ages.length === 0 ? fitted(summary, 2) : `${fitted(summary, 2)}\n\n${agesTable(ages, now)}`;
}

const agesTable = (ages: readonly NamedAge[], now: number): string =>
  table(ages, [
    { title: 'state', value: ({ state }) => state, colour: ({ state }) => COLOURS[state] },
    {
      title: 'deadline',
      value: ({ state, deadlineEpochMs: at }) => `${state === 'waived' ? 'waiver ends ' : ''}${relative(at, now)}`,
    },
    { title: 'image', value: ({ names, digest }) => `${shortName(names[0] ?? 'no name')} ${shortDigest(digest)}` },
    { title: 'tier', value: ({ tier }) => tier },
    { title: 'age', value: ({ ageDays, limitDays }) => `${ageDays} of ${counted(limitDays, 'day')}`, align: 'right' },
    { title: 'deadline at', value: ({ deadlineEpochMs: at }) => instant(at) },
    { title: 'owner', value: ({ owner }) => owner ?? '-' },
    { title: 'age comes from', value: deciderText },
    {
      title: 'used as',
      value: ({ inUse, isHead }) => [...(inUse ? ['running image'] : []), ...(isHead ? ['head'] : [])].join(', '),
    },
    { title: 'stream', value: ({ stream }) => stream ?? '-' },
  ]);

const deciderText = ({ digest, decidedBy, decider }: NamedAge): string =>
  decidedBy === digest
    ? 'the image itself'
    : [decider?.tier, decider?.stream, shortDigest(decidedBy)].filter((word) => word !== undefined).join(' ');
