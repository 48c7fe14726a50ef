/**
 * UpdateBucket: whether a bucket is a site, and what it may hold. Its rules, which Garage takes here
 * since 2.3, are set by S3; an empty list takes them away.
 */

import type { Quotas, SettingsChange } from '../../../model/rows/bucket-settings.ts'
import { changeBucketSettings } from '../../../store/bucket/bucket.ts'
import { bucketShape } from '../answers.ts'
import { bucketAnswer, bucketByText } from '../buckets.ts'
import { AdminError } from '../errors.ts'
import { anything, count, fields, flag, list, optional, text, type Shaped } from '../input.ts'
import { garageOperation, neededParameter } from '../operation.ts'

const website = fields({
  enabled: flag,
  indexDocument: optional(text),
  errorDocument: optional(text),
  routingRules: optional(list(anything)),
})
const quotas = fields({ maxSize: optional(count), maxObjects: optional(count) })
const input = fields({
  websiteAccess: optional(website),
  quotas: optional(quotas),
  corsRules: optional(list(anything)),
  lifecycleRules: optional(list(anything)),
})

export const updateBucket = garageOperation(
  'POST',
  'UpdateBucket',
  async (context, call) => {
    const { id } = await bucketByText(context, neededParameter(call, 'id'))
    const asked = call.input(input)
    const changed = await changeBucketSettings(context.store, id, {
      ...(asked.websiteAccess && siteOf(asked.websiteAccess)),
      ...(asked.quotas && { quotas: quotasOf(asked.quotas) }),
      ...rulesOf(asked),
    })
    return bucketAnswer(context, changed)
  },
  {
    ...{ input, answer: bucketShape },
    query: [{ name: 'id', sentence: 'The whole id of the bucket', required: true }],
  },
)

/** @throws {AdminError} `NotImplemented` */
function rulesOf({
  corsRules,
  lifecycleRules,
  websiteAccess,
}: Shaped<typeof input>): Pick<SettingsChange, 'cors' | 'lifecycle'> {
  const given = { corsRules, lifecycleRules, routingRules: websiteAccess?.routingRules }
  const calls = {
    corsRules: 'PutBucketCors',
    lifecycleRules: 'PutBucketLifecycleConfiguration',
    routingRules: 'PutBucketWebsite',
  }
  for (const [name, rules] of Object.entries(given)) {
    if (rules === undefined || rules.length === 0) continue
    const call = calls[name as keyof typeof calls]
    throw new AdminError(
      'NotImplemented',
      `Cannot set "${name}" here: an owner of the bucket sets them by ${call} of S3`,
    )
  }
  return {
    ...(corsRules === undefined ? {} : { cors: null }),
    ...(lifecycleRules === undefined ? {} : { lifecycle: null }),
  }
}

/**
 * The rules that redirect stay as they are, as Garage has it, unless there are to be none.
 *
 * @throws {AdminError} `InvalidRequest`
 */
function siteOf({
  enabled,
  indexDocument,
  errorDocument,
  routingRules,
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
  const pages = { indexDocument: index, ...(error === undefined ? {} : { errorDocument: error }) }
  return routingRules === undefined ? { pages } : { website: { ...pages, rules: [] } }
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
