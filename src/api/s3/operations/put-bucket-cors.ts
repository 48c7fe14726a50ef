/** PutBucketCors: replaces the rules by which a bucket lets pages of other origins in. */

import { changeBucketSettings } from '../../../store/bucket/bucket.ts'
import { emptyAnswer } from '../answers.ts'
import { operation } from '../contract/operation.ts'
import { readCors } from '../settings/cors-document.ts'
import { readSettings } from '../settings/document.ts'

export const putBucketCors = operation({
  name: 'PutBucketCors',
  method: 'PUT',
  target: 'bucket',
  selector: { query: ['cors'] },
  permission: 'owner',
  groups: ['checksum'],
  body: 'document',
  errors: ['BadDigest', 'InvalidRequest', 'MalformedXML', 'NoSuchBucket'],
  parameters: {},
  handle: async (_input, context) => {
    const cors = readCors(await readSettings(context))
    await changeBucketSettings(context.store, context.bucket.id, { cors })
    return emptyAnswer(200)
  },
})
