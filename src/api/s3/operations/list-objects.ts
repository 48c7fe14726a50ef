/** ListObjects: the first form of the list, whose pages are continued by a key. */

import { listObjects as listStoredObjects } from '../../../store/object/list-objects.ts'
import { listAnswer, objectEntry, person, showIn, shown } from '../answers.ts'
import { operation } from '../contract/operation.ts'
import { encodingType, optionalText, pageSize, query, text } from '../contract/parameters.ts'
import { element } from '../xml-text.ts'

export const listObjects = operation({
  name: 'ListObjects',
  method: 'GET',
  target: 'bucket',
  permission: 'read',
  body: 'none',
  pages: true,
  hot: true,
  errors: ['InvalidArgument', 'NoSuchBucket'],
  parameters: {
    prefix: query('prefix', text),
    delimiter: query('delimiter', optionalText),
    marker: query('marker', text),
    limit: query('max-keys', pageSize),
    encoding: query('encoding-type', encodingType),
  },
  handle: async (input, context) => {
    const { prefix, delimiter, marker, limit } = input
    const range = { bucket: context.bucket.id, prefix, delimiter }
    const page = await listStoredObjects(context.store, {
      after: marker === '' ? undefined : marker,
      limit,
      ...range,
    })
    const show = showIn(input.encoding)
    const owner = person('Owner', context.caller.id, context.caller.name)
    return listAnswer('ListBucketResult', {
      entries: page.entries,
      prefixes: page.prefixes,
      show,
      entry: (one) => objectEntry(one, show, owner),
      head:
        element('Name', context.bucketName) +
        // Not encoded, unlike the second form: boto3 decodes the other elements, but not this one.
        element('Prefix', prefix) +
        shown('Marker', marker, show) +
        // Without a delimiter clients continue after the last key, and S3 does not repeat it.
        (page.truncated && delimiter !== undefined ? shown('NextMarker', page.last, show) : '') +
        element('MaxKeys', limit) +
        shown('Delimiter', delimiter, show) +
        element('EncodingType', input.encoding) +
        element('IsTruncated', page.truncated),
    })
  },
})
