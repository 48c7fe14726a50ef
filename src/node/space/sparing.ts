/**
 * Keeps a node alive whose drive for rows is nearly full: a row that cannot be written ends it. It
 * takes no rows and blocks of others then, which counts as a vote that did not come, and copies
 * nothing. What it does itself, deletes above all, it still writes.
 */

import type { MessageHandler, Network, ParcelHandler } from '../../base/network.ts'
import { BlockError } from '../../block/errors.ts'
import type { Worker } from '../../worker/worker.ts'
import { NodeError } from '../errors.ts'
import type { SpaceGuard } from './guard.ts'

/** Messages that make this node write rows for others. */
const ROW_ENDPOINTS: ReadonlySet<string> = new Set(['table/accept', 'table/insert', 'table/offer'])
const BLOCK_ENDPOINT = 'block/put'

type Spent = Pick<SpaceGuard, 'isSpent'>

/** The network of a node that answers others only what its drive can bear. */
export function sparingNetwork(network: Network, space: Spent | undefined): Network {
  if (space === undefined) return network
  const { self } = network
  const refuses = (from: string): boolean => from !== self && space.isSpent()
  return {
    self,
    call: (...call) => network.call(...call),
    transfer: (...transfer) => network.transfer(...transfer),
    peers: () => network.peers(),
    handle(endpoint, handler) {
      const sparing: MessageHandler = (from, message) => {
        if (refuses(from)) {
          throw new NodeError('StorageFull', 'Cannot take rows: the drive for them is full')
        }
        return handler(from, message)
      }
      network.handle(endpoint, ROW_ENDPOINTS.has(endpoint) ? sparing : handler)
    },
    receive(endpoint, handler) {
      const sparing: ParcelHandler = {
        ...handler,
        answer: (from, message, arrived) => {
          if (!refuses(from)) return handler.answer(from, message, arrived)
          const text = 'Cannot take a block: the drive for its row is full'
          return Promise.reject(new BlockError('DriveFull', text))
        },
      }
      network.receive(endpoint, endpoint === BLOCK_ENDPOINT ? sparing : handler)
    },
  }
}

/** Background work that copies here what others hold: it rests while there is no room. */
export function sparingWorker(worker: Worker, space: Spent | undefined): Worker {
  if (space === undefined) return worker
  return {
    name: worker.name,
    get intervalMs() {
      return worker.intervalMs
    },
    tranquility: worker.tranquility,
    queueLength: () => worker.queueLength?.() ?? 0,
    failures: () => worker.failures?.() ?? [],
    remarks: () => [
      ...(worker.remarks?.() ?? []),
      ...(space.isSpent() ? ['rests, for the drive of the rows is full'] : []),
    ],
    work: (signal) => (space.isSpent() ? Promise.resolve('idle') : worker.work(signal)),
  }
}
