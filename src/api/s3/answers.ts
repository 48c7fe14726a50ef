/** The shapes of answers that operations share: documents, empty ones, lists. */

import type { HttpResponse } from '../http/response.ts'
import { escapeXml } from '../http/xml.ts'
import { S3_XMLNS, XML_HEAD, element, isoTime, urlEncoded } from './xml-text.ts'

type Headers = readonly (readonly [string, string])[]

export const xmlHeader = ['content-type', 'application/xml'] as const

/** 200 with a document of S3's namespace; `content` is XML already. */
export function documentAnswer(root: string, content: string, headers: Headers = []): HttpResponse {
  return {
    status: 200,
    headers: [xmlHeader, ...headers],
    body: `${XML_HEAD}<${root} ${S3_XMLNS}>${content}</${root}>`,
  }
}

export function emptyAnswer(status: number, headers: Headers = []): HttpResponse {
  return { status, headers }
}

/** `text` as a list shows it: plain, or in the encoding that was asked for. */
export type Show = (text: string) => string

export function showIn(encoding: 'url' | undefined): Show {
  return encoding === 'url' ? urlEncoded : escapeXml
}

/** An element whose content `show` has made XML of; nothing when there is no text. */
export function shown(name: string, text: string | undefined, show: Show): string {
  return text === undefined ? '' : `<${name}>${show(text)}</${name}>`
}

export function commonPrefixes(prefixes: readonly string[], show: Show): string {
  let xml = ''
  for (const prefix of prefixes) {
    xml += `<CommonPrefixes><Prefix>${show(prefix)}</Prefix></CommonPrefixes>`
  }
  return xml
}

/** `<Owner>` and the like: who stands behind a key, by its id. */
export function person(name: string, id: string, displayName: string): string {
  return `<${name}>${element('ID', id)}${element('DisplayName', displayName)}</${name}>`
}

/** One object as a list names it. */
export interface ListedObject {
  readonly key: string
  readonly size: number
  /** Without quotes; hex digits, perhaps `-` and the number of parts. */
  readonly etag: string
  readonly modifiedMicros: number
  readonly checksum?: { readonly algorithm: string; readonly type: string } | undefined
}

/**
 * The `<Contents>` of a list, joined as text: 1,000 of them in well under a millisecond.
 *
 * @param owner an `<Owner>` element, or ''
 */
export function contents(objects: readonly ListedObject[], show: Show, owner: string): string {
  let xml = ''
  for (const one of objects) xml += '<Contents>' + facts(one, show) + owner + CONTENTS_END
  return xml
}

const CONTENTS_END = '<StorageClass>STANDARD</StorageClass></Contents>'
const VERSION_END =
  '<VersionId>null</VersionId><IsLatest>true</IsLatest>' +
  '<StorageClass>STANDARD</StorageClass></Version>'

/** The `<Version>` of a list of versions: each object is its own, and the only one. */
export function versions(objects: readonly ListedObject[], show: Show, owner: string): string {
  let xml = ''
  for (const one of objects) xml += '<Version>' + facts(one, show) + owner + VERSION_END
  return xml
}

/** What both lists say of an object, but for its owner. */
function facts(one: ListedObject, show: Show): string {
  const checksum =
    one.checksum === undefined
      ? ''
      : '<ChecksumAlgorithm>' +
        one.checksum.algorithm +
        '</ChecksumAlgorithm><ChecksumType>' +
        one.checksum.type +
        '</ChecksumType>'
  return (
    '<Key>' +
    show(one.key) +
    '</Key><LastModified>' +
    isoTime(one.modifiedMicros) +
    '</LastModified><ETag>&quot;' +
    one.etag +
    '&quot;</ETag>' +
    checksum +
    '<Size>' +
    one.size +
    '</Size>'
  )
}
