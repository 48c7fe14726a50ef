/** GetBucketLocation: the region of a bucket, which is that of the node. */

import { escapeXml } from '../../http/xml.ts'
import { documentAnswer } from '../answers.ts'
import { operation } from '../contract/operation.ts'

export const getBucketLocation = operation({
  name: 'GetBucketLocation',
  method: 'GET',
  target: 'bucket',
  selector: { query: ['location'] },
  permission: 'read',
  body: 'none',
  errors: ['NoSuchBucket'],
  parameters: {},
  handle: (_input, context) =>
    Promise.resolve(
      // S3 says nothing for its first region, and clients know it.
      documentAnswer(
        'LocationConstraint',
        context.region === 'us-east-1' ? '' : escapeXml(context.region),
      ),
    ),
})
