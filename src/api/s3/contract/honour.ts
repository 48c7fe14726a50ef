/** Refuses what a request asks for and nobody would honour: nothing is silently ignored. */

import type { XmlElement } from '../../http/xml.ts'
import { checkListHeader, isListHeader } from './access-lists.ts'
import { AMZ_CHECKSUM_HEADERS } from '../checksums.ts'
import { checkServerEncryption } from './encryption-headers.ts'
import { S3Error } from '../errors.ts'
import { conditionHeaders, elementFates, headerFates, queryFates } from './fates.ts'
import type { Fate } from './fates.ts'
import type { Operation } from './operation.ts'

/**
 * Checks every `x-amz-*` header, every condition and every query parameter of a request.
 *
 * @throws {S3Error} `NotImplemented`, which names the header or parameter; S3's own code for lists
 *   of who may do what, and for encryption that S3 would refuse as well
 */
export function refuseUnhonoured(
  operation: Operation,
  headers: ReadonlyMap<string, string>,
  query: ReadonlyMap<string, string>,
): void {
  checkServerEncryption(operation.method, headers)
  for (const [name, value] of headers) {
    if (name.startsWith('x-amz-')) checkHeader(operation, name, value)
    else if (conditionHeaders.has(name) && !operation.headerNames.has(name)) {
      throw unhonoured(operation.name, 'header', name)
    }
  }
  if (query.size === 0) return
  for (const [name, value] of query) {
    if (operation.queryNames.has(name)) continue
    // Only a presigned URL may carry headers as parameters, and there they are headers by now.
    if (/^x-amz-/i.test(name)) throw unhonoured(operation.name, 'query parameter', name)
    const fate = Object.hasOwn(queryFates, name) ? queryFates[name]! : undefined
    if (fate !== undefined && !isHonoured(fate, value)) {
      throw unhonoured(operation.name, 'query parameter', name)
    }
  }
}

function checkHeader(operation: Operation, name: string, value: string): void {
  if (operation.headerNames.has(name)) return
  if (name.startsWith('x-amz-meta-') && operation.groups?.includes('metadata') === true) return
  if (AMZ_CHECKSUM_HEADERS.has(name)) {
    if (operation.groups?.includes('object-checksum') === true) return
    if (operation.groups?.includes('checksum') === true) {
      // A value with the count of parts is of no body: nothing would hold the body to it.
      if (!/-\d+$/.test(value)) return
      throw new S3Error('InvalidRequest', `Value for ${name} header is invalid.`)
    }
  }
  checkFate(operation, name, value)
}

function checkFate(operation: Operation, name: string, value: string): void {
  const fate = Object.hasOwn(headerFates, name) ? headerFates[name]! : undefined
  if (fate !== undefined && isListHeader(name)) return checkListHeader(operation.name, name, value)
  if (fate === undefined || !isHonoured(fate, value)) {
    throw unhonoured(operation.name, 'header', name)
  }
}

function isHonoured(fate: Fate, value: string): boolean {
  if (fate.kind === 'read') return true
  return fate.kind === 'accepted' && (fate.values === 'any' || fate.values.includes(value))
}

function unhonoured(operation: string, what: 'header' | 'query parameter', name: string): S3Error {
  return new S3Error(
    'NotImplemented',
    `Cannot honour the ${what} "${name.slice(0, 100)}" of ${operation}: it asks for something that is not implemented. Leave it out, or see s3-compatibility.md`,
    {
      details:
        what === 'header' ? { Header: name.slice(0, 100) } : { Parameter: name.slice(0, 100) },
    },
  )
}

/**
 * An element whose name is `name` and whose children are all honoured.
 *
 * @throws {S3Error} `MalformedXML` for another name and for a child that is nobody's;
 *   `NotImplemented` for a child that is S3's
 */
export function checkedElement(element: XmlElement, name: string): XmlElement {
  if (element.name !== name) {
    throw new S3Error(
      'MalformedXML',
      `Cannot read the document: there is <${element.name.slice(0, 50)}>, wanted <${name}>`,
    )
  }
  const fates = elementFates[name] ?? {}
  for (const child of element.children) {
    const fate = Object.hasOwn(fates, child.name) ? fates[child.name]! : undefined
    const childName = child.name.slice(0, 50)
    if (fate === undefined) {
      throw new S3Error(
        'MalformedXML',
        `Cannot read the document: <${name}> holds <${childName}>, which is no element of it`,
      )
    }
    if (!isHonoured(fate, child.text.trim())) {
      throw new S3Error(
        'NotImplemented',
        `Cannot honour <${childName}> in <${name}>: it is not implemented. ` +
          'Leave it out, or see s3-compatibility.md',
      )
    }
  }
  return element
}
