/** ListObjectVersions: every object as its one version, `null`, page by page. */

import { listObjects } from '../../../store/object/list-objects.ts'
import { listAnswer, person, showIn, shown, versionEntry } from '../answers.ts'
import { operation } from '../contract/operation.ts'
import {
  encodingType,
  optionalText,
  pageSize,
  query,
  rawText,
  text,
} from '../contract/parameters.ts'
import { S3Error } from '../errors.ts'
import { ONLY_VERSION } from '../version-id.ts'
import { element } from '../xml-text.ts'

export const listObjectVersions = operation({
  name: 'ListObjectVersions',
  method: 'GET',
  target: 'bucket',
  selector: { query: ['versions'] },
  permission: 'read',
  body: 'none',
  pages: true,
  errors: ['InvalidArgument', 'NoSuchBucket'],
  parameters: {
    prefix: query('prefix', text),
    delimiter: query('delimiter', optionalText),
    keyMarker: query('key-marker', text),
    versionMarker: query('version-id-marker', rawText),
    limit: query('max-keys', pageSize),
    encoding: query('encoding-type', encodingType),
  },
  handle: async (input, context) => {
    const { prefix, delimiter, keyMarker, versionMarker, limit } = input
    checkVersionMarker(keyMarker, versionMarker)
    const page = await listObjects(context.store, {
      bucket: context.bucket.id,
      ...{ prefix, delimiter, limit },
      after: keyMarker === '' ? undefined : keyMarker,
    })
    const show = showIn(input.encoding)
    const endsAtVersion = page.last !== undefined && page.last === page.entries.at(-1)?.key
    const owner = person('Owner', context.caller.id, context.caller.name)
    return listAnswer('ListVersionsResult', {
      entries: page.entries,
      prefixes: page.prefixes,
      show,
      entry: (one) => versionEntry(one, show, owner),
      head:
        element('Name', context.bucketName) +
        shown('Prefix', prefix, show) +
        shown('KeyMarker', keyMarker, show) +
        element('VersionIdMarker', versionMarker ?? '') +
        (page.truncated
          ? shown('NextKeyMarker', page.last, show) +
            element('NextVersionIdMarker', endsAtVersion ? ONLY_VERSION : undefined)
          : '') +
        element('MaxKeys', limit) +
        shown('Delimiter', delimiter, show) +
        element('EncodingType', input.encoding) +
        element('IsTruncated', page.truncated),
    })
  },
})

/**
 * A marker of the only version of a key leads on to the next key, as the key alone does.
 *
 * Source: S3 API reference, ListObjectVersions; wordings as AWS sent them in 2025.
 * @throws {S3Error} `InvalidArgument`
 */
function checkVersionMarker(keyMarker: string, marker: string | undefined): void {
  if (marker === undefined || marker === ONLY_VERSION) {
    if (marker === undefined || keyMarker !== '') return
    throw refusal('A version-id marker cannot be specified without a key marker.', marker)
  }
  if (marker === '') throw refusal('A version-id marker cannot be empty.', marker)
  throw refusal('Invalid version id specified', marker)
}

function refusal(message: string, marker: string): S3Error {
  return new S3Error('InvalidArgument', message, {
    details: { ArgumentName: 'version-id-marker', ArgumentValue: marker.slice(0, 200) },
  })
}
