import { behaveAsOnAQuietDay } from '../support/chaos.ts';

behaveAsOnAQuietDay(Array.from({ length: 25 }, (_, index) => index + 101));
