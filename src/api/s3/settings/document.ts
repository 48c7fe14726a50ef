/** What the documents of a bucket's settings share: how they are read, and their faults. */

import { CONFIG_BODY_BYTES_MAX } from '../../../base/limits.ts'
import { readDocument } from '../../auth/document.ts'
import { parseXml, type XmlElement } from '../../http/xml.ts'
import type { ServiceContext } from '../contract/operation.ts'
import { S3Error } from '../errors.ts'

/** The verified document of a request; `MalformedXML` when there is none. */
export async function readSettings(
  { request, store }: ServiceContext,
  sizeBytesMax: number = CONFIG_BODY_BYTES_MAX,
): Promise<XmlElement> {
  const bytes = await readDocument(request.body, {
    sizeBytesMax,
    compute: store.compute,
  })
  return parseXml(bytes)
}

export function childrenOf(element: XmlElement, name: string): readonly XmlElement[] {
  return element.children.filter((child) => child.name === name)
}

export function textsOf(element: XmlElement, name: string): string[] {
  return childrenOf(element, name).map((child) => child.text.trim())
}

/** @throws {S3Error} `MalformedXML` when it stands more than once */
export function childOf(element: XmlElement, name: string): XmlElement | undefined {
  const found = childrenOf(element, name)
  if (found.length > 1) throw malformed(`<${element.name}> holds <${name}> more than once`)
  return found[0]
}

/** @throws {S3Error} `MalformedXML` when it stands more than once */
export function textOf(element: XmlElement, name: string): string | undefined {
  return childOf(element, name)?.text.trim()
}

/** @param what a clause without full stop */
export function malformed(what: string): S3Error {
  return new S3Error('MalformedXML', `Cannot read the document: ${what}`)
}

export function refused(sentence: string): S3Error {
  return new S3Error('InvalidRequest', sentence)
}
