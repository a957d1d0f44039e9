import { copies } from './copies.ts';
import { imagesDeleted } from './deletions.ts';
import { headsOneByOne } from './heads.ts';
import { hiddenUses } from './hidden-uses.ts';
import { imports } from './imports.ts';
import { enhancedScanning } from './inspector.ts';
import { tagsMovedBack } from './moved-tags.ts';
import { pods } from './pods.ts';
import { policyEdits, rulesLeave } from './policy-edits.ts';
import { scheduledTasks } from './scheduled-tasks.ts';
import { scopesLeave } from './scopes.ts';
import type { Trouble } from './trouble.ts';
import { lineageUnread, registriesUnread, workloadsUnread } from './unread.ts';

export const TROUBLES: readonly Trouble[] = [
  tagsMovedBack,
  registriesUnread,
  lineageUnread,
  workloadsUnread,
  headsOneByOne,
  imagesDeleted,
  scopesLeave,
  enhancedScanning,
  pods,
  imports,
  copies,
  policyEdits,
  rulesLeave,
  scheduledTasks,
  hiddenUses,
];
