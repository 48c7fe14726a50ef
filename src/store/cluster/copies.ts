/** Tells every node of a changed row that it may have a copy of. */

import { sleep, type Clock } from '../../base/clock.ts'
import { DomainError } from '../../base/errors.ts'
import type { NodeId } from '../../base/ids.ts'
import { ROW_COPY_MS_MAX } from '../../base/limits.ts'
import type { Network } from '../../base/network.ts'
import { StoreError } from '../errors.ts'
import { isCopied, type Caches, type CopiedTable } from '../caches.ts'

const ENDPOINT = 'store/changed'
const ANSWER_MS = 1_000
/** Clocks of two machines run apart by less than a quarter in the life of a copy. */
const RUN_OUT_MS = ROW_COPY_MS_MAX * 1.25

/**
 * A row was changed, and the change is chosen. Resolves once no node shows what it was before: each
 * has said so, or whatever copy it has has run out.
 */
export type AnnounceChange = (table: CopiedTable, name: string) => Promise<void>

/** Answers the other nodes from now on. */
export function shareCopies(options: {
  readonly network: Network
  readonly clock: Clock
  readonly caches: Pick<Caches, 'drop'>
}): AnnounceChange {
  const { network, clock, caches } = options
  network.handle(ENDPOINT, (_from, message) => {
    const [table, name] = Array.isArray(message) ? (message as unknown[]) : []
    if (!isCopied(table) || typeof name !== 'string') {
      throw new StoreError('Unavailable', 'Cannot read what was changed: its form is unknown')
    }
    caches.drop(table, name)
    return null
  })
  const hasDropped = async (node: NodeId, table: CopiedTable, name: string): Promise<boolean> => {
    try {
      await network.call(node, ENDPOINT, [table, name], { deadlineMs: ANSWER_MS })
      return true
    } catch (error) {
      if (error instanceof DomainError) return false
      throw error
    }
  }
  return async (table, name) => {
    caches.drop(table, name)
    const since = clock.monotonicMicros()
    const peers = network.peers()
    const told = await Promise.all(peers.map(({ node }) => hasDropped(node, table, name)))
    if (told.every((isTold) => isTold)) return
    const passedMs = (clock.monotonicMicros() - since) / 1000
    await sleep(clock, Math.max(0, RUN_OUT_MS - passedMs))
  }
}
