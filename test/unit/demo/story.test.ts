import { stripVTControlCharacters } from 'node:util';
import { jest } from '@jest/globals';
import type { ActingState, CascadeView } from '../../../cli/acting/acting.ts';
import { Progress } from '../../../local/demo/progress.ts';
import { awaited, sentencesOf } from '../../../local/demo/sentences.ts';
import { listOf, STORY_LINES, Story } from '../../../local/demo/story.ts';
import type { CascadeNode } from '../../../shared/domain/cause/cascade.ts';
import type { Cause, CauseFact } from '../../../shared/domain/cause/cause.ts';

const names = {
  stream: (id: string) => id,
  brief: (id: string) => id,
  reference: (text: string) => text,
  service: (key: string) => key,
};
const fact = { kind: 'finding', vulnerability: 'CVE-1', package: 'p', version: '1' } as CauseFact;
const node = (stream: string, changes: object = {}) =>
  ({
    cascadeId: 'c',
    stream,
    work: 'rebuild',
    wave: 0,
    facts: [fact],
    holders: [],
    state: 'planned',
    ...changes,
  }) as CascadeNode;
const cascade = (nodes: CascadeNode[], changes: object = {}) =>
  ({ cascadeId: 'c', state: 'running', nodes, deployments: [], ...changes }) as unknown as CascadeView;

/** What a story prints on 100 columns, without the seconds. */
function storyOf(tell: (story: Story) => void): string[] {
  let page = '';
  const write = (piece: string): void => {
    page += piece;
  };
  const story = new Story(new Progress({ write, columns: 100 }));
  tell(story);
  story.end();
  return stripVTControlCharacters(page)
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/^ *\d+ s {2}/, ''));
}

const told = (seen: CascadeView[], causes: object[] = []): string[] =>
  storyOf((story) =>
    story.news(sentencesOf({ causes } as unknown as ActingState, seen, { names, alarm: 'the-alarm' })),
  );

beforeEach(() => {
  jest.useFakeTimers({ now: 0 });
});
afterEach(() => {
  jest.useRealTimers();
});

test('a plan names its order; streams of one outcome are one sentence, which is printed once', () => {
  const fixed = { state: 'verified', outcome: { result: 'fixed' }, wave: 1, parents: ['base'] };
  const seen = [cascade([node('base', { state: 'building' }), node('b', fixed), node('a', fixed)])];
  const sentences = sentencesOf({ causes: [] }, seen, { names, alarm: undefined });
  expect(
    storyOf((story) => {
      story.news(sentences);
      story.news(sentences);
    }),
  ).toEqual([
    'base is at fault: CVE-1',
    'Plan c rebuilds base; then a and b',
    "Rebuilds base in its team's pipeline",
    'Verified a and b: CVE-1 is gone',
  ]);
});

test('what is new while something is under way is told after what came of that', () => {
  const sentences = sentencesOf({ causes: [] }, [cascade([node('base')])], { names, alarm: undefined });
  expect(
    storyOf((story) => {
      story.hold();
      story.news(sentences);
      story.say('The door refuses it');
      story.release();
      story.say('The end');
    }),
  ).toEqual(['The door refuses it', 'base is at fault: CVE-1', 'Plan c rebuilds base', 'The end']);
});

test('a story that ends while it holds news tells them', () => {
  const sentences = sentencesOf({ causes: [] }, [cascade([node('base')])], { names, alarm: undefined });
  expect(
    storyOf((story) => {
      story.hold();
      story.news(sentences);
    }),
  ).toEqual(['base is at fault: CVE-1', 'Plan c rebuilds base']);
});

test('an incomplete cascade says how it ends, why, and which alarm would ring', () => {
  const left = { state: 'ineffective', outcome: { result: 'ineffective', left: [fact] } };
  const failure = { error: 'CascadeIncomplete', detail: 'stream a: ineffective' };
  expect(told([cascade([node('a', left)], { state: 'incomplete', failure })])).toEqual([
    'a is at fault: CVE-1',
    'Plan c rebuilds a',
    'Not fixed, so not deployed: a still has CVE-1',
    'Plan c ends as CascadeIncomplete, because of a. The alarm the-alarm would ring',
  ]);
});

test('with two cascades each sentence names its own', () => {
  const other = { ...cascade([node('b', { cascadeId: 'd', state: 'building' })]), cascadeId: 'd' };
  expect(told([cascade([node('a', { state: 'building' })]), other])).toEqual([
    'c: a is at fault: CVE-1',
    'Plan c rebuilds a',
    "c: Rebuilds a in its team's pipeline",
    'd: b is at fault: CVE-1',
    'Plan d rebuilds b',
    "d: Rebuilds b in its team's pipeline",
  ]);
});

test('deployments are told when they run and when they end, with the reason of a failure', () => {
  const deployment = (service: string, state: string, detail?: string) => ({ cascadeId: 'c', service, state, detail });
  const deployments = [
    deployment('x', 'running'),
    deployment('y', 'completed', 'took 3 minutes'),
    deployment('z', 'failed', 'tasks stop'),
  ];
  expect(told([cascade([], { deployments })]).slice(1)).toEqual([
    'Deploys the new image to x',
    'y runs the new image',
    'The deployment to z failed: tasks stop',
  ]);
});

test('a stream that the guards refuse is left alone, with the reason in plain words', () => {
  const refused = { stream: 'a', state: 'open', answer: { answer: 'refuse', reason: 'report-only', detail: 'So.' } };
  expect(told([], [refused])).toEqual(['Leaves alone a: its policy only reports']);
});

test('what is awaited: builds, then deployments, then the end, then the next plan', () => {
  const cause = { stream: 'a', state: 'open', answer: { answer: 'wait', reason: 'head-unread' } } as unknown as Cause;
  const deployments = [{ service: 'x', state: 'running' }];
  const texts = [
    awaited([], [cascade([node('a', { state: 'building' })], { deployments })], names),
    awaited([], [cascade([], { deployments })], names),
    awaited([], [cascade([node('a')])], names),
    awaited([], [cascade([])], names),
    awaited([cause], [], names),
    awaited([], [], names),
  ];
  expect(texts).toEqual([
    'the pipelines and scans of a',
    'the deployments to x',
    'the rebuilds of a to begin',
    'the end of plan c',
    'the next plan for a',
    undefined,
  ]);
});

test('while nothing else is printed, a line within each 10 seconds says for what it waits', () => {
  const lines = storyOf((story) => {
    story.say('First');
    story.waitFor(() => 'a build');
    jest.advanceTimersByTime(19_000);
  });
  expect(lines).toEqual(['First', 'Still waits for a build', 'Still waits for a build']);
});

test('a long story leaves out starts first, then outcomes, and never the end of a plan', () => {
  const sentence = (key: string, weight: 'always' | 'outcome' | 'start') => ({
    ...{ key, group: key, weight },
    tell: () => `${weight} ${key}`,
  });
  const many = (weight: 'always' | 'outcome' | 'start') =>
    Array.from({ length: STORY_LINES }, (_, at) => sentence(`${weight} ${at}`, weight));
  const lines = storyOf((story) => {
    story.news([...many('start'), ...many('outcome'), sentence('end', 'always')]);
  });
  const count = (weight: string): number => lines.filter((line) => line.startsWith(weight)).length;
  expect([count('start'), count('outcome'), count('always')]).toEqual([26, 8, 1]);
});

test('a list of names is short', () => {
  expect(listOf(['a'])).toBe('a');
  expect(listOf(['a', 'b'])).toBe('a and b');
  expect(listOf(['a', 'b', 'c', 'd'], 3)).toBe('a, b and 2 others');
});
