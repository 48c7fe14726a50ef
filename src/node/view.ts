/** This node as its admin API shows it. */

import { hostname } from 'node:os'
import type { NodeView } from '../api/admin/operation.ts'
import { Job } from '../api/admin/job.ts'
import type { Clock } from '../base/clock.ts'
import type { Disk, DiskSpace } from '../base/disk.ts'
import { VERSION } from '../base/version.ts'
import { checkNode } from './check.ts'
import type { Product } from './product.ts'

export function nodeView(
  product: Product,
  {
    clock,
    disk,
    s3Endpoint,
  }: { readonly clock: Clock; readonly disk: Disk; readonly s3Endpoint: string | undefined },
): NodeView {
  const { blocks } = product
  return {
    id: product.nodeId,
    version: VERSION,
    runtime: `node ${process.version}`,
    hostname: hostname(),
    address: () => s3Endpoint?.replace(/^http:\/\//, ''),
    condition: product.condition,
    async spaces() {
      const [drive] = await blocks.drives()
      const data: DiskSpace | undefined = drive
      return {
        ...(data === undefined ? {} : { data }),
        metadata: await disk.space(product.folders.metadata),
      }
    },
    check: new Job((report, signal) => {
      const { db, tables, model, store } = product
      const { operations } = store
      return checkNode({ db, tables, model, blocks, operations, clock }, report, signal)
    }),
    scrub: new Job((_, signal) => blocks.scrub(signal)),
  }
}
