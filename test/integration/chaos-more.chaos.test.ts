import { behaveAsOnAQuietDay } from '../support/chaos.ts';

behaveAsOnAQuietDay(Array.from({ length: 13 }, (_, index) => index + 113));
