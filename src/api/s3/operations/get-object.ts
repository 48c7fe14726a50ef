/** GetObject: the bytes of an object, or of a range or part of it. */

import { getObject as getStoredObject } from '../../../store/object/get-object.ts'
import { bodyOf } from '../../object/selection.ts'
import { customerKeyHeaders, customerKeyOf } from '../customer-key.ts'
import { withExpiration } from '../expiration.ts'
import { readParameters, selectBytes } from '../object-answer.ts'
import { operation } from '../contract/operation.ts'

export const getObject = operation({
  name: 'GetObject',
  method: 'GET',
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
    const { bucket, key, request } = context
    const customerKey = customerKeyOf(input)
    const object = await getStoredObject(context.store, {
      bucket: bucket.id,
      key,
      customerKey: customerKey?.bytes,
    })
    const selection = await selectBytes(object.info, input, context.clock.wallMicros())
    if (!('length' in selection)) return selection
    const { status } = selection
    const shown = [...selection.headers, ...customerKeyHeaders(customerKey)]
    const headers = withExpiration(shown, bucket, key, object.info)
    const body = await bodyOf(object, selection, request.signal)
    return { status, headers, ...(body === undefined ? {} : { body }) }
  },
})
