import { FakeGateModes } from '../support/fakes/gate-modes.ts';
import { gateModesContract } from './gate-modes.contract.ts';

gateModesContract(() => new FakeGateModes());
