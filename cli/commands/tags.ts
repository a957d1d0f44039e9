import { visibleLine } from '../../shared/domain/common/visible-text.ts';
import { locationKey } from '../../shared/domain/image/image.ts';
import { repositoryNamed } from '../check/target.ts';
import type { Command } from '../command.ts';
import { UsageError } from '../errors.ts';
import { fitted, paint, print, printJson, shortDigest, table } from '../output.ts';
import { checkTags, type TagsAnswer } from '../tags/check-tags.ts';
import { VERDICT_COLOURS, VERDICT_EXITS } from '../verdict-status.ts';

export const tagsCommand: Command = {
  summary: 'Judges the tags of a repository by the policy. Exit code 0: compliant; 3: violating; 4: unknown.',
  synopsis: 'check REPOSITORY',
  words: [2, 2],
  argumentHelp: { REPOSITORY: 'REGISTRY/REPOSITORY, or ACCOUNT/REGION/REPOSITORY' },
  options: {},
  optionHelp: {},
  async run(context, { json, positionals: [action, repository = ''] }) {
    if (action !== 'check')
      throw new UsageError(`"tags ${action}" is not an action. Expected: patchwave tags ${tagsCommand.synopsis}`);
    const location = repositoryNamed(repository);
    const answer = await checkTags(await context(), location);
    if (json) printJson(answer);
    else print(render(answer));
    return VERDICT_EXITS[answer.status];
  },
};

function render({ location, status, tags, problem }: TagsAnswer): string {
  const name = `${visibleLine(locationKey(location))} ${paint(VERDICT_COLOURS[status], status)}`;
  if (problem !== undefined) return fitted([name, visibleLine(problem)].join('\n'), 4);
  const violating = tags.filter((one) => one.status === 'violating');
  const head = `${name}: ${violating.length} of ${tags.length} tags violate`;
  if (violating.length === 0) return head;
  const rows = table(violating, [
    { title: 'tag', value: ({ tag }) => tag },
    { title: 'image', value: ({ digest }) => shortDigest(digest) },
    { title: 'problem and next step', value: ({ text = '', next = '' }) => `${text}; next: ${next}` },
  ]);
  return [head, rows].join('\n');
}
