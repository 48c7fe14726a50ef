/** GetBucketWebsite: how a bucket is shown as a site. */

import { documentAnswer } from '../answers.ts'
import { operation } from '../contract/operation.ts'
import { S3Error } from '../errors.ts'
import { websiteXml } from '../settings/website-document.ts'

export const getBucketWebsite = operation({
  name: 'GetBucketWebsite',
  method: 'GET',
  target: 'bucket',
  selector: { query: ['website'] },
  permission: 'owner',
  body: 'none',
  errors: ['NoSuchBucket', 'NoSuchWebsiteConfiguration'],
  parameters: {},
  handle: (_input, { bucket, bucketName }) => {
    const { website } = bucket.settings
    if (website === undefined) {
      throw new S3Error(
        'NoSuchWebsiteConfiguration',
        'The specified bucket does not have a website configuration',
        {
          details: { BucketName: bucketName },
        },
      )
    }
    return Promise.resolve(documentAnswer('WebsiteConfiguration', websiteXml(website)))
  },
})
