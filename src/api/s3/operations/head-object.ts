/** HeadObject: what GetObject would answer, without the bytes. */

import { headObject as headStoredObject } from '../../../store/object/get-object.ts'
import { customerKeyHeaders, customerKeyOf } from '../customer-key.ts'
import { withExpiration } from '../expiration.ts'
import { readParameters, selectBytes } from '../object-answer.ts'
import { operation } from '../contract/operation.ts'

export const headObject = operation({
  name: 'HeadObject',
  method: 'HEAD',
  target: 'object',
  permission: 'read',
  body: 'none',
  hot: true,
  errors: [
    'InvalidArgument',
    'InvalidEncryptionAlgorithmError',
    'InvalidPartNumber',
    'InvalidRange',
    'InvalidRequest',
    'NoSuchBucket',
    'NoSuchKey',
    'NoSuchVersion',
    'PreconditionFailed',
  ],
  parameters: readParameters,
  handle: async (input, context) => {
    const { bucket, key } = context
    const customerKey = customerKeyOf(input)
    const info = await headStoredObject(context.store, {
      bucket: bucket.id,
      key,
      customerKey: customerKey?.bytes,
    })
    const selection = await selectBytes(info, input, context.clock.wallMicros())
    if (!('length' in selection)) return selection
    const { status, headers, length } = selection
    const shown = [...headers, ...customerKeyHeaders(customerKey)]
    const all = withExpiration(shown, bucket, key, info)
    return { status, headers: [...all, ['content-length', String(length)]] }
  },
})
