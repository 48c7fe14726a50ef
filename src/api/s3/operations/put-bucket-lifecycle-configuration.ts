/** PutBucketLifecycleConfiguration: replaces the rules by which objects and uploads expire. */

import { LIFECYCLE_BODY_BYTES_MAX } from '../../../base/limits.ts'
import { changeBucketSettings } from '../../../store/bucket/bucket.ts'
import { emptyAnswer } from '../answers.ts'
import { operation } from '../contract/operation.ts'
import { readSettings } from '../settings/document.ts'
import { readLifecycle } from '../settings/lifecycle-document.ts'

/** Of the name of a rule that was given none: as long as AWS's. */
const ID_BYTES = 18

export const putBucketLifecycleConfiguration = operation({
  name: 'PutBucketLifecycleConfiguration',
  method: 'PUT',
  target: 'bucket',
  selector: { query: ['lifecycle'] },
  permission: 'write',
  groups: ['checksum'],
  body: 'document',
  errors: ['BadDigest', 'InvalidArgument', 'InvalidRequest', 'MalformedXML', 'NoSuchBucket'],
  parameters: {},
  handle: async (_input, context) => {
    const { store, bucket } = context
    const document = await readSettings(context, LIFECYCLE_BODY_BYTES_MAX)
    const newId = (): string => Buffer.from(store.rng.bytes(ID_BYTES)).toString('base64url')
    const lifecycle = readLifecycle(document, newId)
    await changeBucketSettings(store, bucket.id, { lifecycle })
    return emptyAnswer(200)
  },
})
