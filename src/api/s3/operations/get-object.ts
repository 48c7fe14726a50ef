/** GetObject: the bytes of an object, or of a range or part of it. */

import { getObject as getStoredObject } from '../../../store/object/get-object.ts'
import { bodyOf } from '../../object/selection.ts'
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
    'InvalidPartNumber',
    'InvalidRange',
    'InvalidRequest',
    'NoSuchBucket',
    'NoSuchKey',
    'PreconditionFailed',
  ],
  parameters: readParameters,
  handle: async (input, context) => {
    const { bucket, key, request } = context
    const object = await getStoredObject(context.store, { bucket: bucket.id, key })
    const selection = await selectBytes(object.info, input, context.clock.wallMicros())
    if (!('length' in selection)) return selection
    const { status } = selection
    const headers = withExpiration(selection.headers, bucket, key, object.info)
    const body = await bodyOf(object, selection, request.signal)
    return { status, headers, ...(body === undefined ? {} : { body }) }
  },
})
