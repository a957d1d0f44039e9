import { fakeWorld } from '../support/fakes/world.ts';
import { cascadeLedgerContract } from './cascade-ledger.contract.ts';
import { causeLedgerContract } from './cause-ledger.contract.ts';
import { contentLedgerContract } from './content-ledger.contract.ts';
import { guardLedgerContract } from './guard-ledger.contract.ts';
import { imageLedgerContract } from './image-ledger.contract.ts';
import { lockLedgerContract } from './lock-ledger.contract.ts';
import { placeLedgerContract } from './place-ledger.contract.ts';
import { rebuildLedgerContract } from './rebuild-ledger.contract.ts';
import { rolloutLedgerContract } from './rollout-ledger.contract.ts';
import { runLedgerContract } from './run-ledger.contract.ts';
import { scopeLedgerContract } from './scope-ledger.contract.ts';
import { slotLedgerContract } from './slot-ledger.contract.ts';
import { streamImagesContract } from './stream-images.contract.ts';
import { streamLedgerContract } from './stream-ledger.contract.ts';
import { switchLedgerContract } from './switch-ledger.contract.ts';
import { usageLedgerContract } from './usage-ledger.contract.ts';

const propertyRuns = 200;

describe('the fake ledger of', () => {
  describe('images', () => imageLedgerContract({ make: () => fakeWorld().images, propertyRuns }));
  describe('places', () => placeLedgerContract({ make: () => fakeWorld().places, propertyRuns }));
  describe('contents', () => contentLedgerContract({ make: () => fakeWorld().contents, propertyRuns }));
  describe('usages', () => usageLedgerContract({ make: () => fakeWorld().usages, propertyRuns }));
  describe('streams', () => streamLedgerContract({ make: () => fakeWorld().streams, propertyRuns }));
  describe('causes', () => causeLedgerContract({ make: () => fakeWorld().causes, propertyRuns }));
  describe('runs', () => runLedgerContract({ make: () => fakeWorld().runs, propertyRuns }));
  describe('scopes', () => scopeLedgerContract({ make: () => fakeWorld().scopes, propertyRuns }));
  describe('rebuilds', () => rebuildLedgerContract({ make: () => fakeWorld().rebuilds, propertyRuns }));
  describe('locks', () => lockLedgerContract({ make: () => fakeWorld().locks, propertyRuns }));
  describe('slots', () => slotLedgerContract({ make: () => fakeWorld().slots, propertyRuns }));
  describe('guards', () => guardLedgerContract({ make: () => fakeWorld().guards, propertyRuns }));
  describe('cascades', () => cascadeLedgerContract({ make: () => fakeWorld().cascades, propertyRuns }));
  describe('rollouts', () => rolloutLedgerContract({ make: () => fakeWorld().rollouts, propertyRuns }));
  describe('the kill switch', () => switchLedgerContract({ make: () => fakeWorld().killSwitch, propertyRuns }));
  describe('images of streams', () => streamImagesContract({ make: () => fakeWorld().streamImages, propertyRuns }));
});
