/** GetObject: the bytes of an object, or of a range or part of it. */

import { INLINE_SIZE_BYTES_MAX } from '../../../base/limits.ts'
import { getObject as getStoredObject } from '../../../store/object/get-object.ts'
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
    const { status, headers, start, length } = selection
    if (length === 0) return { status, headers }
    const pieces = object.read(start, start + length - 1, request.signal)
    // A small body is answered at once: cheaper than a stream, and a failure is still a 503.
    const body = length <= INLINE_SIZE_BYTES_MAX ? await joined(pieces) : { length, pieces }
    return { status, headers, body }
  },
})

async function joined(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const copies: Uint8Array[] = []
  for await (const piece of pieces) copies.push(Uint8Array.from(piece))
  return copies.length === 1 ? copies[0]! : Buffer.concat(copies)
}
