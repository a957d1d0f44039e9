import { accuracyOf } from '../../../support/proposal-accuracy.ts';

describe.each([2000])('%i repositories', accuracyOf);
