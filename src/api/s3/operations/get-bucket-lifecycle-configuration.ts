/** GetBucketLifecycleConfiguration: the rules by which objects and uploads of a bucket expire. */

import { documentAnswer } from '../answers.ts'
import { operation } from '../contract/operation.ts'
import { errorAnswers } from '../error-codes.ts'
import { S3Error } from '../errors.ts'
import { lifecycleXml } from '../settings/lifecycle-document.ts'

export const getBucketLifecycleConfiguration = operation({
  name: 'GetBucketLifecycleConfiguration',
  method: 'GET',
  target: 'bucket',
  selector: { query: ['lifecycle'] },
  permission: 'read',
  body: 'none',
  errors: ['NoSuchBucket', 'NoSuchLifecycleConfiguration'],
  parameters: {},
  handle: (_input, { bucket, bucketName }) => {
    const { lifecycle } = bucket.settings
    if (lifecycle === undefined) {
      const { message } = errorAnswers.NoSuchLifecycleConfiguration
      throw new S3Error('NoSuchLifecycleConfiguration', message, {
        details: { BucketName: bucketName },
      })
    }
    return Promise.resolve(documentAnswer('LifecycleConfiguration', lifecycleXml(lifecycle)))
  },
})
