/** UpdateBucket: whether a bucket is a site, and what it may hold. */

import type { Bucket } from '../../../model/rows/bucket.ts'
import type { Quotas, WebsiteSettings } from '../../../model/rows/bucket-settings.ts'
import { changeBucketSettings } from '../../../store/bucket/bucket.ts'
import { bucketShape } from '../answers.ts'
import { bucketAnswer, bucketByText } from '../buckets.ts'
import { AdminError } from '../errors.ts'
import { count, fields, flag, optional, text, type Shaped } from '../input.ts'
import { garageOperation, neededParameter } from '../operation.ts'

const website = fields({
  enabled: flag,
  indexDocument: optional(text),
  errorDocument: optional(text),
})
const quotas = fields({ maxSize: optional(count), maxObjects: optional(count) })
const input = fields({ websiteAccess: optional(website), quotas: optional(quotas) })

export const updateBucket = garageOperation(
  'POST',
  'UpdateBucket',
  async (context, call) => {
    const bucket = await bucketByText(context, neededParameter(call, 'id'))
    const asked = call.input(input)
    const changed = await changeBucketSettings(context.store, bucket.id, {
      ...(asked.websiteAccess && { website: websiteOf(bucket, asked.websiteAccess) }),
      ...(asked.quotas && { quotas: quotasOf(asked.quotas) }),
    })
    return bucketAnswer(context, changed)
  },
  {
    ...{ input, answer: bucketShape },
    query: [{ name: 'id', sentence: 'The whole id of the bucket', required: true }],
  },
)

/**
 * The rules that redirect stay as they are, as Garage has it.
 *
 * @throws {AdminError} `InvalidRequest`
 */
function websiteOf(
  { settings: { website: before } }: Bucket,
  { enabled, indexDocument, errorDocument }: Shaped<typeof website>,
): WebsiteSettings | null {
  // A form that was emptied sends empty names.
  const [index, error] = [indexDocument, errorDocument].map((name) => name || undefined)
  if (!enabled) {
    if (index === undefined && error === undefined) return null
    throw refused('"indexDocument" and "errorDocument" belong to one that is enabled')
  }
  if (index === undefined) throw refused('"indexDocument" is missing')
  if (index.includes('/')) {
    throw refused('"indexDocument" is a file name such as "index.html"')
  }
  return {
    indexDocument: index,
    ...(error === undefined ? {} : { errorDocument: error }),
    rules: before !== undefined && 'rules' in before ? before.rules : [],
  }
}

function refused(why: string): AdminError {
  return new AdminError('InvalidRequest', `Cannot change the site of the bucket: ${why}`)
}

/** Both at once: one that is absent is none. */
function quotasOf({ maxSize, maxObjects }: Shaped<typeof quotas>): Quotas | null {
  if (maxSize === undefined && maxObjects === undefined) return null
  return {
    ...(maxSize === undefined ? {} : { maxBytes: maxSize }),
    ...(maxObjects === undefined ? {} : { maxObjects }),
  }
}
