/** The four blocks against the public, as far as they are so. */

import type { Bucket } from '../../../model/rows/bucket.ts'
import type { XmlElement } from '../../http/xml.ts'
import { S3Error } from '../errors.ts'
import { malformed, textOf } from './document.ts'

/** In the order of S3's document. */
const names = [
  'BlockPublicAcls',
  'IgnorePublicAcls',
  'BlockPublicPolicy',
  'RestrictPublicBuckets',
] as const

type PublicBlocks = Readonly<Record<(typeof names)[number], boolean>>

/**
 * Nothing opens a bucket to the public but its website, which AWS would show only by a policy that
 * lets everybody read.
 *
 * Source: S3 User Guide, "Blocking public access".
 */
export function publicBlocks({ settings }: Bucket): PublicBlocks {
  const isShown = settings.website !== undefined
  return {
    BlockPublicAcls: true,
    IgnorePublicAcls: true,
    BlockPublicPolicy: !isShown,
    RestrictPublicBuckets: !isShown,
  }
}

/**
 * Holds a document against what is so. A block that it leaves out is one that is off, as AWS has it.
 *
 * @throws {S3Error} `MalformedXML`; `NotImplemented` for a block that is asked to be what it is not
 */
export function checkPublicBlocks(document: XmlElement, bucket: Bucket): void {
  const unknown = document.children.find(({ name }) => !names.some((one) => one === name))
  if (unknown !== undefined) throw malformed(`<${unknown.name.slice(0, 50)}> is no block`)
  const isSo = publicBlocks(bucket)
  for (const name of names) {
    const isWanted = readFlag(textOf(document, name), name)
    if (isWanted === isSo[name]) continue
    throw new S3Error(
      'NotImplemented',
      isWanted
        ? `Cannot set <${name}> to true: everybody may read the website of the bucket. Take it away first, with DeleteBucketWebsite`
        : `Cannot set <${name}> to false: no list and no policy opens a bucket here`,
    )
  }
}

function readFlag(text: string | undefined, name: string): boolean {
  const lower = text?.toLowerCase()
  if (lower === 'true') return true
  if (lower === undefined || lower === 'false') return false
  throw malformed(`<${name}> is neither "true" nor "false"`)
}
