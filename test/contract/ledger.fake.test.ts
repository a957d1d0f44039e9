import { FakeTaskStops } from '../support/fakes/task-stops.ts';
import { fakeWorld } from '../support/fakes/world.ts';
import { askedWebhooksContract } from './asked-webhooks.contract.ts';
import { baseReadingLedgerContract } from './base-reading-ledger.contract.ts';
import { breakGlassLedgerContract } from './break-glass-ledger.contract.ts';
import { cascadeLedgerContract } from './cascade-ledger.contract.ts';
import { causeLedgerContract } from './cause-ledger.contract.ts';
import { chainLedgerContract } from './chain-ledger.contract.ts';
import { contentLedgerContract } from './content-ledger.contract.ts';
import { denialLedgerContract } from './denial-ledger.contract.ts';
import { expiryLedgerContract } from './expiry-ledger.contract.ts';
import { guardLedgerContract } from './guard-ledger.contract.ts';
import { imageLedgerContract } from './image-ledger.contract.ts';
import { lateHeadsContract } from './late-heads.contract.ts';
import { lockLedgerContract } from './lock-ledger.contract.ts';
import { placeLedgerContract } from './place-ledger.contract.ts';
import { rebuildLedgerContract } from './rebuild-ledger.contract.ts';
import { rolloutLedgerContract } from './rollout-ledger.contract.ts';
import { runLedgerContract } from './run-ledger.contract.ts';
import { scheduleLedgerContract } from './schedule-ledger.contract.ts';
import { scopeLedgerContract } from './scope-ledger.contract.ts';
import { serviceAtZeroLedgerContract } from './service-at-zero-ledger.contract.ts';
import { slotLedgerContract } from './slot-ledger.contract.ts';
import { startDenialLedgerContract } from './start-denial-ledger.contract.ts';
import { streamImagesContract } from './stream-images.contract.ts';
import { streamLedgerContract } from './stream-ledger.contract.ts';
import { switchLedgerContract } from './switch-ledger.contract.ts';
import { taskStopsContract } from './task-stops.contract.ts';
import { usageLedgerContract } from './usage-ledger.contract.ts';

const propertyRuns = 200;

describe('the fake ledger of', () => {
  describe('images', () => imageLedgerContract({ make: () => fakeWorld().images, propertyRuns }));
  describe('places', () => placeLedgerContract({ make: () => fakeWorld().places, propertyRuns }));
  describe('chains', () => chainLedgerContract({ make: fakeWorld, propertyRuns }));
  describe('contents', () => contentLedgerContract({ make: () => fakeWorld().contents, propertyRuns }));
  describe('usages', () => usageLedgerContract({ make: () => fakeWorld().usages, propertyRuns }));
  describe('streams', () => streamLedgerContract({ make: () => fakeWorld().streams, propertyRuns }));
  describe('causes', () => causeLedgerContract({ make: () => fakeWorld().causes, propertyRuns }));
  describe('runs', () => runLedgerContract({ make: () => fakeWorld().runs, propertyRuns }));
  describe('scopes', () => scopeLedgerContract({ make: () => fakeWorld().scopes, propertyRuns }));
  describe('expiries', () => expiryLedgerContract({ make: () => fakeWorld().expiries, propertyRuns }));
  describe('rebuilds', () => rebuildLedgerContract({ make: () => fakeWorld().rebuilds, propertyRuns }));
  describe('locks', () => lockLedgerContract({ make: () => fakeWorld().locks, propertyRuns }));
  describe('slots', () => slotLedgerContract({ make: () => fakeWorld().slots, propertyRuns }));
  describe('guards', () => guardLedgerContract({ make: () => fakeWorld().guards, propertyRuns }));
  describe('cascades', () => cascadeLedgerContract({ make: () => fakeWorld().cascades, propertyRuns }));
  describe('rollouts', () => rolloutLedgerContract({ make: () => fakeWorld().rollouts, propertyRuns }));
  describe('the kill switch', () => switchLedgerContract({ make: () => fakeWorld().killSwitch, propertyRuns }));
  describe('asked webhooks', () => askedWebhooksContract({ make: () => fakeWorld().webhooks, propertyRuns }));
  describe('break-glass', () => breakGlassLedgerContract({ make: () => fakeWorld().exceptions, propertyRuns }));
  describe('stops of tasks', () => taskStopsContract({ make: () => new FakeTaskStops(), propertyRuns }));
  describe('denied starts', () =>
    startDenialLedgerContract(() => {
      const { startDenials } = fakeWorld();
      return { ledger: () => startDenials, recorded: () => startDenials.recorded };
    }));
  describe('expected denials', () => denialLedgerContract({ make: () => fakeWorld().denials, propertyRuns }));
  describe('schedules', () => scheduleLedgerContract({ make: () => fakeWorld().knownSchedules, propertyRuns }));
  describe('services at zero', () =>
    serviceAtZeroLedgerContract({ make: () => fakeWorld().servicesAtZero, propertyRuns }));
  describe('late heads', () => lateHeadsContract({ make: () => fakeWorld().lateHeads, propertyRuns }));
  describe('base readings', () => baseReadingLedgerContract({ make: () => fakeWorld().baseReadings, propertyRuns }));
  describe('images of streams', () => streamImagesContract({ make: () => fakeWorld().streamImages, propertyRuns }));
});
