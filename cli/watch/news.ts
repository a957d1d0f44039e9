import type { Cascade, CascadeNode } from '../../shared/domain/cause/cascade.ts';
import { answerHead } from '../acting/answer-text.ts';
import { outcomeText } from '../acting/render-acting.ts';
import { shortDigest } from '../output.ts';
import type { UnderWay } from './under-way.ts';

/** What is known of each thing under way, in words, by the name of the thing. */
export type Facts = ReadonlyMap<string, string>;

/** Every thing under way, as one line of text each. */
export function factsOf({ killSwitch, running, rebuilds, cascades, closures, causes }: UnderWay): Facts {
  const builds = new Map(rebuilds.map((rebuild) => [rebuild.stream, rebuild.state]));
  return new Map([
    ['rebuilding', killSwitch.rebuilding === 'paused' ? `paused by ${killSwitch.by}: ${killSwitch.reason}` : 'active'],
    ...(running ? [[`review ${running.runId}`, 'running'] as const] : []),
    ...cascades.flatMap(({ nodes, deployments, ...cascade }) => [
      [cascadeName(cascade), cascade.state] as const,
      ...nodes.map((node) => [nodeName(node), nodeText(node, builds.get(node.stream))] as const),
      ...deployments.map(
        ({ service, state, detail, progress }) =>
          [
            `deployment of ${service}`,
            [state, detail ?? progress].filter((text) => text !== undefined).join(': '),
          ] as const,
      ),
    ]),
    ...closures.map(
      ({ stream, waitingFor }) =>
        [`old images of ${stream}`, waitingFor ?? 'the next review checks whether any still runs'] as const,
    ),
    ...causes.map(
      ({ stream, answer }) => [`cause of ${stream}`, answer ? answerHead(answer) : 'waits for the planner'] as const,
    ),
  ]);
}

const cascadeName = ({ cascadeId }: Pick<Cascade, 'cascadeId'>): string => `cascade ${cascadeId}`;
const nodeName = ({ stream, work }: Pick<CascadeNode, 'stream' | 'work'>): string => `${work} of ${stream}`;

function nodeText({ state, output, outcome, answer }: CascadeNode, build: string | undefined): string {
  const more = outcome ? outcomeText(outcome) : answer ? `${answer.reason}: ${answer.detail}` : undefined;
  return [
    state,
    ...(build !== undefined && !outcome ? [`build ${build}`] : []),
    ...(output === undefined ? [] : [`output ${shortDigest(output)}`]),
    ...(more === undefined ? [] : [more]),
  ].join(', ');
}

/** What became of a cascade that is no longer open. */
export const endedFacts = (cascade: Cascade, nodes: readonly CascadeNode[]): Facts =>
  new Map([
    ...nodes.map((node) => [nodeName(node), nodeText(node, undefined)] as const),
    [cascadeName(cascade), cascade.state],
  ]);

/**
 * One line for each thing that is new, has changed or is over.
 * @param ended what became of what is no longer under way
 */
export function newsOf(before: Facts, now: Facts, ended: Facts): readonly string[] {
  const changed = [...now].filter(([name, text]) => before.get(name) !== text);
  const over = [...before.keys()].filter((name) => !now.has(name));
  return [
    ...changed.map(([name, text]) => `${name}: ${text}`),
    ...over.flatMap((name) => {
      const text = ended.get(name);
      if (text === undefined) return [`${name}: no longer under way`];
      return text === before.get(name) ? [] : [`${name}: ${text}`];
    }),
  ];
}
