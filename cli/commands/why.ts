import type { Digest } from '../../shared/domain/image/image.ts';
import type { Command } from '../command.ts';
import { EXIT } from '../errors.ts';
import { explainImage, type ImageExplanation } from '../explain/explain.ts';
import { findImages } from '../explain/find-image.ts';
import { renderExplanation } from '../explain/render-explanation.ts';
import { print, printJson } from '../output.ts';

/** The strictest verdict of all requested images. */
function exitCodeOf(explanations: readonly ImageExplanation[]): number {
  const statuses = explanations.map(({ image }) => image.verdict?.status ?? 'unknown');
  if (statuses.includes('violating')) return EXIT.violating;
  return statuses.includes('unknown') ? EXIT.unknown : EXIT.done;
}

export const whyCommand: Command = {
  summary: "Explains an image's verdict: reasons, scan, age, lineage, and who runs it.",
  synopsis: 'IMAGE [--exit-code]',
  words: [1, 1],
  argumentHelp: {
    IMAGE:
      'a digest or its first six characters, a reference or its end (web:1.4.2), a repository (apps/web), ACCOUNT/REGION/REPOSITORY, or a stream',
  },
  options: { 'exit-code': { type: 'boolean' } },
  optionHelp: { 'exit-code': 'exit code 3 if the image is violating, 4 if it is unknown' },
  async run(context, { positionals, flags, json }) {
    const connected = await context();
    const digests: readonly Digest[] = await findImages(connected, positionals[0] ?? '');
    const explanations = await Promise.all(digests.map((digest) => explainImage(connected, digest)));
    if (json) printJson(explanations);
    else {
      const inForce = await connected.policies.inForce();
      const pages = explanations.map((explanation) => renderExplanation(explanation, connected.clock(), inForce));
      print(pages.join('\n\n'));
    }
    return flags['exit-code'] === true ? exitCodeOf(explanations) : EXIT.done;
  },
};
