/** The shapes of answers that operations share: documents, empty ones, lists. */

import type { HttpResponse } from '../http/response.ts'
import { escapeXml } from '../http/xml.ts'
import { S3_XMLNS, XML_HEAD, XmlBytes, element, isoTime, urlEncoded } from './xml-text.ts'

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

/** Of one entry of a list with a key of usual length, and its owner. */
const ENTRY_BYTES = 256

/** What a list of objects brings: XML before its entries, the entries, its common prefixes. */
export interface ListContent {
  readonly head: string
  readonly entries: readonly ListedObject[]
  readonly prefixes: readonly string[]
  /** One entry as XML. */
  readonly entry: (one: ListedObject) => string
  readonly show: Show
}

/** 200 with a list of objects: 1,000 of them in well under a millisecond. */
export function listAnswer(root: string, content: ListContent): HttpResponse {
  const { head, entries, prefixes, entry, show } = content
  const expectedBytes = head.length + ENTRY_BYTES * (2 + entries.length + prefixes.length)
  const xml = new XmlBytes(expectedBytes)
  xml.add(`${XML_HEAD}<${root} ${S3_XMLNS}>${head}`)
  for (const one of entries) xml.add(entry(one))
  for (const prefix of prefixes) xml.add(commonPrefix(prefix, show))
  xml.add(`</${root}>`)
  return { status: 200, headers: [xmlHeader], body: xml.bytes() }
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

export function commonPrefix(prefix: string, show: Show): string {
  return `<CommonPrefixes><Prefix>${show(prefix)}</Prefix></CommonPrefixes>`
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
 * One `<Contents>` of a list.
 *
 * @param owner an `<Owner>` element, or ''
 */
export function objectEntry(one: ListedObject, show: Show, owner: string): string {
  return '<Contents>' + facts(one, show) + owner + CONTENTS_END
}

const CONTENTS_END = '<StorageClass>STANDARD</StorageClass></Contents>'
const VERSION_END =
  '<VersionId>null</VersionId><IsLatest>true</IsLatest>' +
  '<StorageClass>STANDARD</StorageClass></Version>'

/** One `<Version>` of a list of versions: each object is its own, and the only one. */
export function versionEntry(one: ListedObject, show: Show, owner: string): string {
  return '<Version>' + facts(one, show) + owner + VERSION_END
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
