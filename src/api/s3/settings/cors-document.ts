/**
 * The CORSConfiguration document, both ways.
 *
 * Source: S3 API reference, PutBucketCors and CORSRule; wordings of refusals as AWS sends them.
 */

import { CORS_ID_LENGTH_MAX, CORS_RULES_MAX } from '../../../base/limits.ts'
import type { CorsRule } from '../../../model/rows/bucket-settings.ts'
import type { XmlElement } from '../../http/xml.ts'
import { checkedElement } from '../contract/honour.ts'
import { element } from '../xml-text.ts'
import { malformed, refused, textOf, textsOf } from './document.ts'

/** @throws {S3Error} `MalformedXML`, `InvalidRequest` */
export function readCors(document: XmlElement): readonly CorsRule[] {
  const rules = checkedElement(document, 'CORSConfiguration').children
  if (rules.length === 0) throw malformed('it has no CORSRule')
  if (rules.length > CORS_RULES_MAX) {
    throw refused(
      `The number of CORS rules should not exceed allowed limit of ${CORS_RULES_MAX} rules.`,
    )
  }
  return rules.map(readRule)
}

function readRule(child: XmlElement): CorsRule {
  const rule = checkedElement(child, 'CORSRule')
  const allowedMethods = textsOf(rule, 'AllowedMethod')
  const allowedOrigins = textsOf(rule, 'AllowedOrigin')
  if (allowedMethods.length === 0) throw malformed('a CORSRule has no AllowedMethod')
  if (allowedOrigins.length === 0) throw malformed('a CORSRule has no AllowedOrigin')
  allowedMethods.forEach(checkMethod)
  for (const origin of allowedOrigins) checkPattern('AllowedOrigin', origin)
  const allowedHeaders = textsOf(rule, 'AllowedHeader')
  for (const name of allowedHeaders) {
    checkPattern('AllowedHeader', name)
    checkHeaderName('AllowedHeader', name)
  }
  const exposeHeaders = textsOf(rule, 'ExposeHeader')
  for (const name of exposeHeaders) {
    if (name.includes('*')) {
      throw refused(
        `ExposeHeader "${name.slice(0, 100)}" contains wildcard. We currently do not support wildcard for ExposeHeader.`,
      )
    }
    checkHeaderName('ExposeHeader', name)
  }
  const id = textOf(rule, 'ID')
  if (id !== undefined && id.length > CORS_ID_LENGTH_MAX) {
    throw refused(`ID length should not exceed allowed limit of ${CORS_ID_LENGTH_MAX}`)
  }
  const maxAgeSeconds = readAge(textOf(rule, 'MaxAgeSeconds'))
  return {
    ...(id === undefined ? {} : { id }),
    ...{ allowedOrigins, allowedMethods, allowedHeaders, exposeHeaders },
    ...(maxAgeSeconds === undefined ? {} : { maxAgeSeconds }),
  }
}

const methods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'PUT', 'POST', 'DELETE'])

function checkMethod(method: string): void {
  if (methods.has(method)) return
  throw refused(
    `Found unsupported HTTP method in CORS config. Unsupported method is ${method.slice(0, 20)}`,
  )
}

function checkPattern(name: string, pattern: string): void {
  if (pattern === '') throw malformed(`an ${name} is empty`)
  if (pattern.indexOf('*') !== pattern.lastIndexOf('*')) {
    throw refused(`${name} "${pattern.slice(0, 100)}" can not have more than one wildcard.`)
  }
  // Both go out again as parts of headers.
  if (/[^\x21-\x7e]/.test(pattern)) {
    throw refused(`${name} "${pattern.slice(0, 100)}" contains invalid character.`)
  }
}

/** Source: RFC 9110 section 5.6.2, token. */
function checkHeaderName(name: string, value: string): void {
  if (/^[\w!#$%&'*+.^`|~-]+$/.test(value)) return
  throw refused(`${name} "${value.slice(0, 100)}" contains invalid character.`)
}

const INT_MAX = 2 ** 31 - 1

/** AWS takes any integer; one below zero keeps nothing. */
function readAge(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const seconds = /^-?\d{1,10}$/.test(text) ? Number(text) : NaN
  if (!(Math.abs(seconds) <= INT_MAX)) throw malformed('MaxAgeSeconds is no integer of 32 bits')
  return seconds
}

/** The content of a CORSConfiguration. */
export function corsXml(rules: readonly CorsRule[]): string {
  return rules.map(ruleXml).join('')
}

function ruleXml(rule: CorsRule): string {
  const all = (name: string, values: readonly string[]): string =>
    values.map((value) => element(name, value)).join('')
  const content =
    element('ID', rule.id) +
    all('AllowedMethod', rule.allowedMethods) +
    all('AllowedOrigin', rule.allowedOrigins) +
    all('AllowedHeader', rule.allowedHeaders) +
    element('MaxAgeSeconds', rule.maxAgeSeconds) +
    all('ExposeHeader', rule.exposeHeaders)
  return `<CORSRule>${content}</CORSRule>`
}
