/** This node as its admin API shows it, and as it tells others. */

import { hostname } from 'node:os'
import type { NodeCard, NodeView } from '../api/admin/operation.ts'
import { Job } from '../api/admin/job.ts'
import type { Clock } from '../base/clock.ts'
import type { Disk, DiskSpace } from '../base/disk.ts'
import { VERSION } from '../base/version.ts'
import { checkNode } from './check.ts'
import { shortageOf } from './conditions.ts'
import { nodePeers } from './cluster/peers.ts'
import type { NodeOptions } from './options.ts'
import type { Product } from './product.ts'

export interface ViewParts {
  readonly clock: Clock
  readonly disk: Disk
  readonly rpc: NodeOptions['rpc']
  readonly s3Endpoint: string | undefined
}

export function nodeView(product: Product, parts: ViewParts): NodeView {
  const { clock, disk, rpc, s3Endpoint } = parts
  const { blocks, condition } = product
  const card = async (): Promise<NodeCard> => {
    const [data] = await blocks.drives()
    const metadata = await disk.space(product.folders.metadata)
    const now = condition()
    const notice = now.kind === 'serving' ? shortageOf(metadata) : now.sentence
    return {
      ...{ hostname: hostname(), version: VERSION, runtime: `node ${process.version}` },
      address: peers.address ?? s3Endpoint?.replace(/^http:\/\//, '') ?? null,
      notice: notice ?? null,
      data: data === undefined ? null : spaceOf(data),
      metadata: metadata === undefined ? null : spaceOf(metadata),
    }
  }
  const peers = nodePeers(product.mesh, { rpc, card })
  return {
    ...{ id: product.nodeId, condition, card, peers },
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
}

function spaceOf({ availableBytes, totalBytes }: DiskSpace): DiskSpace {
  return { availableBytes, totalBytes }
}
