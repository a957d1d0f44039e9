import { accuracyOf } from '../../../support/proposal-accuracy.ts';

describe.each([20, 200])('%i repositories', accuracyOf);
