/** UpdateBucket: whether a bucket is a site, and what it may hold. */

import type { Quotas, SettingsChange } from '../../../model/rows/bucket-settings.ts'
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
    const { id } = await bucketByText(context, neededParameter(call, 'id'))
    const asked = call.input(input)
    const changed = await changeBucketSettings(context.store, id, {
      ...(asked.websiteAccess && siteOf(asked.websiteAccess)),
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
function siteOf({
  enabled,
  indexDocument,
  errorDocument,
}: Shaped<typeof website>): Pick<SettingsChange, 'website' | 'pages'> {
  // A form that was emptied sends empty names.
  const [index, error] = [indexDocument, errorDocument].map((name) => name || undefined)
  if (!enabled) {
    if (index === undefined && error === undefined) return { website: null }
    throw refused('"indexDocument" and "errorDocument" belong to one that is enabled')
  }
  if (index === undefined) throw refused('"indexDocument" is missing')
  if (index.includes('/')) {
    throw refused('"indexDocument" is a file name such as "index.html"')
  }
  const pages = error === undefined ? {} : { errorDocument: error }
  return { pages: { indexDocument: index, ...pages } }
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
