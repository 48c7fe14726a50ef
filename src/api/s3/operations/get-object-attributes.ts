/** GetObjectAttributes: what is known of an object, its checksum and its parts, as a document. */

import { LIST_KEYS_MAX, PART_NUMBER_MAX } from '../../../base/limits.ts'
import { headObject } from '../../../store/object/get-object.ts'
import type { ObjectInfo, ObjectParts } from '../../../store/object/get-object.ts'
import { httpDateOf } from '../../http/dates.ts'
import { documentAnswer } from '../answers.ts'
import { checksumElement } from '../checksums.ts'
import { customerKeyHeaders, customerKeyOf, customerKeyParameters } from '../customer-key.ts'
import { operation } from '../contract/operation.ts'
import { header, integer, text } from '../contract/parameters.ts'
import { S3Error } from '../errors.ts'
import { versionToRead } from '../version-id.ts'
import { element } from '../xml-text.ts'

/** In the order of S3's document. */
const attributes = ['ETag', 'Checksum', 'ObjectParts', 'StorageClass', 'ObjectSize'] as const
type Attribute = (typeof attributes)[number]

const INT_MAX = 2 ** 31 - 1

interface PartRange {
  readonly after: number
  readonly limit: number
}

export const getObjectAttributes = operation({
  name: 'GetObjectAttributes',
  method: 'GET',
  target: 'object',
  selector: { query: ['attributes'] },
  permission: 'read',
  body: 'none',
  errors: [
    'InvalidArgument',
    'InvalidEncryptionAlgorithmError',
    'InvalidRequest',
    'NoSuchBucket',
    'NoSuchKey',
    'NoSuchVersion',
  ],
  parameters: {
    ...customerKeyParameters,
    ...versionToRead,
    wanted: header('x-amz-object-attributes', text),
    limit: header('x-amz-max-parts', integer(0, INT_MAX)),
    after: header('x-amz-part-number-marker', integer(0, INT_MAX)),
  },
  handle: async (input, context) => {
    const { wanted, limit = LIST_KEYS_MAX, after = 0 } = input
    const chosen = readAttributes(wanted)
    const customerKey = customerKeyOf(input)
    const info = await headObject(context.store, {
      bucket: context.bucket.id,
      key: context.key,
      customerKey: customerKey?.bytes,
    })
    const range = {
      limit: Math.min(limit, LIST_KEYS_MAX),
      after: Math.min(after, PART_NUMBER_MAX),
    }
    let xml = ''
    for (const name of attributes) if (chosen.has(name)) xml += await render[name](info, range)
    return documentAnswer('GetObjectAttributesResponse', xml, [
      ['last-modified', httpDateOf(info.modifiedMicros)],
      ...customerKeyHeaders(customerKey),
    ])
  },
})

/** Source: S3 API reference, GetObjectAttributes; wordings as AWS sent them in 2025. */
function readAttributes(wanted: string): ReadonlySet<Attribute> {
  const words = wanted.split(',').map((word) => word.trim())
  if (words.every((word) => word === '')) {
    throw new S3Error(
      'InvalidRequest',
      'The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty',
    )
  }
  const chosen = words.map((word) => {
    const attribute = attributes.find((one) => one === word)
    if (attribute !== undefined) return attribute
    throw new S3Error('InvalidArgument', 'Invalid attribute name specified.', {
      details: { ArgumentName: 'x-amz-object-attributes', ArgumentValue: word.slice(0, 200) },
    })
  })
  return new Set(chosen)
}

type Render = (info: ObjectInfo, range: PartRange) => string | Promise<string>

const render: Readonly<Record<Attribute, Render>> = {
  // Without quotes, unlike everywhere else in S3.
  ETag: ({ etag }) => element('ETag', etag),
  Checksum: ({ checksum }) =>
    checksum === undefined
      ? ''
      : `<Checksum>${checksumElement(checksum)}${element('ChecksumType', checksum.type)}</Checksum>`,
  ObjectParts: ({ parts }, range) => (parts === undefined ? '' : renderParts(parts, range)),
  StorageClass: () => element('StorageClass', 'STANDARD'),
  ObjectSize: ({ size }) => element('ObjectSize', size),
}

async function renderParts(parts: ObjectParts, { after, limit }: PartRange): Promise<string> {
  const page = await parts.page(after, limit)
  const last = page.at(-1)?.number
  let xml = ''
  for (const { number, size, checksum } of page) {
    xml += `<Part>${element('PartNumber', number)}${element('Size', size)}${checksumElement(checksum)}</Part>`
  }
  return (
    '<ObjectParts>' +
    element('PartsCount', parts.count) +
    element('PartNumberMarker', after) +
    element('NextPartNumberMarker', last ?? 0) +
    element('MaxParts', limit) +
    element('IsTruncated', (last ?? after) < parts.count && limit > 0) +
    xml +
    '</ObjectParts>'
  )
}
