import { isUnseen } from '../../shared/domain/retention/image-expiry.ts';
import { readLosses, type SeenLosses } from '../../shared/review/read-losses.ts';
import type { Command } from '../command.ts';
import { EXIT } from '../errors.ts';
import { counted, paint, print, printJson } from '../output.ts';
import { renderLosses, renderUnseen } from '../protection/render-losses.ts';

function exitCodeOf({ looks, losses }: SeenLosses, now: number): number {
  if (losses.some(({ fate }) => fate.state !== 'unknown')) return EXIT.violating;
  const isUnknown = looks.length === 0 || losses.length > 0 || looks.some((look) => isUnseen(look, now));
  return isUnknown ? EXIT.unknown : EXIT.done;
}

function render({ looks, losses }: SeenLosses, now: number): string {
  if (looks.length === 0)
    return 'Nobody has looked at lifecycle policies yet. The look comes once a day, after the review.';
  const unseen = looks.filter((look) => isUnseen(look, now));
  const images = looks.reduce((sum, look) => sum + look.images, 0);
  const tagged = looks.reduce((sum, look) => sum + (look.tagged ?? 0), 0);
  const unknown = losses.filter(({ fate }) => fate.state === 'unknown').length;
  const head = `${looks.length} ${looks.length === 1 ? 'repository' : 'repositories'} with ${counted(images, 'image')} in use: ${losses.length - unknown} will be lost, of ${unknown} it is unknown; ${unseen.length} not seen${tagged > 0 ? `; ${counted(tagged, 'tag')} of ours keep images` : ''}`;
  return [
    head,
    ...(losses.length > 0 ? [renderLosses(losses, now)] : []),
    ...(unseen.length > 0 ? [`${paint('bold', 'Not seen')}\n${renderUnseen(unseen, now)}`] : []),
  ].join('\n\n');
}

export const protectionCommand: Command = {
  summary: 'What lifecycle policies of registries will take of what is in use: which rule, when, and who needs it.',
  synopsis: '[--exit-code]',
  words: [0, 0],
  options: { 'exit-code': { type: 'boolean' } },
  optionHelp: { 'exit-code': 'ends with 3 if something will be lost, 4 if something is unknown or was not seen' },
  async run(context, { flags, json }) {
    const connected = await context();
    const seen = await readLosses(connected.losses);
    const now = connected.clock();
    if (json) printJson(seen);
    else print(render(seen, now));
    return flags['exit-code'] === true ? exitCodeOf(seen, now) : EXIT.done;
  },
};
