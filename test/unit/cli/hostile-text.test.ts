import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import type { CliContext, Command } from '../../../cli/command.ts';
import { ageCommand } from '../../../cli/commands/age.ts';
import { checkCommand } from '../../../cli/commands/check.ts';
import { doctorCommandOf } from '../../../cli/commands/doctor.ts';
import { ledgerCommand } from '../../../cli/commands/ledger.ts';
import { lineageCommand } from '../../../cli/commands/lineage.ts';
import { pauseCommand, resumeCommand } from '../../../cli/commands/pause.ts';
import { planCommand } from '../../../cli/commands/plan.ts';
import { policyCommand } from '../../../cli/commands/policy.ts';
import { protectionCommand } from '../../../cli/commands/protection.ts';
import { rebuildCommand } from '../../../cli/commands/rebuild.ts';
import { reportCommand } from '../../../cli/commands/report.ts';
import { resetCommand } from '../../../cli/commands/reset.ts';
import { reviewCommand } from '../../../cli/commands/review.ts';
import { statusCommand } from '../../../cli/commands/status.ts';
import { whyCommand } from '../../../cli/commands/why.ts';
import { explained, NotFoundError } from '../../../cli/errors.ts';
import { coloured, printError, shown, table } from '../../../cli/output.ts';
import { layeredImageOf } from '../../../shared/domain/lineage/image-content.ts';
import { forgedLines, hiddenIn, hostileTexts, MOST_HOSTILE, poisonedPort } from '../../support/hostile.ts';
import { cascade, closure, deployment, lock, node, rebuild } from '../../support/rebuild-samples.ts';
import { digestOf, LOCATION, review, usage } from '../../support/samples.ts';
import { fc } from '../../support/seeded.ts';
import {
  fact,
  HOUR_MS,
  locationOf,
  type PlanWorld,
  planWorld,
  setPolicy,
  streamOf,
  tell,
  violating,
  wakeUp,
} from '../cascade-plan/support.ts';
import { endReview, soundInstallation } from './doctor-support.ts';
import { cliContext, run } from './support.ts';

/** One of everything that a command shows. */
async function world(): Promise<PlanWorld> {
  const made = await planWorld();
  const now = made.clock();
  await violating(made, 0);
  await setPolicy(made, { mode: 'report-only' });
  await wakeUp(made);
  await violating(made, 1, fact(), fact({ vulnerability: 'CVE-2026-2' }));
  await tell(made, 1, { kind: 'person', ruleId: 'asked-by-person', by: 'jo', reason: 'a wish', sinceEpochMs: now });
  await made.usages.record([usage('app-0'), usage('app-1')], now);
  await made.killSwitch.set({ rebuilding: 'paused', by: 'jo', atEpochMs: now - HOUR_MS, reason: 'an incident' });
  await made.cascades.beginPlanning('other', { nowEpochMs: now, untilEpochMs: now + 1 });
  const answer = { answer: 'wait', reason: 'cap-reached', detail: 'later' } as const;
  const planned = [node('abc-g1', streamOf(3), { state: 'waiting', answer }), node('abc-g1', streamOf(0))];
  await made.cascades.write('other', cascade('abc-g1'), planned);
  await made.cascades.endPlanning('other');
  await made.locks.take(lock('r1', { stream: streamOf(0), cascadeId: 'abc-g1' }));
  const service = '111122223333/eu-west-1/prod/app-3';
  const started = { state: 'running', detail: 'tasks do not start' } as const;
  await made.rollouts.beginDeployment(deployment('abc-g1', service, started));
  await made.rollouts.openClosure(closure('abc-g1', streamOf(0), { waitingFor: 'a service' }));
  const pinned = [{ stream: 'base', head: digestOf('new'), parentDigest: digestOf('old'), from: 'registry/base:1' }];
  const outcome = { result: 'failed', reason: 'the pipeline failed' } as const;
  await made.rebuilds.record(streamOf(0), 'r1', () => rebuild('r1', { stream: streamOf(0), outcome, pinned }));
  await made.guards.change(streamOf(0), (history) => ({
    ...{ ...history, failuresInARow: 1 },
    reset: { by: 'jo', atEpochMs: now - 2 * HOUR_MS, reason: 'fixed' },
  }));
  const failure = { error: 'FleetReviewIncomplete', detail: 'a scope failed' };
  await made.runs.begin(review('run', { startedAtEpochMs: now }));
  await made.runs.finish(review('run', { state: 'failed', endedAtEpochMs: now, failure }));
  const scope = { account: LOCATION.account, region: LOCATION.region };
  await made.scopes.record({ scope, failure: { error: 'E', detail: 'no role', sinceEpochMs: now } });
  const expiryState = { state: 'unknown', reason: 'a rule of tomorrow' } as const;
  const refusal = { reason: 'no-covering-rule', detail: 'Add a rule.' } as const;
  const location = locationOf(0);
  await made.expiries.record(
    { location, checkedAtEpochMs: 0, images: 1, expiries: 1, unknown: 1, failure: { error: 'E', detail: 'no role' } },
    [
      {
        ...{
          digest: digestOf('app-0'),
          location,
          use: 'running',
          running: 1,
          workloads: ['web'],
          expiryState,
          refusal,
        },
        foundAtEpochMs: now,
      },
    ],
  );
  return made;
}

function contextOf(made: PlanWorld, text: string): CliContext {
  const context = cliContext(made);
  const skipped: Readonly<Record<string, readonly string[]>> = {
    policies: ['version', 'owner', 'name'],
    runs: ['key'],
  };
  const ports = Object.entries(context).map(([name, port]) => [
    name,
    typeof port === 'object' ? poisonedPort(port, text, ['name', ...(skipped[name] ?? [])]) : port,
  ]);
  const images = [...made.images.records.values()].map((record) => ({
    ...{ ...record, platform: 'linux/amd64' as const, references: [`docker.io/x${text}`], locations: [] },
    layered: layeredImageOf(record, { digest: record.digest, layers: [] }, []),
    presentNames: [],
  }));
  return {
    ...(Object.fromEntries(ports) as unknown as CliContext),
    clock: made.clock,
    author: async () => `jo${text}`,
    reviews: {
      start: async () => ({
        executionArn: 'arn:aws:states:eu-west-1:111122223333:execution:fleet-review:1',
        runId: '1',
      }),
      report: async () => `# Report ${text.replaceAll('\n', ' ')}`,
    },
    lineage: async () => ({ images, indexes: new Map() }),
    async *dump() {
      yield { [text]: text };
    },
  };
}

const COMMANDS: readonly (readonly [string, Command, readonly string[], Readonly<Record<string, string | boolean>>])[] =
  [
    ['status', statusCommand, [], {}],
    ['why', whyCommand, [digestOf('app-0')], {}],
    ['age', ageCommand, [], { days: '3000', overdue: true }],
    ['check', checkCommand, [digestOf('app-0')], { wait: '0' }],
    ['lineage', lineageCommand, [], {}],
    ['report', reportCommand, [], {}],
    ['review', reviewCommand, [], {}],
    ['protection', protectionCommand, [], {}],
    ['plan', planCommand, [], { tree: true, all: true }],
    ['pause', pauseCommand, [], { reason: 'so' }],
    ['resume', resumeCommand, [], {}],
    ['rebuild', rebuildCommand, [streamOf(1)], { reason: 'a wish' }],
    ['reset', resetCommand, [streamOf(0)], { reason: 'so' }],
    ['policy show', policyCommand, ['show'], {}],
    ['ledger', ledgerCommand, [], {}],
  ];

const WITHOUT_JSON = new Set(['report', 'ledger']);

describe.each(COMMANDS)('%s', (name, command, words, flags) => {
  test('shows every character of foreign text', async () => {
    const made = await world();
    await fc.assert(
      fc.asyncProperty(hostileTexts, async (text) => {
        const output = await run(command, contextOf(made, text), words, flags).then(
          (done) => done.text,
          (error: Error) => shown(explained(error)),
        );
        expect([hiddenIn(output), forgedLines(output)]).toEqual([undefined, []]);
      }),
      { numRuns: 5, examples: [[MOST_HOSTILE]] },
    );
  });

  test('--json gives the same document', async () => {
    const { text } = await run(command, contextOf(await world(), MOST_HOSTILE), words, { ...flags, json: true }).catch(
      (error: Error) => ({ text: JSON.stringify(shown(explained(error))) }),
    );
    expect(hiddenIn(text)).toBeUndefined();
    if (!WITHOUT_JSON.has(name)) expect(JSON.parse(text)).toBeDefined();
  });
});

test('check shows a finding with line breaks in one line', async () => {
  const made = await world();
  const digest = digestOf('app-0');
  const { version: policyVersion } = await made.policies.current();
  await fc.assert(
    fc.asyncProperty(hostileTexts, async (text) => {
      const named = { vulnerability: text, package: `openssl${text}`, version: text, severity: 'critical' } as const;
      const seen = { fix: 'unknown', firstSeenAtEpochMs: 0 } as const;
      const reason = { kind: 'finding', ruleId: 'no-critical', effect: 'violates', ...named, ...seen } as const;
      await made.images.changeJudgement(digest, ({ scan }) => ({
        ...{ digest, scan, judgedAtEpochMs: made.clock() },
        verdict: { status: 'violating', reasons: [reason], policyVersion },
      }));
      const output = await run(checkCommand, cliContext(made), [digest], { wait: '0' });
      expect(output.text).toContain('violates no-critical');
      expect([hiddenIn(output.text), forgedLines(output.text)]).toEqual([undefined, []]);
    }),
    { numRuns: 5, examples: [[MOST_HOSTILE]] },
  );
});

test('most pages contain foreign text, so the tests cover it', async () => {
  const pages: string[] = [];
  for (const [, command, words, flags] of COMMANDS) {
    const output = run(command, contextOf(await world(), '\u001b'), words, flags);
    pages.push(
      await output.then(
        ({ text }) => text,
        (error: Error) => shown(explained(error)),
      ),
    );
  }
  expect(pages.filter((page) => page.includes('\\u001b')).length).toBeGreaterThanOrEqual(9);
});

test('doctor shows every character of foreign text', async () => {
  await fc.assert(
    fc.asyncProperty(hostileTexts, async (text) => {
      const made = await soundInstallation();
      made.hub.addAlarm(`alarm ${text}`, { actions: [] });
      made.hub.addQueue('PlanQueue', { name: `queue ${text}`, waiting: 1, oldestSeconds: 9_999 });
      await endReview(made, { state: 'failed', failure: { error: 'FleetReviewIncomplete', detail: text } });
      const context = cliContext(await planWorld());
      for (const flags of [{}, { json: true }]) {
        const output = await run(
          doctorCommandOf(() => made),
          context,
          [],
          flags,
        );
        expect([hiddenIn(output.text), forgedLines(output.text)]).toEqual([undefined, []]);
      }
    }),
    { numRuns: 5, examples: [[MOST_HOSTILE]] },
  );
});

test('errors and their causes show every character of foreign text', () => {
  const pieces: string[] = [];
  const written = jest.spyOn(process.stderr, 'write').mockImplementation((piece) => pieces.push(String(piece)) > 0);
  try {
    printError(explained(new NotFoundError(`no image ${MOST_HOSTILE}`, { cause: new Error('\u009b') })));
  } finally {
    written.mockRestore();
  }
  expect(pieces.join('')).toContain('\\u001b');
  expect(hiddenIn(pieces.join(''))).toBeUndefined();
});

test('own colours stay and colours inside names are shown as text', () => {
  expect(shown(`${coloured('red', 'a\u001b[32mb')} c`)).toBe('\u001b[31ma\\u001b[32mb\u001b[39m c');
});

test('a coloured table cell takes no extra width', () => {
  const columns = [
    { title: 'image', value: (name: string) => `${name}\u001b ${coloured('dim', 'sha256')}` },
    { title: 'is', value: () => 'old' },
  ];
  expect(
    shown(table(['a', 'longer'], columns))
      .split('\n')
      .slice(1),
  ).toEqual(['a\\u001b \u001b[2msha256\u001b[22m       old', 'longer\\u001b \u001b[2msha256\u001b[22m  old']);
});

test('commands and demo print only through this module', () => {
  const files = ['cli', 'cli/commands', 'cli/doctor', 'local/demo'].flatMap((folder) =>
    readdirSync(folder).flatMap((file) => (file.endsWith('.ts') ? [join(folder, file)] : [])),
  );
  const writing = files.filter((file) =>
    /\b(stdout|stderr|stream)\.write\(|\bconsole\./.test(readFileSync(file, 'utf8')),
  );
  expect(writing.sort()).toEqual([join('cli', 'output.ts'), join('local', 'demo', 'progress.ts')]);
});
