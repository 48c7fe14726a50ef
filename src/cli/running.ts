/** Keeps a node running until somebody asks it to stop. */

import { EXIT_FAULT, type Terminal } from './command.ts'
import type { NodeEnding } from './ending.ts'

/** What `waitForStop` needs of a node. */
export interface Stoppable {
  stop(): Promise<void>
}

/**
 * Does `work`, then keeps the node running until a signal or a fatal fault, and stops it whatever
 * happens.
 *
 * @throws what ended it, if not a signal
 */
export async function runToEnd(
  node: Stoppable,
  { ending, terminal }: { readonly ending: NodeEnding; readonly terminal: Terminal },
  work: () => Promise<void> | void,
): Promise<void> {
  terminal.serving()
  // Listened for before the work: whoever reads that the node serves may stop it at once.
  const stopped = waitForStop(node, terminal)
  const working = Promise.resolve()
    .then(work)
    .then(() => stopped)
  try {
    await Promise.race([working, stopped, ending.fatal])
  } catch (error) {
    // After a fatal fault stopping fails as well: what came first is what people should read.
    await node.stop().catch(() => undefined)
    throw error
  }
}

/**
 * Waits for SIGTERM, SIGINT or SIGHUP, then stops the node; a second one ends the process at once.
 * Resolves when nothing of the node runs any more.
 */
function waitForStop(node: Stoppable, terminal: Terminal): Promise<void> {
  return new Promise((resolve, reject) => {
    let stopping = false
    const onSignal = (signal: NodeJS.Signals): void => {
      if (stopping) endAtOnce(signal)
      stopping = true
      terminal.note(`${signal}: finishing what is in flight; once more to stop at once`)
      node.stop().then(resolve, reject)
    }
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, onSignal)
  })
}

/**
 * By the signal itself: an exit waits for the threads beside the event loop, and one of them may ask
 * a name server that does not answer.
 */
function endAtOnce(signal: NodeJS.Signals): void {
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
  // The first process of a container does not die by a signal of its own.
  process.exit(130)
}

/** Faults that nobody caught: said once, then the process ends. Nothing goes on half alive. */
export function endOnUncaught(terminal: Terminal): void {
  const end = (error: unknown): void => {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    terminal.note(`hangar: stopping, for something is wrong in the program itself\n${text}`)
    process.exit(EXIT_FAULT)
  }
  process.on('uncaughtException', end)
  process.on('unhandledRejection', end)
}
