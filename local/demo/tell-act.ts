import { paint, shortDigest } from '../../cli/output.ts';
import { instant } from '../../shared/domain/time.ts';
import type { Progress } from './progress.ts';
import type { ActResult } from './result-act.ts';

/** What was rebuilt, deployed and proven, or what would have been. */
export function tellAct(progress: Progress, act: ActResult): void {
  if (act.wouldDo.length > 0) tellWouldDo(progress, act);
  if (act.rebuilds.length > 0) tellRebuilds(progress, act);
  const calls = act.calls.map(({ operation, count }) => `${operation} ${count}`).join(', ');
  progress.heading('What Patchwave changed');
  progress.line(`  calls: ${calls}`);
  for (const { runId, status, outcomes } of act.reviews) {
    const { compliant, violating, unknown, failed } = outcomes;
    const sums = `${compliant} compliant, ${violating} violating, ${unknown} unknown, ${failed} failed`;
    progress.line(`  review ${runId} ${status.toLowerCase()}: ${sums}`);
  }
}

function tellWouldDo(progress: Progress, { wouldDo }: ActResult): void {
  progress.heading(`Would be rebuilt (${wouldDo.length})`);
  for (const { stream, pipeline, rollout, facts } of wouldDo) {
    progress.line(`  ${stream}  by the pipeline ${pipeline}, rolled out by ${rollout}`);
    for (const fact of facts) progress.line(`      ${fact}`);
  }
}

function tellRebuilds(progress: Progress, { rebuilds, deployments, closures }: ActResult): void {
  progress.heading(`Rebuilt (${rebuilds.length})`);
  for (const { stream, cascadeId, executionId, headBefore, output, outcome, facts } of rebuilds) {
    const digests = [headBefore, output].map((digest) => (digest === undefined ? 'nothing' : shortDigest(digest)));
    progress.line(`  ${stream}  ${digests.join(' -> ')}  run ${executionId ?? 'never started'}`);
    progress.line(`      ${facts.join(', ')}: ${outcome ?? 'not judged'}`);
    for (const one of deployments.filter((each) => each.cascadeId === cascadeId)) {
      progress.line(
        `      ${one.mode} of ${one.service}: ${one.state}${one.detail === undefined ? '' : `, ${one.detail}`}`,
      );
    }
    const closure = closures.find((one) => one.cascadeId === cascadeId && one.stream === stream);
    if (closure) progress.line(`      ${closureText(closure)}`);
  }
}

function closureText({ proof, waitingFor }: ActResult['closures'][number]): string {
  if (!proof) return paint('yellow', `closure open: ${waitingFor ?? 'no review has looked yet'}`);
  const { runId, closedAtEpochMs, scopes, usagesOfOutput } = proof;
  return paint(
    'green',
    `closed ${instant(closedAtEpochMs)} by review ${runId}: ${scopes} scopes read, nothing old runs, ${usagesOfOutput} usages of the new image`,
  );
}
