import { counted } from '../../shared/domain/common/counted.ts';
import { instant } from '../../shared/domain/common/time.ts';
import type { UnreadableItem } from '../../shared/domain/common/unreadable-item.ts';
import { visibleLine } from '../../shared/domain/common/visible-text.ts';
import type { VendorDependency } from '../../shared/domain/report/vendor-dependency.ts';
import { outcomesInWords, type ReviewRecord, WHOLE_FLEET } from '../../shared/domain/review/run.ts';
import type { RunLedger } from '../../shared/ports/ledger.ts';
import { type ActingState, readActingState } from '../acting/acting.ts';
import {
  renderAnswers,
  renderCascade,
  renderClosures,
  renderSetAside,
  renderSwitch,
  renderWaiting,
  SET_ASIDE,
  WAITING,
} from '../acting/render-acting.ts';
import type { Command } from '../command.ts';
import { EXIT } from '../errors.ts';
import { waitingForVendors } from '../explain/waiting-for-vendors.ts';
import { type Colour, fitted, paint, print, printJson, relative } from '../output.ts';
import { type PolicyStatus, policyStatus } from '../policy/policy-status.ts';
import { denialsText, expectedDenials } from '../status/denials.ts';
import { BREAK_GLASS, doorsSummary, doorsText, openBreakGlasses, renderBreakGlasses } from '../status/doors.ts';
import { accountsNotRead, renderScopes, statusScopes } from '../status/scopes.ts';

const STATE_COLOURS: Readonly<Record<ReviewRecord['state'], Colour>> = {
  running: 'cyan',
  succeeded: 'green',
  failed: 'red',
};

function describeReview(review: ReviewRecord, now: number): string {
  const at = review.endedAtEpochMs ?? review.startedAtEpochMs;
  const state = paint(STATE_COLOURS[review.state], review.state);
  const of = review.scopeKey === WHOLE_FLEET ? '' : ` of ${visibleLine(review.scopeKey)} only`;
  const when = `${review.state === 'running' ? 'since' : 'at'} ${instant(at)} (${relative(at, now)})`;
  const head = `review ${review.runId}${of}: ${state} ${when}, policy ${review.policyVersion.slice(0, 12)}`;
  const { totals, failure } = review;
  const lines = [fitted(head, 2)];
  if (failure) lines.push(fitted(visibleLine(`  ${failure.error}: ${failure.detail}`), 4));
  if (totals) {
    const { scopes, inventory, possible, ancestors, found } = totals;
    const counts = [
      `  scopes     ${scopes.complete} complete, ${scopes.skipped} skipped, ${scopes.failed} failed${scopes.left ? `, ${scopes.left} left the fleet` : ''}`,
      `  running    ${counted(inventory.tasks, 'task or pod', 'tasks and pods')}, ${counted(inventory.containers, 'container')} on ${counted(found, 'image')}, ${counted(inventory.unresolved, 'container')} without a digest`,
      `  verdicts   ${outcomesInWords(totals)}`,
    ];
    if (possible && (possible.found > 0 || inventory.possible))
      counts.push(
        `  may start  ${counted(possible.found, 'image')} not running (${counted(inventory.possible ?? 0, 'workload')} without a pod, and what ran within the grace of the doors): ${outcomesInWords(possible)}`,
      );
    if (ancestors)
      counts.push(
        `  others     ${counted(ancestors.found, 'image')} not running (ancestors and heads): ${outcomesInWords(ancestors)}`,
      );
    lines.push(...counts.map((line) => fitted(line, 13)));
  }
  return lines.join('\n');
}

/** Empty if a policy is in force, because each review shows its policy. */
function policyText(policy: PolicyStatus | undefined): string | undefined {
  if (!policy) return 'No policy is in force. Apply one with: patchwave policy apply FILE';
  return policy.unreadable && paint('red', visibleLine(policy.unreadable));
}

/** A fleet that only reports may have thousands of causes. */
const MOST_ROWS = 20;

interface Acting extends ActingState {
  readonly waitingForVendors: readonly VendorDependency[];
  readonly unreadable: readonly UnreadableItem[];
}

function actingText(acting: Acting, now: number): string {
  const { killSwitch, causes, cascades, closures, waitingForVendors, unreadable } = acting;
  const open = causes.filter(({ state }) => state === 'open');
  const head = `${fitted(renderSwitch(killSwitch, now), 2)}\n${counted(open.length, 'open cause')}, ${causes.length - open.length} taken by cascades, ${counted(closures.length, 'open closure')}`;
  return [
    head,
    ...section(unreadable, SET_ASIDE, renderSetAside),
    ...section(open, "Open causes, with the planner's last answer", (rows) => renderAnswers(rows, now)),
    ...section(waitingForVendors, WAITING, (rows) => renderWaiting(rows, now)),
    ...cascades.map((view) => renderCascade(view, now)),
    ...section(closures, 'Verified, waiting for older images to stop', (rows) => renderClosures(rows, now)),
  ].join('\n\n');
}

function section<Row>(rows: readonly Row[], title: string, render: (rows: readonly Row[]) => string): string[] {
  if (rows.length === 0) return [];
  const more =
    rows.length > MOST_ROWS ? `\n${paint('dim', `and ${rows.length - MOST_ROWS} more: --json lists all`)}` : '';
  return [`${paint('bold', title)}\n${render(rows.slice(0, MOST_ROWS))}${more}`];
}

export const statusCommand: Command = {
  summary: 'Shows the last and the running review, the doors, every scope, open causes, cascades and closures.',
  synopsis: '[--exit-code]',
  words: [0, 0],
  options: { 'exit-code': { type: 'boolean' } },
  optionHelp: { 'exit-code': 'exit code 1 unless the last review succeeded' },
  async run(context, { flags, json }) {
    const connected = await context();
    const { runs, scopes, policies, clock } = connected;
    const known = await policyStatus(policies);
    const { ended, partial, running } = await lastReviews(runs);
    const all = [...(await Array.fromAsync(scopes.all())), ...(await accountsNotRead(runs, ended))];
    const shown = statusScopes(all, known?.inForce?.policy);
    const acting = await readActingState(connected, known?.inForce);
    const waiting = await waitingForVendors(connected, acting.causes);
    const [denials, breakGlasses] = await Promise.all([
      expectedDenials(connected.denials),
      openBreakGlasses(connected.breakGlasses, clock()),
    ]);
    const doors = known?.inForce && doorsSummary(known.inForce.policy);
    const state = {
      ...acting,
      waitingForVendors: waiting,
      doors: doors ?? null,
      expectedDenials: denials,
      breakGlasses,
      unreadable: connected.unreadable.items(),
    };
    const code = flags['exit-code'] === true && ended?.state !== 'succeeded' ? EXIT.failed : EXIT.done;
    if (json) {
      const reviews = { ended: ended ?? null, partial: partial ?? null, running: running ?? null };
      printJson({ policy: known?.state ?? null, ...reviews, ...shown, ...state });
      return code;
    }
    const withoutPolicy = policyText(known?.state);
    if (withoutPolicy !== undefined) print(withoutPolicy);
    if (running) print(describeReview(running, clock()));
    print(
      ended ? describeReview(ended, clock()) : 'No review of the fleet has ended yet. Start one with: patchwave review',
    );
    if (partial) print(describeReview(partial, clock()));
    if (doors) print(fitted(doorsText(doors), 2));
    const refusals = denialsText(denials, clock());
    if (refusals !== '') print(fitted(paint('yellow', refusals), 2));
    for (const text of section(breakGlasses, BREAK_GLASS, renderBreakGlasses)) print(`\n${text}`);
    const scopesText = renderScopes(shown);
    if (scopesText !== '') print(`\n${scopesText}`);
    print(`\n${actingText(state, clock())}`);
    return code;
  },
};

/** The last review of the whole fleet, and one of some scopes only if it ended after that. */
async function lastReviews(runs: RunLedger) {
  const [{ ended, running }, fleet] = await Promise.all([runs.latest(), runs.latestOfFleet()]);
  const partial = ended && ended.scopeKey !== WHOLE_FLEET ? ended : undefined;
  return { ended: fleet, partial, running };
}
