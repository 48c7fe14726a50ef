/** This node as its admin API shows it, and as it tells others. */

import { hostname } from 'node:os'
import type {
  BlockErrorReport,
  NodeCard,
  NodeRequest,
  NodeView,
  WorkerReport,
} from '../api/admin/operation.ts'
import { Job } from '../api/admin/job.ts'
import type { Clock } from '../base/clock.ts'
import type { Disk, DiskSpace } from '../base/disk.ts'
import { VERSION } from '../base/version.ts'
import { PARTITION_COUNT } from '../cluster/cluster.ts'
import { retryDelayMs } from '../worker/tranquilizer.ts'
import type { WorkerStatus } from '../worker/worker.ts'
import { checkNode } from './check.ts'
import { askingNotice, blockShortageOf, shortageOf, votelessNotice } from './conditions.ts'
import { NodeError } from './errors.ts'
import { nodePeers } from './cluster/peers.ts'
import type { NodeOptions } from './options.ts'
import type { Product } from './product.ts'

export interface ViewParts {
  readonly clock: Clock
  readonly disk: Disk
  readonly rpc: NodeOptions['rpc']
}

export function nodeView(product: Product, parts: ViewParts): NodeView {
  const { clock, disk, rpc } = parts
  const { blocks, condition, tables } = product
  const performed = (request: NodeRequest): Promise<unknown> => perform(product, view, request)
  const voteless = (): number[] =>
    Array.from(new Array(PARTITION_COUNT).keys()).filter((each) => !tables.votes(each))
  const card = async (): Promise<NodeCard> => {
    const [data] = await blocks.drives()
    const metadata = await disk.space(product.folders.metadata)
    const now = condition()
    const notice =
      now.kind === 'serving'
        ? (votingNotice(product, voteless().length) ??
          shortageOf(metadata) ??
          blockShortageOf(data))
        : now.sentence
    return {
      ...{ hostname: hostname(), version: VERSION, runtime: `node ${process.version}` },
      address: peers.address ?? null,
      notice: notice ?? null,
      data: data === undefined ? null : spaceOf(data),
      metadata: metadata === undefined ? null : spaceOf(metadata),
      missingBlocks: missingOn(product),
      voteless: voteless(),
      wallMicros: clock.wallMicros(),
      linked: peers.list().flatMap(({ node, isUp }) => (isUp ? [node] : [])),
    }
  }
  const peers = nodePeers(product.mesh, { rpc, clock, card, perform: performed })
  const view: NodeView = {
    ...{ id: product.nodeId, condition, card, peers, perform: performed },
    check: new Job((report, signal) => {
      const { db, tables, model, store } = product
      const { operations } = store
      return checkNode({ db, tables, model, blocks, operations, clock }, report, signal)
    }),
    repairCheck: new Job((report, signal, { reads }) =>
      product.clusterCheck.run({ reads }, report, signal),
    ),
    scrub: new Job((_, signal) => blocks.scrub(signal)),
  }
  return view
}

function votingNotice({ tables, lost }: Product, voteless: number): string | undefined {
  return tables.isCurrent ? votelessNotice(voteless, lost()) : askingNotice
}

/** As the worker that brings them counted last. */
function missingOn({ workers }: Product): number | null {
  const fetch = workers.map((worker) => worker.status()).find(({ name }) => name === 'block-fetch')
  return fetch?.queueLength ?? null
}

/** @throws {NodeError} `BadMessage` for a request that is none */
function perform(product: Product, view: NodeView, request: NodeRequest): Promise<unknown> {
  switch (request.kind) {
    case 'workers':
      return Promise.resolve(product.workers.map((worker) => reportOf(worker.status())))
    case 'wake':
      for (const worker of product.workers) {
        if (request.workers.includes(worker.status().name)) worker.wake()
      }
      return Promise.resolve(null)
    case 'block-errors':
      return Promise.resolve(blockErrors(product))
    case 'blocks':
      return blocksNamed(product, request.prefix)
    case 'tranquility':
      for (const worker of product.workers) {
        if (worker.status().name === request.worker) worker.setTranquility(request.value)
      }
      return Promise.resolve(null)
    case 'scrub':
      view.scrub.start()
      return Promise.resolve(null)
    default:
      return Promise.reject(
        new NodeError('BadMessage', 'Cannot do what another node asks for: it is not known here'),
      )
  }
}

/** Blocks that should lie here and could not be had, as the worker that brings them knows. */
function blockErrors({ workers, blocks }: Product): readonly BlockErrorReport[] {
  const found = workers.map((worker) => worker.status()).find(({ name }) => name === 'block-fetch')
  return (found?.failures ?? []).map(({ subject, errors, secondsAgo }) => ({
    ...{ hash: subject, errors, secondsAgo },
    references: blocks.referenceCount(subject),
  }))
}

/** The first two blocks here whose hash begins so. */
async function blocksNamed({ blocks }: Product, prefix: string): Promise<readonly string[]> {
  // The greatest text below every hash that begins so.
  const hashes = await blocks.allHashes(`${prefix.slice(0, -1)}${before(prefix.at(-1)!)}~`, 2)
  return hashes.filter((hash) => hash.startsWith(prefix))
}

function before(digit: string): string {
  return String.fromCharCode(digit.charCodeAt(0) - 1)
}

function reportOf(status: WorkerStatus): WorkerReport {
  const { name, state, errors, errorsInARow, lastError, tranquility, queueLength, remarks } = status
  return {
    ...{ name, state, errors, errorsInARow, tranquility, remarks },
    lastError: lastError ?? null,
    retrySeconds: errorsInARow === 0 ? 0 : retryDelayMs(errorsInARow) / 1000,
    queueLength: queueLength ?? null,
  }
}

function spaceOf({ availableBytes, totalBytes }: DiskSpace): DiskSpace {
  return { availableBytes, totalBytes }
}
