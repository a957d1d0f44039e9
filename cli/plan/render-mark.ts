import { answerReasons } from '../acting/answer-text.ts';
import type { Colour } from '../output.ts';
import type { Mark } from './plan-tree.ts';
import { spanText } from './render-forecast.ts';

/** The plan for a stream in one word: `wave 1`, `deploy`, `waits`, `refused`, `in progress`, or `-`. */
export function markWord(mark: Mark): string {
  switch (mark.kind) {
    case 'planned':
      return mark.work.work === 'deploy' ? 'deploy' : `wave ${mark.work.wave + 1}`;
    case 'held':
      return mark.held.answer === 'refuse' ? 'refused' : 'waits';
    case 'in-progress':
      return 'in progress';
    case 'untouched':
      return '-';
  }
}

/** The duration, the reason why it waits, or its state. */
export function markNote(mark: Mark): string {
  switch (mark.kind) {
    case 'planned':
      return mark.work.expected ? spanText(mark.work.expected) : '';
    case 'held':
      return answerReasons(mark.held);
    case 'in-progress':
      return mark.node.state;
    case 'untouched':
      return '';
  }
}

export function markColour(mark: Mark): Colour {
  switch (mark.kind) {
    case 'planned':
      return 'green';
    case 'held':
      return mark.held.answer === 'refuse' ? 'red' : 'yellow';
    case 'in-progress':
      return 'cyan';
    case 'untouched':
      return 'dim';
  }
}
