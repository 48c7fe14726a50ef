/** GetBucketCors: the rules by which a bucket lets pages of other origins in. */

import { documentAnswer } from '../answers.ts'
import { operation } from '../contract/operation.ts'
import { S3Error } from '../errors.ts'
import { corsXml } from '../settings/cors-document.ts'

export const getBucketCors = operation({
  name: 'GetBucketCors',
  method: 'GET',
  target: 'bucket',
  selector: { query: ['cors'] },
  permission: 'owner',
  body: 'none',
  errors: ['NoSuchBucket', 'NoSuchCORSConfiguration'],
  parameters: {},
  handle: (_input, { bucket, bucketName }) => {
    const { cors } = bucket.settings
    if (cors === undefined) {
      throw new S3Error('NoSuchCORSConfiguration', 'The CORS configuration does not exist', {
        details: { BucketName: bucketName },
      })
    }
    return Promise.resolve(documentAnswer('CORSConfiguration', corsXml(cors)))
  },
})
