/**
 * The WebsiteConfiguration document, both ways.
 *
 * Source: S3 API reference, PutBucketWebsite; wordings of refusals as AWS sends them. The redirect
 * codes 200 and 404, which show another object instead, are Garage's.
 */

import { KEY_SIZE_BYTES_MAX, WEBSITE_RULES_MAX } from '../../../base/limits.ts'
import type {
  WebsiteElsewhere,
  WebsitePages,
  WebsiteRedirect,
  WebsiteRule,
  WebsiteSettings,
} from '../../../model/rows/bucket-settings.ts'
import type { XmlElement } from '../../http/xml.ts'
import { checkedElement } from '../contract/honour.ts'
import { S3Error } from '../errors.ts'
import { element } from '../xml-text.ts'
import { childOf, childrenOf, malformed, refused, textOf } from './document.ts'

/** @throws {S3Error} `MalformedXML`, `InvalidArgument`, `InvalidRequest` */
export function readWebsite(document: XmlElement): WebsiteSettings {
  const root = checkedElement(document, 'WebsiteConfiguration')
  const elsewhere = childOf(root, 'RedirectAllRequestsTo')
  if (elsewhere !== undefined) {
    if (root.children.length > 1) {
      throw malformed('RedirectAllRequestsTo stands beside other elements')
    }
    return readElsewhere(checkedElement(elsewhere, 'RedirectAllRequestsTo'))
  }
  return readPages(root)
}

function readElsewhere(child: XmlElement): WebsiteElsewhere {
  const hostName = readHost(child)
  if (hostName === undefined) throw malformed('RedirectAllRequestsTo has no HostName')
  const protocol = readProtocol(child)
  return { redirectAll: { hostName, ...(protocol === undefined ? {} : { protocol }) } }
}

function readPages(root: XmlElement): WebsitePages {
  const index = childOf(root, 'IndexDocument')
  if (index === undefined) {
    throw badArgument(
      'IndexDocument Suffix',
      'A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty',
    )
  }
  const indexDocument = childOf(checkedElement(index, 'IndexDocument'), 'Suffix')?.text ?? ''
  if (!isKey(indexDocument) || indexDocument.includes('/')) {
    const sentence = 'The IndexDocument Suffix is not well formed'
    throw badArgument('IndexDocument', sentence, indexDocument)
  }
  const error = childOf(root, 'ErrorDocument')
  const errorDocument =
    error && (childOf(checkedElement(error, 'ErrorDocument'), 'Key')?.text ?? '')
  if (errorDocument !== undefined && !isKey(errorDocument)) {
    throw badArgument('ErrorDocument', 'The ErrorDocument Key is not well formed', errorDocument)
  }
  const rules = readRules(childOf(root, 'RoutingRules'))
  return { indexDocument, ...(errorDocument === undefined ? {} : { errorDocument }), rules }
}

function readRules(list: XmlElement | undefined): readonly WebsiteRule[] {
  if (list === undefined) return []
  const rules = childrenOf(checkedElement(list, 'RoutingRules'), 'RoutingRule')
  if (rules.length > WEBSITE_RULES_MAX) {
    throw refused(
      `${rules.length} routing rules provided, the number of routing rules in a website configuration is limited to ${WEBSITE_RULES_MAX}.`,
    )
  }
  return rules.map(readRule)
}

function readRule(child: XmlElement): WebsiteRule {
  const rule = checkedElement(child, 'RoutingRule')
  const condition = childOf(rule, 'Condition')
  const redirect = childOf(rule, 'Redirect')
  if (redirect === undefined) throw malformed('a RoutingRule has no Redirect')
  return {
    ...(condition === undefined ? {} : readCondition(checkedElement(condition, 'Condition'))),
    redirect: readRedirect(checkedElement(redirect, 'Redirect')),
  }
}

const errorStatuses = [...numbers(400, 417), ...numbers(500, 505)]

function readCondition(condition: XmlElement): Omit<WebsiteRule, 'redirect'> {
  const keyPrefix = readKey(condition, 'KeyPrefixEquals')
  const errorStatus = readStatus(condition, 'HttpErrorCodeReturnedEquals')
  if (keyPrefix === undefined && errorStatus === undefined) throw malformed('a Condition is empty')
  if (errorStatus !== undefined && !errorStatuses.includes(errorStatus)) {
    throw refused(
      `The provided HTTP error code (${errorStatus}) is not valid. Valid codes are 4XX or 5XX.`,
    )
  }
  return {
    ...(keyPrefix === undefined ? {} : { keyPrefix }),
    ...(errorStatus === undefined ? {} : { errorStatus }),
  }
}

/** Codes with which the object of another key is shown. */
const shownStatuses = [200, 404]
const redirectStatuses = [...numbers(301, 305), 307, 308, ...shownStatuses]

function readRedirect(child: XmlElement): WebsiteRedirect {
  if (child.children.length === 0) throw malformed('a Redirect is empty')
  const hostName = readHost(child)
  const protocol = readProtocol(child)
  const status = readStatus(child, 'HttpRedirectCode')
  const replaceKeyPrefixWith = readKey(child, 'ReplaceKeyPrefixWith')
  const replaceKeyWith = readKey(child, 'ReplaceKeyWith')
  if (status !== undefined && !redirectStatuses.includes(status)) {
    throw refused(
      `The provided HTTP redirect code (${status}) is not valid. Valid codes are 3XX except 300.`,
    )
  }
  if (replaceKeyPrefixWith !== undefined && replaceKeyWith !== undefined) {
    throw refused('You can only define ReplaceKeyPrefix or ReplaceKey but not both.')
  }
  const leads = hostName !== undefined || protocol !== undefined
  if (status !== undefined && shownStatuses.includes(status) && leads) {
    throw refused(
      `The HTTP redirect code ${status} leads nowhere: leave out HostName and Protocol.`,
    )
  }
  return {
    ...(hostName === undefined ? {} : { hostName }),
    ...(protocol === undefined ? {} : { protocol }),
    ...(status === undefined ? {} : { status }),
    ...(replaceKeyPrefixWith === undefined ? {} : { replaceKeyPrefixWith }),
    ...(replaceKeyWith === undefined ? {} : { replaceKeyWith }),
  }
}

/** A name or address, perhaps with a port: it goes into a header. */
function readHost(parent: XmlElement): string | undefined {
  const host = textOf(parent, 'HostName')
  if (host === undefined || /^[A-Za-z0-9_.:[\]-]{1,255}$/.test(host)) return host
  throw refused('The HostName is not a host: give a name, perhaps with a port, and nothing else.')
}

function readProtocol(parent: XmlElement): 'http' | 'https' | undefined {
  const protocol = textOf(parent, 'Protocol')
  if (protocol === undefined || protocol === 'http' || protocol === 'https') return protocol
  throw refused(
    'Invalid protocol, protocol can be http or https. If not defined the protocol will be selected automatically.',
  )
}

function readStatus(parent: XmlElement, name: string): number | undefined {
  const text = textOf(parent, name)
  if (text === undefined) return undefined
  if (!/^\d{3}$/.test(text)) throw malformed(`${name} is no number of three digits`)
  return Number(text)
}

/** Part of a key, as it stands: blanks are characters of it. */
function readKey(parent: XmlElement, name: string): string | undefined {
  const text = childOf(parent, name)?.text
  if (text === undefined || text === '' || isKey(text)) return text
  throw refused(`${name} is no part of a key: it is over ${KEY_SIZE_BYTES_MAX} bytes or holds NUL.`)
}

function isKey(text: string): boolean {
  return text !== '' && !text.includes('\0') && Buffer.byteLength(text) <= KEY_SIZE_BYTES_MAX
}

function numbers(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
}

function badArgument(name: string, sentence: string, value = ''): S3Error {
  return new S3Error('InvalidArgument', sentence, {
    details: { ArgumentName: name, ArgumentValue: value.slice(0, 200) },
  })
}

/** The content of a WebsiteConfiguration. */
export function websiteXml(website: WebsiteSettings): string {
  if ('redirectAll' in website) {
    const { hostName, protocol } = website.redirectAll
    return inside(
      'RedirectAllRequestsTo',
      element('HostName', hostName) + element('Protocol', protocol),
    )
  }
  const { indexDocument, errorDocument, rules } = website
  return (
    inside('IndexDocument', element('Suffix', indexDocument)) +
    inside('ErrorDocument', element('Key', errorDocument)) +
    inside('RoutingRules', rules.map(ruleXml).join(''))
  )
}

function ruleXml({ keyPrefix, errorStatus, redirect }: WebsiteRule): string {
  const condition =
    element('HttpErrorCodeReturnedEquals', errorStatus) + element('KeyPrefixEquals', keyPrefix)
  const to =
    element('Protocol', redirect.protocol) +
    element('HostName', redirect.hostName) +
    element('ReplaceKeyPrefixWith', redirect.replaceKeyPrefixWith) +
    element('ReplaceKeyWith', redirect.replaceKeyWith) +
    element('HttpRedirectCode', redirect.status)
  return inside('RoutingRule', inside('Condition', condition) + inside('Redirect', to))
}

function inside(name: string, content: string): string {
  return content === '' ? '' : `<${name}>${content}</${name}>`
}
