/** Percent codes, both ways, strictly. Never `new URL`: it collapses `..` and turns `\` about. */

import { HttpError } from './errors.ts'

const plain = /^[A-Za-z0-9\-._~]*$/
const plainPath = /^[A-Za-z0-9\-._~/]*$/

/**
 * Decodes percent codes to text. `+` stays as it is.
 *
 * @throws {HttpError} `InvalidURI` for a broken code, for bytes that are not UTF-8 and for NUL
 */
export function decodePercent(raw: string): string {
  if (!raw.includes('%')) return raw
  let text: string
  try {
    text = decodeURIComponent(raw)
  } catch (cause) {
    throw new HttpError('InvalidURI', 'Cannot decode the URI: broken percent code', { cause })
  }
  if (text.includes('\0')) throw new HttpError('InvalidURI', 'Cannot decode the URI: it holds NUL')
  return text
}

/**
 * Encodes all but RFC 3986's unreserved characters, upper-case hex.
 * Source: AWS Signature Version 4, "UriEncode".
 */
export function encodeUri(text: string): string {
  if (plain.test(text)) return text
  return encodeURIComponent(text).replace(/[!'()*]/g, encodeByte)
}

/** `encodeUri` that leaves `/` alone. */
export function encodePath(text: string): string {
  if (plainPath.test(text)) return text
  return encodeURIComponent(text).replace(/[!'()*]|%2F/g, (code) =>
    code === '%2F' ? '/' : encodeByte(code),
  )
}

function encodeByte(character: string): string {
  return '%' + character.charCodeAt(0).toString(16).toUpperCase()
}
