/** ListObjectsV2: the objects of a bucket, page by page. */

import { listObjects } from '../../../store/object/list-objects.ts'
import { listAnswer, objectEntry, person, showIn, shown } from '../answers.ts'
import { listStart, nextListToken } from '../list-position.ts'
import { operation } from '../contract/operation.ts'
import {
  encodingType,
  flag,
  optionalText,
  pageSize,
  query,
  rawText,
  text,
} from '../contract/parameters.ts'
import { element } from '../xml-text.ts'

export const listObjectsV2 = operation({
  name: 'ListObjectsV2',
  method: 'GET',
  target: 'bucket',
  selector: { values: { 'list-type': '2' } },
  permission: 'read',
  body: 'none',
  pages: true,
  hot: true,
  errors: ['InvalidArgument', 'NoSuchBucket'],
  parameters: {
    prefix: query('prefix', text),
    delimiter: query('delimiter', optionalText),
    startAfter: query('start-after', optionalText),
    token: query('continuation-token', rawText),
    limit: query('max-keys', pageSize),
    encoding: query('encoding-type', encodingType),
    fetchOwner: query('fetch-owner', flag),
  },
  handle: async (input, context) => {
    const { prefix, delimiter, startAfter, token, limit } = input
    const range = { bucket: context.bucket.id, prefix, delimiter }
    const page = await listObjects(context.store, {
      limit,
      ...range,
      ...listStart(range, startAfter, token),
    })
    const show = showIn(input.encoding)
    const owner = input.fetchOwner ? person('Owner', context.caller.id, context.caller.name) : ''
    return listAnswer('ListBucketResult', {
      entries: page.entries,
      prefixes: page.prefixes,
      show,
      entry: (one) => objectEntry(one, show, owner),
      head:
        element('Name', context.bucketName) +
        shown('Prefix', prefix, show) +
        shown('StartAfter', startAfter, show) +
        element('ContinuationToken', token) +
        element('NextContinuationToken', nextListToken(range, page.next)) +
        element('KeyCount', page.entries.length + page.prefixes.length) +
        element('MaxKeys', limit) +
        shown('Delimiter', delimiter, show) +
        element('EncodingType', input.encoding) +
        element('IsTruncated', page.truncated),
    })
  },
})
