/** The form of a Region's code, in every partition, as the source of a pattern. */
export const REGION_CODE = '[a-z]{2,4}(?:-[a-z]+)+-\\d+';
