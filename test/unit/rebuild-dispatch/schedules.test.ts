import { expectFreeStreams } from './schedules.ts';

/* Crashes, doubles and deaths at any time: one run at a time, no cap exceeded, every stream free in the end. */

const SCHEDULES = 150;

test(
  `${SCHEDULES} schedules of crashes, doubles and deaths leave every stream free`,
  () => expectFreeStreams(SCHEDULES),
  120000,
);
