import { visibleLine } from '../../shared/domain/common/visible-text.ts';
import { type Colour, paint, wrapped } from '../output.ts';
import type { DoctorFinding, FindingState } from './finding.ts';

const COLOURS: Readonly<Record<FindingState, Colour>> = { ok: 'green', broken: 'red', unknown: 'yellow' };
const STATE_WIDTH = 'unknown'.length;
const CHECK_WIDTH = 12;
const INDENT = STATE_WIDTH + CHECK_WIDTH + 4;

/** Renders every finding in check order, with its fix below, and the totals. */
export function renderFindings(findings: readonly DoctorFinding[], width: number): string {
  const count = (state: FindingState) => findings.filter((one) => one.state === state).length;
  const [isBroken, isUnknown] = [count('broken'), count('unknown')];
  const sum = `${isBroken} broken, ${isUnknown} unknown, ${count('ok')} ok.`;
  const next =
    isBroken + isUnknown === 0
      ? 'Nothing is broken.'
      : isBroken === 0
        ? 'No problem found, but some checks could not be made.'
        : 'Make the fixes, then run the command again.';
  return [...findings.map((finding) => renderFinding(finding, width)), '', ...wrapped(`${sum} ${next}`, width, 0)].join(
    '\n',
  );
}

function renderFinding({ state, check, text, fix }: DoctorFinding, width: number): string {
  const head = `${paint(COLOURS[state], state.padEnd(STATE_WIDTH))}  ${check.padEnd(CHECK_WIDTH)}  `;
  const body = [...wrapped(visibleLine(text), width - INDENT, 0)];
  if (fix !== undefined) body.push(...wrapped(`fix: ${visibleLine(fix)}`, width - INDENT, 0));
  return `${head}${body.join(`\n${' '.repeat(INDENT)}`)}`;
}
