import { behaveAsOnAQuietDay } from '../support/chaos.ts';

behaveAsOnAQuietDay([1, 2]);
