import { mapConcurrently } from '../../shared/concurrency.ts';
import { counted } from '../../shared/domain/common/counted.ts';
import type { Command } from '../command.ts';
import { EXIT } from '../errors.ts';
import { explainImage, type ImageExplanation } from '../explain/explain.ts';
import { findImages } from '../explain/find-image.ts';
import { renderExplanation } from '../explain/render-explanation.ts';
import { print, printJson } from '../output.ts';
import { policyStatus } from '../policy/policy-status.ts';

/** A person reads no more; `a` may begin the digests of half of the images. */
const MOST_PAGES = 20;
const AT_ONCE = 8;

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
      'a digest or its first characters, a reference or its end (web:1.4.2), a repository (apps/web), ACCOUNT/REGION/REPOSITORY, either of them with @DIGEST, or a stream',
  },
  options: { 'exit-code': { type: 'boolean' } },
  optionHelp: { 'exit-code': 'exit code 3 if the image is violating, 4 if it is unknown' },
  async run(context, { positionals, flags, json }) {
    const connected = await context();
    const [digests, known] = await Promise.all([
      findImages(connected, positionals[0] ?? ''),
      policyStatus(connected.policies),
    ]);
    const explanations = await mapConcurrently(json ? digests : digests.slice(0, MOST_PAGES), AT_ONCE, (digest) =>
      explainImage(connected, digest, known?.inForce),
    );
    if (json) printJson(explanations);
    else {
      const inForce = known?.state.version;
      const pages = explanations.map((explanation) => renderExplanation(explanation, connected.clock(), inForce));
      print(pages.join('\n\n'));
      if (digests.length > MOST_PAGES)
        print(
          `\nand ${counted(digests.length - MOST_PAGES, 'more image')}. Give a longer name, or list all with --json.`,
        );
    }
    return flags['exit-code'] === true ? exitCodeOf(explanations) : EXIT.done;
  },
};
