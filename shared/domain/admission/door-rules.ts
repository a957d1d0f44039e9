/**
 * Rules of the doors alone. They ask whether there is a verdict at all, whether it can be read, and who may open a
 * namespace; every other rule id of a decision is cited from the verdict on the image.
 */
export const DOOR_RULES = {
  referenceReadable: 'reference-readable',
  digestRequired: 'digest-required',
  tagCurrent: 'tag-current',
  imageRecorded: 'image-recorded',
  imageJudged: 'image-judged',
  /** The door could not read what it decides by. */
  decided: 'door-undecided',
  breakGlass: 'break-glass',
} as const;
