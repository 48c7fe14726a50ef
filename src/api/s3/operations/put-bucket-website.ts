/** PutBucketWebsite: makes a site of a bucket, or another than it was. */

import { changeBucketSettings } from '../../../store/bucket/bucket.ts'
import { emptyAnswer } from '../answers.ts'
import { operation } from '../contract/operation.ts'
import { readWebsite } from '../settings/website-document.ts'
import { readSettings } from '../settings/document.ts'

export const putBucketWebsite = operation({
  name: 'PutBucketWebsite',
  method: 'PUT',
  target: 'bucket',
  selector: { query: ['website'] },
  permission: 'owner',
  groups: ['checksum'],
  body: 'document',
  errors: ['BadDigest', 'InvalidArgument', 'InvalidRequest', 'MalformedXML', 'NoSuchBucket'],
  parameters: {},
  handle: async (_input, context) => {
    const website = readWebsite(await readSettings(context))
    await changeBucketSettings(context.store, context.bucket.id, { website })
    return emptyAnswer(200)
  },
})
