import { behaveAsOnAQuietDay } from '../support/chaos.ts';

behaveAsOnAQuietDay([1, 2, ...Array.from({ length: 25 }, (_, index) => index + 101)]);
