import type { Colour } from '../output.ts';
import type { Mark } from './plan-tree.ts';
import { spanText } from './render-forecast.ts';

/** The plan for a stream in one word: `wave 1`, `deploy`, `waits`, `refused`, `under way`, or `-`. */
export function markWord(mark: Mark): string {
  switch (mark.kind) {
    case 'planned':
      return mark.work.work === 'deploy' ? 'deploy' : `wave ${mark.work.wave + 1}`;
    case 'held':
      return mark.held.answer === 'refuse' ? 'refused' : 'waits';
    case 'under-way':
      return 'under way';
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
      return mark.held.reason;
    case 'under-way':
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
    case 'under-way':
      return 'cyan';
    case 'untouched':
      return 'dim';
  }
}
