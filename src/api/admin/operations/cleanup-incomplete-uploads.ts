/** CleanupIncompleteUploads: aborts the uploads of a bucket that were begun long ago. */

import { abortOldUploads } from '../../../store/upload/abort-old-uploads.ts'
import { bucketByText } from '../buckets.ts'
import { count, fields, text } from '../input.ts'
import { garageOperation } from '../operation.ts'

const input = fields({ bucketId: text, olderThanSecs: count })
const answer = fields({ uploadsDeleted: count })

export const cleanupIncompleteUploads = garageOperation(
  'POST',
  'CleanupIncompleteUploads',
  async (context, call) => {
    const { bucketId, olderThanSecs } = call.input(input)
    const { store } = context
    const { id } = await bucketByText(context, bucketId)
    const beforeMicros = store.clock.wallMicros() - olderThanSecs * 1_000_000
    return { uploadsDeleted: await abortOldUploads(store, { bucket: id, beforeMicros }) }
  },
  { input, answer },
)
