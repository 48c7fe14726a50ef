/** GetBlockInfo: the block whose hash begins so, and what uses it. */

import { bucketOfPartitionKey } from '../../../model/rows/object.ts'
import { inspectBlock, type BlockUser } from '../../../store/object/inspect-block.ts'
import { AdminError } from '../errors.ts'
import { count, either, fields, flag, list, nullable, text, type Shaped } from '../input.ts'
import { askEach } from '../nodes.ts'
import { garageOperation } from '../operation.ts'

const input = fields({ blockHash: text })
const version = fields({
  versionId: text,
  refDeleted: flag,
  versionDeleted: flag,
  garbageCollected: flag,
  backlink: nullable(
    either(
      fields({ object: fields({ bucketId: text, key: text }) }),
      fields({
        upload: fields({
          uploadId: text,
          uploadDeleted: flag,
          uploadGarbageCollected: flag,
          bucketId: nullable(text),
          key: nullable(text),
        }),
      }),
    ),
  ),
})
const answer = fields({ blockHash: text, refcount: count, versions: list(version) })

export const getBlockInfo = garageOperation(
  'POST',
  'GetBlockInfo',
  (context, call) => {
    const prefix = call.input(input).blockHash.toLowerCase()
    if (!/^[0-9a-f]{4,64}$/.test(prefix)) {
      throw new AdminError('InvalidRequest', 'Cannot read "blockHash": wanted 4 to 64 hex digits')
    }
    const { node, store } = context
    return askEach(context, call, async (id) => {
      const request = { kind: 'blocks', prefix } as const
      const asked = id === node.id ? node.perform(request) : node.peers.perform(id, request)
      const hash = oneOfThem((await asked) as readonly string[], prefix)
      const users = await inspectBlock(store, hash)
      const refcount = users.filter(({ isReleased }) => !isReleased).length
      return { blockHash: hash, refcount, versions: users.map(versionAnswer) }
    })
  },
  { input, answer, nodes: true },
)

function oneOfThem(found: readonly string[], prefix: string): string {
  const [hash, other] = found
  if (hash === undefined) {
    throw new AdminError('NoSuchBlock', `Cannot find a block on it that begins "${prefix}"`)
  }
  if (other === undefined) return hash
  throw new AdminError('InvalidRequest', `Cannot choose: several blocks begin "${prefix}"`)
}

function versionAnswer({ manifest, isReleased, header }: BlockUser): Shaped<typeof version> {
  const isGone = header === undefined || header.state === 'released'
  return {
    versionId: manifest,
    refDeleted: isReleased,
    versionDeleted: isGone,
    garbageCollected: header === undefined,
    backlink: header === undefined ? null : backlinkOf(header),
  }
}

function backlinkOf({
  partitionKey,
  key,
  part,
  state,
}: NonNullable<BlockUser['header']>): Shaped<typeof version>['backlink'] {
  const bucketId = bucketOfPartitionKey(partitionKey)
  if (part === undefined) return { object: { bucketId, key } }
  const isOver = state === 'released'
  return {
    upload: {
      ...{ uploadId: part.upload, uploadDeleted: isOver, uploadGarbageCollected: false },
      ...{ bucketId, key },
    },
  }
}
