/** XML as S3 speaks it: a writer that escapes all, and a reader that refuses what S3 has no use for. */

import { type SaxesParser as Parser, SaxesParser } from 'saxes'
import { textOf } from '../../base/bytes.ts'
import { XML_ATTRIBUTES_MAX, XML_DEPTH_MAX, XML_ELEMENTS_MAX } from '../../base/limits.ts'
import { HttpError } from './errors.ts'

export const S3_NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/'

/** One element: its name as written, its elements in order, its own text joined. */
export interface XmlElement {
  readonly name: string
  readonly children: readonly XmlElement[]
  readonly text: string
}

/**
 * A document of one root element, with its declaration.
 *
 * @param namespace the root's `xmlns`, if any
 */
export function xmlDocument(
  root: string,
  write: (xml: XmlWriter) => void,
  namespace?: string,
): string {
  const xml = new XmlWriter()
  xml.element(root, write, namespace === undefined ? undefined : { xmlns: namespace })
  return `<?xml version="1.0" encoding="UTF-8"?>\n${xml.toString()}`
}

/** Writes elements one after another; every text is escaped. */
export class XmlWriter {
  #text = ''

  /** An element with elements inside. */
  element(
    name: string,
    write: (xml: XmlWriter) => void,
    attributes?: Readonly<Record<string, string>>,
  ): void {
    this.#text += `<${name}`
    for (const [key, value] of Object.entries(attributes ?? {})) {
      this.#text += ` ${key}="${escapeXml(value)}"`
    }
    this.#text += '>'
    write(this)
    this.#text += `</${name}>`
  }

  /** An element with text; none at all when `value` is undefined. */
  leaf(name: string, value: string | number | boolean | undefined): void {
    if (value === undefined) return
    const text = typeof value === 'string' ? escapeXml(value) : String(value)
    this.#text += text === '' ? `<${name}/>` : `<${name}>${text}</${name}>`
  }

  toString(): string {
    return this.#text
  }
}

// oxlint-disable-next-line no-control-regex
const special = /[&<>"'\0-\x08\x0b-\x1f\x7f\u0085\u2028\ufffe\uffff]|[\ud800-\udfff]/u

// oxlint-disable-next-line no-control-regex
const specials = /[&<>"'\0-\x08\x0b-\x1f\x7f\u0085\u2028\ufffe\uffff]|[\ud800-\udfff]/gu

/**
 * Text for an element or an attribute. CR is written as a reference, else readers would make it LF;
 * what XML 1.0 cannot hold becomes U+FFFD (a client that must see it asks for `encoding-type=url`).
 */
export function escapeXml(text: string): string {
  return special.test(text) ? text.replace(specials, escapeCharacter) : text
}

function escapeCharacter(character: string): string {
  switch (character) {
    case '&':
      return '&amp;'
    case '<':
      return '&lt;'
    case '>':
      return '&gt;'
    case '"':
      return '&quot;'
    case "'":
      return '&#39;'
    case '\r':
      return '&#xD;'
    case '\x7f':
      return '&#x7F;'
    case '\u0085':
      return '&#x85;'
    case '\u2028':
      return '&#x2028;'
    default:
      return '\ufffd'
  }
}

/**
 * Reads one document.
 *
 * UTF-8 without a byte order mark, XML 1.0, no document type, bounded in depth, elements and
 * attributes; attributes and comments are dropped. The caller bounds the size.
 *
 * @throws {HttpError} `MalformedXML`
 */
export function parseXml(bytes: Uint8Array): XmlElement {
  const tree = new TreeBuilder()
  const parser: Parser = new SaxesParser({ xmlns: false, position: false })
  parser.on('error', (error) => {
    throw malformed(error.message)
  })
  parser.on('doctype', () => {
    throw malformed('it has a document type')
  })
  parser.on('xmldecl', ({ version, encoding }) => {
    if (version !== '1.0') throw malformed('its version is not 1.0')
    if (encoding !== undefined && encoding.toLowerCase() !== 'utf-8') {
      throw malformed('its encoding is not UTF-8')
    }
  })
  parser.on('attribute', () => tree.attribute())
  parser.on('opentag', ({ name }) => tree.open(name))
  parser.on('closetag', () => tree.close())
  parser.on('text', (text) => tree.text(text))
  parser.on('cdata', (text) => tree.text(text))
  parser.write(decode(bytes)).close()
  return tree.root()
}

interface Growing {
  readonly name: string
  readonly children: Growing[]
  text: string
}

class TreeBuilder {
  readonly #path: Growing[] = []
  #root: Growing | undefined
  #elementCount = 0
  #attributeCount = 0

  attribute(): void {
    this.#attributeCount += 1
    if (this.#attributeCount > XML_ATTRIBUTES_MAX) throw malformed('it has too many attributes')
  }

  open(name: string): void {
    this.#attributeCount = 0
    this.#elementCount += 1
    if (this.#elementCount > XML_ELEMENTS_MAX) throw malformed('it has too many elements')
    if (this.#path.length >= XML_DEPTH_MAX) throw malformed('its elements are nested too deep')
    const element: Growing = { name, children: [], text: '' }
    const parent = this.#path.at(-1)
    if (parent === undefined) this.#root = element
    else parent.children.push(element)
    this.#path.push(element)
  }

  close(): void {
    this.#path.pop()
  }

  text(text: string): void {
    const element = this.#path.at(-1)
    if (element !== undefined) element.text += text
  }

  root(): XmlElement {
    if (this.#root === undefined) throw malformed('it has no element')
    return this.#root
  }
}

function decode(bytes: Uint8Array): string {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) {
    throw malformed('it begins with a byte order mark')
  }
  try {
    return textOf(bytes)
  } catch {
    throw malformed('it is not UTF-8')
  }
}

function malformed(what: string): HttpError {
  return new HttpError('MalformedXML', `Cannot read the XML document: ${what}`)
}
