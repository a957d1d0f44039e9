import { counted } from '../../shared/domain/common/counted.ts';
import { DAY_MS, instant } from '../../shared/domain/common/time.ts';
import { REGION_CODE } from '../../shared/domain/image/region.ts';
import {
  type EcsService,
  MOST_DAYS_CONFIRMED,
  type ServiceAtZero,
  serviceKeyOf,
  type UnusedConfirmation,
} from '../../shared/domain/image/service-at-zero.ts';
import { REASON, reasonIn } from '../acting/reason.ts';
import type { Arguments, Command } from '../command.ts';
import { EXIT, NotFoundError, UsageError } from '../errors.ts';
import { fitted, print, printJson } from '../output.ts';

export const confirmUnusedCommand: Command = {
  summary: 'Confirms until a day that a service at zero is unused, so that closures do not wait for what it may start.',
  synopsis: 'ACCOUNT/REGION/CLUSTER/SERVICE --by NAME --until DATE --reason TEXT',
  words: [1, 1],
  argumentHelp: { 'ACCOUNT/REGION/CLUSTER/SERVICE': 'a service of ECS at zero, as the report names it' },
  options: { by: { type: 'string' }, until: { type: 'string' }, ...REASON.options },
  optionHelp: {
    'by NAME': 'the person who answers for it; recorded beside your AWS identity',
    'until DATE': `the day on which it ends, 2027-03-31, at most ${MOST_DAYS_CONFIRMED} days ahead`,
    ...REASON.optionHelp,
  },
  async run(context, args) {
    const [text = ''] = args.positionals;
    const service = serviceNamed(text);
    const by = personIn(args);
    const until = dayIn(args);
    const reason = reasonIn(args);
    const { servicesAtZero, clock, author } = await context();
    const atEpochMs = clock();
    const untilEpochMs = endWithin(until, atEpochMs);
    const confirmed = { by, author: await author(), atEpochMs, untilEpochMs, reason };
    let changed = false;
    const stands = await servicesAtZero.change(service, (before) => {
      changed = before !== undefined && before.ended === undefined && !isSame(before.confirmed, confirmed);
      return changed && before ? { ...before, confirmed } : undefined;
    });
    if (!stands || stands.ended) throw notAtZero(text, stands);
    if (args.json) printJson({ changed, service: stands });
    else print(fitted(`${changed ? '' : 'Nothing was changed. '}${confirmedText(stands, atEpochMs)}`, 2));
    return EXIT.done;
  },
};

const isSame = (one: UnusedConfirmation | undefined, other: UnusedConfirmation): boolean =>
  one !== undefined && one.by === other.by && one.untilEpochMs === other.untilEpochMs && one.reason === other.reason;

const SERVICE = new RegExp(
  `^(?<account>\\d{12})/(?<region>${REGION_CODE})/(?<cluster>[A-Za-z0-9_-]{1,255})/(?<service>[A-Za-z0-9_-]{1,255})$`,
);

/** @throws UsageError */
function serviceNamed(text: string): EcsService {
  const { account, region, cluster, service } = SERVICE.exec(text)?.groups ?? {};
  if (account !== undefined && region !== undefined && cluster !== undefined && service !== undefined)
    return { account, region, cluster, service };
  throw new UsageError(
    `"${text}" names no service of ECS. Write ACCOUNT/REGION/CLUSTER/SERVICE, as the report shows it: patchwave report`,
  );
}

/** @throws UsageError */
function personIn({ flags }: Arguments): string {
  const by = typeof flags.by === 'string' ? flags.by.trim() : '';
  if (by === '' || by.length > 200)
    throw new UsageError('Say who answers for it: --by NAME, with at most 200 characters.');
  return by;
}

const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** @throws UsageError */
function dayIn({ flags: { until } }: Arguments): string {
  const text = typeof until === 'string' ? until : '';
  const atEpochMs = DAY.test(text) ? Date.parse(text) : Number.NaN;
  // 2027-02-30 is read as a day in March.
  if (!Number.isNaN(atEpochMs) && new Date(atEpochMs).toISOString().startsWith(text)) return text;
  throw new UsageError(
    `Say when the confirmation ends: --until 2027-03-31${text === '' ? '' : `, not "${text}"`}. Every confirmation has an end.`,
  );
}

/** @throws UsageError */
function endWithin(day: string, nowEpochMs: number): number {
  const untilEpochMs = Date.parse(day);
  const lastEpochMs = nowEpochMs + MOST_DAYS_CONFIRMED * DAY_MS;
  if (untilEpochMs > nowEpochMs && untilEpochMs <= lastEpochMs) return untilEpochMs;
  const last = new Date(lastEpochMs).toISOString().slice(0, 10);
  throw new UsageError(
    `--until ${day} ${untilEpochMs > nowEpochMs ? `is more than ${counted(MOST_DAYS_CONFIRMED, 'day')} ahead` : 'has passed'}. Write a day after today, at the latest ${last}.`,
  );
}

const notAtZero = (text: string, last: ServiceAtZero | undefined): NotFoundError =>
  new NotFoundError(
    last?.ended?.why === 'started'
      ? `Service ${text} is not at zero: a review found it started at ${instant(last.ended.atEpochMs)}. Only a service whose desired count is 0 and that runs no task can be confirmed.`
      : `No review found a service ${text} at zero: it runs, should run tasks, is a daemon, or is no service of ECS that reviews read. \`patchwave report\` lists those that are unused.`,
  );

function confirmedText(service: ServiceAtZero, nowEpochMs: number): string {
  const { sinceEpochMs, isScheduled, confirmed } = service;
  const days = Math.floor((nowEpochMs - sinceEpochMs) / DAY_MS);
  const zero = `Service ${serviceKeyOf(service)} is at zero since ${instant(sinceEpochMs)} or before (${counted(days, 'day')}).`;
  const said = confirmed
    ? ` ${confirmed.by} confirmed at ${instant(confirmed.atEpochMs)} that it is unused, until ${instant(confirmed.untilEpochMs)}: ${confirmed.reason}`
    : '';
  const scheduled = isScheduled
    ? '\nA rule or schedule may start the same images in its cluster. Closures go on waiting for that.'
    : '';
  return `${zero}${said}\nFrom the next review on, closures do not wait for what this service may start. The proof of each of these closures names that person. The confirmation ends early if a review finds the service started or deleted.${scheduled}`;
}
