/** Settings that take nothing but what is so. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { prepare } from '../../../support/signed-client.ts'
import { openDoor } from '../door.ts'
import type { Door, Reply } from '../door.ts'

let door: Door
before(async () => {
  door = await openDoor()
})
after(() => door.close())

const put = (query: string, body: string): Promise<Reply> =>
  door.call({ method: 'PUT', query: { [query]: '' }, body: Buffer.from(body) })
const shown = async (query: string): Promise<string> =>
  (await door.call({ method: 'GET', query: { [query]: '' } })).text

const blocks = (...values: readonly string[]): string => {
  const names = [
    'BlockPublicAcls',
    'IgnorePublicAcls',
    'BlockPublicPolicy',
    'RestrictPublicBuckets',
  ]
  const inner = values.map((value, index) => `<${names[index]}>${value}</${names[index]}>`).join('')
  return `<PublicAccessBlockConfiguration>${inner}</PublicAccessBlockConfiguration>`
}
const owned = (who: string): string =>
  `<OwnershipControls><Rule><ObjectOwnership>${who}</ObjectOwnership></Rule></OwnershipControls>`
const paid = (who: string): string =>
  `<RequestPaymentConfiguration><Payer>${who}</Payer></RequestPaymentConfiguration>`
const notified = '<QueueConfiguration><Queue>q</Queue></QueueConfiguration>'
const logged = '<LoggingEnabled><TargetBucket>b</TargetBucket></LoggingEnabled>'

const settings = [
  ['publicAccessBlock', blocks('true', 'True', 'TRUE', 'true'), blocks('true', 'true', 'true')],
  ['ownershipControls', owned('BucketOwnerEnforced'), owned('ObjectWriter')],
  ['requestPayment', paid('BucketOwner'), paid('Requester')],
  ['logging', '<BucketLoggingStatus/>', `<BucketLoggingStatus>${logged}</BucketLoggingStatus>`],
  [
    'notification',
    '<NotificationConfiguration/>',
    `<NotificationConfiguration>${notified}</NotificationConfiguration>`,
  ],
] as const

test('putWhatIs: what is so is taken, changes nothing, and is what is shown; all else is 501', async () => {
  for (const [query, right, wrong] of settings) {
    const before = await shown(query)
    assert.equal((await put(query, right)).status, 200, query)
    assert.equal((await put(query, before)).status, 200, `${query} as it is shown`)
    const refused = await put(query, wrong)
    assert.equal(refused.status, 501, query)
    assert.match(refused.text, /Cannot set &lt;/)
    assert.equal(await shown(query), before)
  }
})

test('putWhatIs: a document of another kind is malformed, and only the owner is heard', async () => {
  const other = await door.key({ read: true, write: true })
  for (const [query, right] of settings) {
    assert.equal((await put(query, '<Other/>')).code, 'MalformedXML', query)
    assert.equal((await put(query, '')).code, 'MalformedXML', query)
    const call = { method: 'PUT', bucket: 'bucket', query: { [query]: '' } }
    const body = Buffer.from(right)
    assert.equal((await door.send(prepare(other, { ...call, body }))).status, 403, query)
  }
  for (const [query, body] of [
    ['publicAccessBlock', blocks('maybe')],
    ['publicAccessBlock', '<PublicAccessBlockConfiguration><X/></PublicAccessBlockConfiguration>'],
    ['ownershipControls', '<OwnershipControls/>'],
    ['requestPayment', '<RequestPaymentConfiguration/>'],
  ] as const) {
    assert.equal((await put(query, body)).code, 'MalformedXML', body)
  }
})

test('putWhatIs: a bucket with a website is not said to be closed to the public', async () => {
  const site =
    '<WebsiteConfiguration><IndexDocument><Suffix>i</Suffix></IndexDocument></WebsiteConfiguration>'
  assert.equal((await put('website', site)).status, 200)
  assert.match(await shown('publicAccessBlock'), /<RestrictPublicBuckets>false</)
  const all = await put('publicAccessBlock', blocks('true', 'true', 'true', 'true'))
  assert.equal(all.status, 501)
  assert.match(all.text, /DeleteBucketWebsite/)
  assert.equal((await put('publicAccessBlock', blocks('true', 'true'))).status, 200)
  await door.call({ method: 'DELETE', query: { website: '' } })
  assert.match(await shown('publicAccessBlock'), /<RestrictPublicBuckets>true</)
})
