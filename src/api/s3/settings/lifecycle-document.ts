/**
 * The LifecycleConfiguration document, both ways.
 *
 * Source: S3 API reference, PutBucketLifecycleConfiguration and LifecycleRule; codes and wordings
 * of refusals as AWS sends them.
 */

import {
  KEY_SIZE_BYTES_MAX,
  LIFECYCLE_ID_LENGTH_MAX,
  LIFECYCLE_RULES_MAX,
} from '../../../base/limits.ts'
import type { LifecycleRule } from '../../../model/rows/bucket-settings.ts'
import { parseIsoDate } from '../../http/dates.ts'
import type { XmlElement } from '../../http/xml.ts'
import { checkedElement } from '../contract/honour.ts'
import { S3Error } from '../errors.ts'
import { element, isoTime } from '../xml-text.ts'
import { childOf, malformed, refused, textOf } from './document.ts'

const DAY_MS = 86_400_000
const INT_MAX = 2 ** 31 - 1

/**
 * @param newId gives a rule without an ID one
 * @throws {S3Error} `MalformedXML`, `InvalidRequest`, `InvalidArgument`; `NotImplemented` for what
 *   needs tags, versions or other storage classes
 */
export function readLifecycle(document: XmlElement, newId: () => string): readonly LifecycleRule[] {
  const children = checkedElement(document, 'LifecycleConfiguration').children
  if (children.length === 0) throw malformed('it has no Rule')
  if (children.length > LIFECYCLE_RULES_MAX) {
    throw refused(
      `The number of lifecycle rules must not exceed the allowed limit of ${LIFECYCLE_RULES_MAX} rules`,
    )
  }
  const rules = children.map((child) => readRule(child, newId))
  const ids = new Set(rules.map(({ id }) => id))
  if (ids.size < rules.length) {
    throw invalid('Rule ID must be unique. Found same ID for more than one rule')
  }
  return rules
}

function readRule(child: XmlElement, newId: () => string): LifecycleRule {
  const rule = checkedElement(child, 'Rule')
  const id = textOf(rule, 'ID') ?? ''
  if (id.length > LIFECYCLE_ID_LENGTH_MAX) {
    throw invalid(`ID length should not exceed allowed limit of ${LIFECYCLE_ID_LENGTH_MAX}`)
  }
  const status = textOf(rule, 'Status')
  if (status !== 'Enabled' && status !== 'Disabled') {
    throw malformed('the Status of a Rule is neither "Enabled" nor "Disabled"')
  }
  const scope = readScope(rule)
  const expiration = readExpiration(childOf(rule, 'Expiration'))
  const days = readAbort(childOf(rule, 'AbortIncompleteMultipartUpload'))
  if (expiration === undefined && days === undefined) {
    throw refused('At least one action needs to be specified in a rule')
  }
  const isSized = scope.sizeGreaterThan !== undefined || scope.sizeLessThan !== undefined
  if (days !== undefined && isSized) {
    throw refused('AbortIncompleteMultipartUpload cannot be specified with Object Size.')
  }
  return {
    id: id === '' ? newId() : id,
    enabled: status === 'Enabled',
    ...scope,
    ...(expiration === undefined ? {} : { expiration }),
    ...(days === undefined ? {} : { abortUploadsAfterDays: days }),
  }
}

type Scope = Pick<LifecycleRule, 'form' | 'prefix' | 'sizeGreaterThan' | 'sizeLessThan'>

function readScope(rule: XmlElement): Scope {
  const filter = childOf(rule, 'Filter')
  const prefix = childOf(rule, 'Prefix')
  if ((filter === undefined) === (prefix === undefined)) {
    throw malformed('a Rule has both Filter and Prefix, or neither')
  }
  if (filter === undefined) return { form: 'prefix', prefix: checkedPrefix(prefix!.text) }
  const count = checkedElement(filter, 'Filter').children.length
  if (count > 1) throw malformed('a Filter holds more than one condition outside And')
  const and = childOf(filter, 'And')
  if (and === undefined) return { form: 'filter', ...readConditions(filter) }
  if (checkedElement(and, 'And').children.length < 2) {
    throw malformed('an And holds fewer than two conditions')
  }
  return { form: 'and', ...readConditions(and) }
}

function readConditions(element: XmlElement): Omit<Scope, 'form'> {
  const prefix = childOf(element, 'Prefix')?.text
  const greater = readSize(element, 'ObjectSizeGreaterThan')
  const less = readSize(element, 'ObjectSizeLessThan')
  if (less !== undefined && less <= (greater ?? 0)) {
    throw refused("'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'")
  }
  return {
    ...(prefix === undefined ? {} : { prefix: checkedPrefix(prefix) }),
    ...(greater === undefined ? {} : { sizeGreaterThan: greater }),
    ...(less === undefined ? {} : { sizeLessThan: less }),
  }
}

function checkedPrefix(prefix: string): string {
  if (Buffer.byteLength(prefix) <= KEY_SIZE_BYTES_MAX) return prefix
  throw refused(`The maximum size of a prefix is ${KEY_SIZE_BYTES_MAX}.`)
}

function readSize(element: XmlElement, name: string): number | undefined {
  const text = textOf(element, name)
  if (text === undefined) return undefined
  if (!/^\d{1,15}$/.test(text)) throw malformed(`${name} is no number of bytes`)
  return Number(text)
}

function readExpiration(child: XmlElement | undefined): LifecycleRule['expiration'] {
  if (child === undefined) return undefined
  const expiration = checkedElement(child, 'Expiration')
  const days = textOf(expiration, 'Days')
  const date = textOf(expiration, 'Date')
  const marker = textOf(expiration, 'ExpiredObjectDeleteMarker') === 'true' || undefined
  if ([days, date, marker].filter((one) => one !== undefined).length !== 1) {
    throw malformed('an Expiration has not one of Days, Date and ExpiredObjectDeleteMarker')
  }
  if (marker) return { deleteMarkers: true }
  if (days !== undefined) {
    return { days: readDays(days, "'Days' for Expiration action must be a positive integer") }
  }
  const millis = parseIsoDate(date!)
  if (millis === undefined) throw malformed('the Date of an Expiration is no date of ISO 8601')
  if (millis % DAY_MS !== 0) throw invalid("'Date' must be at midnight GMT")
  return { dateMicros: millis * 1000 }
}

function readAbort(child: XmlElement | undefined): number | undefined {
  if (child === undefined) return undefined
  const abort = checkedElement(child, 'AbortIncompleteMultipartUpload')
  const days = textOf(abort, 'DaysAfterInitiation')
  if (days === undefined) throw malformed('an upload is aborted after no DaysAfterInitiation')
  return readDays(
    days,
    "'DaysAfterInitiation' for AbortIncompleteMultipartUpload action must be a positive integer",
  )
}

function readDays(text: string, rule: string): number {
  if (!/^-?\d{1,10}$/.test(text)) throw malformed('a number of days is no integer')
  const days = Number(text)
  if (days <= 0 || days > INT_MAX) throw invalid(rule)
  return days
}

function invalid(message: string): S3Error {
  return new S3Error('InvalidArgument', message)
}

/** The content of a LifecycleConfiguration, as it was written. */
export function lifecycleXml(rules: readonly LifecycleRule[]): string {
  return rules.map(ruleXml).join('')
}

function ruleXml(rule: LifecycleRule): string {
  const { id, enabled, expiration, abortUploadsAfterDays } = rule
  let xml = `<Rule>${element('ID', id)}${scopeXml(rule)}`
  xml += element('Status', enabled ? 'Enabled' : 'Disabled')
  if (expiration !== undefined) {
    xml += `<Expiration>${whenXml(expiration)}</Expiration>`
  }
  if (abortUploadsAfterDays !== undefined) {
    const days = element('DaysAfterInitiation', abortUploadsAfterDays)
    xml += `<AbortIncompleteMultipartUpload>${days}</AbortIncompleteMultipartUpload>`
  }
  return `${xml}</Rule>`
}

function whenXml(expiration: NonNullable<LifecycleRule['expiration']>): string {
  if ('days' in expiration) return element('Days', expiration.days)
  if ('dateMicros' in expiration) return element('Date', isoTime(expiration.dateMicros))
  return element('ExpiredObjectDeleteMarker', true)
}

function scopeXml({ form, prefix, sizeGreaterThan, sizeLessThan }: LifecycleRule): string {
  if (form === 'prefix') return element('Prefix', prefix)
  const conditions =
    element('Prefix', prefix) +
    element('ObjectSizeGreaterThan', sizeGreaterThan) +
    element('ObjectSizeLessThan', sizeLessThan)
  return form === 'and'
    ? `<Filter><And>${conditions}</And></Filter>`
    : `<Filter>${conditions}</Filter>`
}
