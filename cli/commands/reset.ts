import { emptyHistory, type RebuildHistory } from '../../shared/domain/cause/rebuild.ts';
import { counted, countedInARow } from '../../shared/domain/common/counted.ts';
import { sameContent } from '../../shared/domain/common/same-content.ts';
import { instant } from '../../shared/domain/common/time.ts';
import { afterReset } from '../../shared/domain/guard/rebuild-history.ts';
import { isUnreadable } from '../../shared/planning/unless-unreadable.ts';
import { findStream, STREAM_HELP } from '../acting/find-stream.ts';
import { REASON, reasonIn } from '../acting/reason.ts';
import { renderNext } from '../acting/render-next.ts';
import type { Command } from '../command.ts';
import { EXIT } from '../errors.ts';
import { fitted, print, printJson, shortDigest } from '../output.ts';
import { answerNow } from '../plan/plan-now.ts';

export const resetCommand: Command = {
  summary: "Clears a stream's failure count and the history of its failed fixes.",
  synopsis: 'STREAM --reason TEXT',
  words: [1, 1],
  argumentHelp: STREAM_HELP,
  ...REASON,
  async run(context, args) {
    const reason = reasonIn(args);
    const connected = await context();
    const { guards, causes, locks, clock } = connected;
    const stream = await findStream(connected, args.positionals[0] ?? '');
    const reset = { by: await connected.author(), atEpochMs: clock(), reason };
    let before = emptyHistory(stream);
    let after = before;
    await guards.change(stream, (history) => {
      // The write of an earlier attempt whose reply was lost: a second one would free nothing more and count twice.
      if (history.reset && sameContent(history.reset, reset)) return history;
      before = history;
      after = afterReset(history, reset);
      return after;
    });
    const freedLock = (await isUnreadable(locks.get(stream))) && (await locks.clearUnreadable(stream));
    const cause = (await causes.get([stream])).get(stream);
    const answer = cause && (await answerNow(connected, cause));
    if (args.json) printJson({ stream, before, after, freedLock, cause: cause ?? null, answer: answer ?? null });
    else print(`Reset ${stream}.\n${freed(before, freedLock)}\n\n${renderNext(cause, answer, clock())}`);
    return EXIT.done;
  },
};

/** What the reset cleared. A run that may still go on is named, because it can now overlap the next one. */
function freed(
  {
    failuresInARow,
    survived,
    tried = [],
    unverifiedInARow = 0,
    brokenOff,
    pinnedTo = [],
    startUnknown,
  }: RebuildHistory,
  freedLock: boolean,
): string {
  const tries = tried.flatMap(({ facts }) => facts.map(({ builds }) => builds));
  const mostTries = tries.reduce((one, other) => Math.max(one, other), 0);
  const lines = [
    ...(failuresInARow > 0 ? [`the count of ${countedInARow(failuresInARow, 'failure')}`] : []),
    ...(survived.length > 0 ? [`the record of ${counted(survived.length, 'fact')} that a rebuild did not fix`] : []),
    ...(mostTries > 0 ? [`the count of ${counted(mostTries, 'rebuild')} on the same parents`] : []),
    ...(unverifiedInARow > 0
      ? [`the count of ${countedInARow(unverifiedInARow, 'rebuild')} that could not be verified`]
      : []),
    ...(brokenOff
      ? [`the count of ${countedInARow(brokenOff.inARow, 'cascade')} that stopped before the stream was done`]
      : []),
    ...pinnedTo.map(
      ({ stream, head }) => `the note that the last build did not use head ${shortDigest(head)} of ${stream}`,
    ),
    ...(startUnknown
      ? [
          `the record of rebuild ${startUnknown.rebuildId}, which may still be running (until ${instant(startUnknown.untilEpochMs)} at the latest): check its pipeline`,
        ]
      : []),
  ];
  if (freedLock) lines.push('the unreadable lock of the stream: check its pipeline for a run that is still going on');
  if (lines.length === 0) return 'The stream had nothing to clear.';
  return fitted(`Cleared:\n${lines.map((line) => `  ${line}`).join('\n')}`, 4);
}
