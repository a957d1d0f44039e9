import { counted } from '../../shared/domain/common/counted.ts';
import { type ExpiryState, isUnseen } from '../../shared/domain/retention/image-expiry.ts';
import { type FleetExpiries, readExpiries } from '../../shared/review/read-expiries.ts';
import type { Command } from '../command.ts';
import { EXIT } from '../errors.ts';
import { fitted, paint, print, printJson } from '../output.ts';
import { renderExpiries, renderUnseen } from '../protection/render-expiries.ts';

function exitCodeOf({ checks, expiries }: FleetExpiries, now: number): number {
  if (expiries.some(({ expiryState }) => expiryState.state !== 'unknown')) return EXIT.violating;
  const isUnknown = checks.length === 0 || expiries.length > 0 || checks.some((check) => isUnseen(check, now));
  return isUnknown ? EXIT.unknown : EXIT.done;
}

function render({ checks, expiries }: FleetExpiries, now: number): string {
  if (checks.length === 0)
    return fitted(
      'Lifecycle policies have not been checked yet. The check runs once a day, after the review. To run it now, see docs/protection.md.',
      0,
    );
  const unseen = checks.filter((check) => isUnseen(check, now));
  const images = checks.reduce((sum, check) => sum + check.images, 0);
  const tagged = checks.reduce((sum, check) => sum + (check.tagged ?? 0), 0);
  const inState = (state: ExpiryState['state']) =>
    expiries.filter(({ expiryState }) => expiryState.state === state).length;
  const gone = inState('gone');
  const head = `${repositories(checks.length)} with ${counted(images, 'image')} in use: ${gone > 0 ? `${gone} already deleted or archived, ` : ''}${inState('expires')} will expire, ${inState('unknown')} with unknown expiry; ${repositories(unseen.length)} not checked${tagged > 0 ? `; ${counted(tagged, 'protecting tag')} set by Patchwave` : ''}`;
  return [
    head,
    ...(expiries.length > 0 ? [renderExpiries(expiries, now)] : []),
    ...(unseen.length > 0 ? [`${paint('bold', 'Not checked')}\n${renderUnseen(unseen, now)}`] : []),
  ].join('\n\n');
}

const repositories = (count: number): string => counted(count, 'repository', 'repositories');

export const protectionCommand: Command = {
  summary: 'Lists images in use that a registry lifecycle policy will expire: rule, time and users.',
  synopsis: '[--exit-code]',
  words: [0, 0],
  options: { 'exit-code': { type: 'boolean' } },
  optionHelp: {
    'exit-code': 'exit code 3 if an image is gone or will expire, 4 if something is unknown or was not checked',
  },
  async run(context, { flags, json }) {
    const connected = await context();
    const seen = await readExpiries(connected.expiries);
    const now = connected.clock();
    if (json) printJson(seen);
    else print(render(seen, now));
    return flags['exit-code'] === true ? exitCodeOf(seen, now) : EXIT.done;
  },
};
