/** HeadBucket: whether a bucket is there and may be read. */

import { emptyAnswer } from '../answers.ts'
import { operation } from '../contract/operation.ts'

export const headBucket = operation({
  name: 'HeadBucket',
  method: 'HEAD',
  target: 'bucket',
  permission: 'read',
  body: 'none',
  errors: ['NoSuchBucket'],
  parameters: {},
  handle: (_input, context) =>
    Promise.resolve(
      emptyAnswer(200, [
        ['x-amz-bucket-region', context.region],
        ['x-amz-access-point-alias', 'false'],
        ['content-type', 'application/xml'],
      ]),
    ),
})
