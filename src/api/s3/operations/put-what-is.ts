/**
 * Settings that are what they are: those who set exactly what is so are told that it is, since
 * tools do so whenever they make a bucket. All else is refused, and nothing is ever kept.
 */

import { emptyAnswer } from '../answers.ts'
import { operation } from '../contract/operation.ts'
import type { BucketContext, Operation } from '../contract/operation.ts'
import { S3Error } from '../errors.ts'
import { childOf, malformed, readSettings, textOf } from '../settings/document.ts'
import { checkPublicBlocks } from '../settings/public-blocks.ts'
import type { XmlElement } from '../../http/xml.ts'

interface Setting {
  /** Of the document. */
  readonly root: string
  /** @throws {S3Error} `NotImplemented` unless the document says what is so */
  readonly check: (document: XmlElement, context: BucketContext) => void
}

/** Source: S3 API reference, one page each. */
const settings: Readonly<Record<string, Setting>> = {
  'PutPublicAccessBlock ?publicAccessBlock': {
    root: 'PublicAccessBlockConfiguration',
    check: (document, { bucket }) => checkPublicBlocks(document, bucket),
  },
  'PutBucketOwnershipControls ?ownershipControls': {
    root: 'OwnershipControls',
    check: (document) => {
      const rule = childOf(document, 'Rule')
      if (rule === undefined) throw malformed('it has no Rule')
      mustBe(rule, 'ObjectOwnership', ['BucketOwnerEnforced', 'there are no ACLs'])
    },
  },
  'PutBucketRequestPayment ?requestPayment': {
    root: 'RequestPaymentConfiguration',
    check: (document) => mustBe(document, 'Payer', ['BucketOwner', 'nobody is charged']),
  },
  'PutBucketLogging ?logging': {
    root: 'BucketLoggingStatus',
    check: (document) => mustBeEmpty(document, 'no log of requests is put into buckets'),
  },
  'PutBucketNotificationConfiguration ?notification': {
    root: 'NotificationConfiguration',
    check: (document) => mustBeEmpty(document, 'nobody is notified'),
  },
}

export const putWhatIs: readonly Operation[] = Object.entries(settings).map(([asked, setting]) => {
  const [name, query] = asked.split(' ?') as [string, string]
  return operation({
    name,
    method: 'PUT',
    target: 'bucket',
    selector: { query: [query] },
    permission: 'owner',
    groups: ['checksum'],
    body: 'document',
    errors: ['BadDigest', 'MalformedXML', 'NoSuchBucket'],
    parameters: {},
    handle: async (_input, context) => {
      const document = await readSettings(context)
      if (document.name !== setting.root) {
        throw malformed(`there is <${document.name.slice(0, 50)}>, wanted <${setting.root}>`)
      }
      setting.check(document, context)
      return emptyAnswer(200)
    },
  })
})

/** The element must be there once, and say `only`. */
function mustBe(
  parent: XmlElement,
  name: string,
  [only, because]: readonly [string, string],
): void {
  const text = textOf(parent, name)
  if (text === undefined) throw malformed(`<${parent.name}> has no <${name}>`)
  if (text === only && parent.children.length === 1) return
  throw new S3Error(
    'NotImplemented',
    `Cannot set <${name}> to anything but "${only}": ${because} here`,
  )
}

function mustBeEmpty(document: XmlElement, because: string): void {
  if (document.children.length === 0) return
  throw new S3Error(
    'NotImplemented',
    `Cannot set <${document.name}> to anything but an empty one: ${because} here`,
  )
}
