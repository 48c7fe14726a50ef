/** The full check of a node while it serves. */

import type { CheckAnswer } from '../api/admin/answers.ts'
import type { JobProgress } from '../api/admin/job.ts'
import type { Clock } from '../base/clock.ts'
import { sleep } from '../base/clock.ts'
import { checkNode as checkOnce, confirmed } from '../model/check/check.ts'
import type { CheckOptions, CheckReport } from '../model/check/check.ts'

/** Between two passes: longer than a change is on its way. */
const PAUSE_MS = 2_000

/**
 * Compares everything on the node with everything else on it.
 *
 * Writes may go on meanwhile: a fault counts only if a second pass finds it too.
 */
export async function checkNode(
  parts: Omit<CheckOptions, 'progress' | 'signal'> & { readonly clock: Clock },
  report: (progress: JobProgress) => void,
  signal: AbortSignal,
): Promise<CheckAnswer> {
  const progress = (phase: string, count: number): void =>
    report({ done: count, total: undefined, unit: phase })
  const first = await checkOnce({ ...parts, progress, signal })
  if (first.faults.length === 0) return answerOf(first)
  await sleep(parts.clock, PAUSE_MS, signal)
  return answerOf(confirmed(await checkOnce({ ...parts, progress, signal }), first))
}

function answerOf({ scanned, counts, faults, waiting }: CheckReport): CheckAnswer {
  return {
    clean: faults.length === 0,
    scanned: { ...scanned },
    waiting: { ...waiting },
    counts: Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)),
    faults,
  }
}
