import {
  ASKED_BY_PERSON,
  type Cause,
  factKey,
  mergeCause,
  type PersonFact,
  settleFacts,
} from '../../shared/domain/cause/cause.ts';
import { classifyFact } from '../../shared/domain/cause/fact-status.ts';
import type { Rebuild } from '../../shared/domain/cause/rebuild.ts';
import { findStream, STREAM_HELP } from '../acting/find-stream.ts';
import { REASON, reasonIn } from '../acting/reason.ts';
import { renderNext } from '../acting/render-next.ts';
import type { CliContext, Command } from '../command.ts';
import { EXIT, RebuildRefusedError } from '../errors.ts';
import { print, printJson } from '../output.ts';
import { answerNow } from '../plan/plan-now.ts';

export const rebuildCommand: Command = {
  summary: 'Requests a rebuild of a stream regardless of its verdict. The guards still apply.',
  synopsis: 'STREAM --reason TEXT',
  words: [1, 1],
  argumentHelp: STREAM_HELP,
  ...REASON,
  async run(context, args) {
    const reason = reasonIn(args);
    const connected = await context();
    const stream = await findStream(connected, args.positionals[0] ?? '');
    const request: PersonFact = {
      kind: 'person',
      ruleId: ASKED_BY_PERSON,
      by: await connected.author(),
      reason,
      sinceEpochMs: connected.clock(),
    };
    const { cause, added, answer } = await ask(connected, stream, request);
    if (args.json) printJson({ stream, added, cause: cause ?? null, answer: answer ?? null });
    else {
      const said = added ? `Requested a rebuild of ${stream}.` : 'You made this request already, with the same reason.';
      print(`${said}\n${renderNext(cause, answer, connected.clock())}`);
    }
    return EXIT.done;
  },
};

/**
 * A request cannot be withdrawn, so one that no waiting would fulfil is not recorded.
 * @throws RebuildRefusedError
 */
async function ask(context: CliContext, stream: string, request: PersonFact) {
  const [causes, [latest]] = await Promise.all([context.causes.get([stream]), context.rebuilds.latest(stream, 1)]);
  const asked = withRequest(stream, causes.get(stream), request, latest);
  const answer = asked && (await answerNow(context, asked));
  const afterPause = answer?.afterPause ?? answer;
  if (afterPause?.answer === 'refuse') throw new RebuildRefusedError(stream, afterPause);
  let added = false;
  const stands = await context.causes.change(stream, (before) => {
    const after = withRequest(stream, before, request, latest);
    added = after?.version !== before?.version;
    return after === before ? undefined : after;
  });
  return { cause: stands, added, answer };
}

/** Fulfilled requests are settled first: otherwise a repeated reason would match the old request. */
function withRequest(stream: string, before: Cause | undefined, request: PersonFact, latest: Rebuild | undefined) {
  const seen = { inUse: [], ...(latest && { latestRebuild: latest }) };
  const isServed = (fact: Cause['facts'][number]) =>
    factKey(fact) === factKey(request) && classifyFact(fact, seen) === 'gone';
  const left = before && settleFacts(before, before.facts.filter(isServed));
  return mergeCause(stream, left, [request]);
}
