import type { Command } from './command.ts';
import { ageCommand } from './commands/age.ts';
import { checkCommand } from './commands/check.ts';
import { completionCommand } from './commands/completion.ts';
import { confirmLeftCommand } from './commands/confirm-left.ts';
import { confirmUnusedCommand } from './commands/confirm-unused.ts';
import { doctorCommand } from './commands/doctor.ts';
import { doorsCommand } from './commands/doors.ts';
import { initCommand } from './commands/init.ts';
import { ledgerCommand } from './commands/ledger.ts';
import { lineageCommand } from './commands/lineage.ts';
import { lintCommand } from './commands/lint.ts';
import { pauseCommand, resumeCommand } from './commands/pause.ts';
import { planCommand } from './commands/plan.ts';
import { policyCommand } from './commands/policy.ts';
import { protectionCommand } from './commands/protection.ts';
import { rebuildCommand } from './commands/rebuild.ts';
import { reportCommand } from './commands/report.ts';
import { resetCommand } from './commands/reset.ts';
import { reviewCommand } from './commands/review.ts';
import { statusCommand } from './commands/status.ts';
import { tagsCommand } from './commands/tags.ts';
import { watchCommand } from './commands/watch.ts';
import { whyCommand } from './commands/why.ts';

/** Every command by name, in the order of the help. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  status: statusCommand,
  watch: watchCommand,
  why: whyCommand,
  age: ageCommand,
  lineage: lineageCommand,
  report: reportCommand,
  review: reviewCommand,
  protection: protectionCommand,
  plan: planCommand,
  rebuild: rebuildCommand,
  reset: resetCommand,
  pause: pauseCommand,
  resume: resumeCommand,
  'confirm-left': confirmLeftCommand,
  'confirm-unused': confirmUnusedCommand,
  init: initCommand,
  policy: policyCommand,
  lint: lintCommand,
  check: checkCommand,
  tags: tagsCommand,
  doors: doorsCommand,
  ledger: ledgerCommand,
  doctor: doctorCommand,
  completion: completionCommand,
};
