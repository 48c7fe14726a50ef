/** Sites by host name, over a whole store, asked without a socket. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, test } from 'node:test'
import { silentLog } from '../../../src/base/log.ts'
import { HttpError } from '../../../src/api/http/errors.ts'
import { isStreamed, type HttpHandler } from '../../../src/api/http/response.ts'
import { createWebHandler, renderWebFault } from '../../../src/api/web/serve.ts'
import type { CorsRule, WebsiteSettings } from '../../../src/model/rows/bucket-settings.ts'
import { changeBucketSettings, findBucketByName } from '../../../src/store/bucket/bucket.ts'
import { openDoor, requestOf } from '../s3/door.ts'
import type { Door } from '../s3/door.ts'

const LARGE = Buffer.alloc(3_000_000, 'abcdefg')

let door: Door
let handler: HttpHandler
before(async () => {
  door = await openDoor()
  const clock = { wallMicros: () => 2_000_000_000_000_000 } as Parameters<
    typeof createWebHandler
  >[0]['clock']
  handler = createWebHandler({
    ...{ store: door.store, clock, metrics: door.metrics, log: silentLog },
    rootDomain: 'Web.Example',
    addHostToMetrics: true,
  })
  await door.call({ method: 'PUT', bucket: 'www.example.org' })
  await door.call({ method: 'PUT', bucket: 'private' })
  const objects: [string, string | Buffer][] = [
    ['index.html', 'home'],
    ['docs/index.html', 'docs'],
    ['docs/page.html', 'page'],
    ['/evil.example/index.html', 'odd'],
    ['lost.html', 'lost'],
    ['large.bin', LARGE],
    ['a b+c.txt', 'blank'],
  ]
  for (const [key, body] of objects) {
    await door.call({
      method: 'PUT',
      key,
      body: Buffer.from(body),
      headers: { 'content-type': 'text/html', 'cache-control': 'max-age=60' },
    })
  }
  await door.call({
    method: 'PUT',
    key: 'moved',
    headers: { 'x-amz-website-redirect-location': 'https://elsewhere.example/' },
  })
})
after(() => door.close())

const pages: WebsiteSettings = { indexDocument: 'index.html', rules: [] }

async function site(
  website: WebsiteSettings | null,
  more: { readonly bucket?: string; readonly cors?: readonly CorsRule[] } = {},
): Promise<void> {
  const bucket = await findBucketByName(door.store, more.bucket ?? 'bucket')
  await changeBucketSettings(door.store, bucket!.id, { website, cors: more.cors ?? null })
}

interface Page {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly text: string
  readonly bytes: Buffer
}

async function ask(
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<Page> {
  const all = { host: 'bucket.web.example', ...headers }
  const answer = await handler(requestOf({ method, path, headers: all, body: Buffer.of() }))
  const pieces: Buffer[] = []
  const { body } = answer
  if (isStreamed(body)) for await (const piece of body.pieces) pieces.push(Buffer.from(piece))
  else if (body !== undefined) pieces.push(Buffer.from(body))
  const bytes = Buffer.concat(pieces)
  const { status } = answer
  return { status, headers: new Map(answer.headers), bytes, text: bytes.toString() }
}

test('a site is found by its exact host, below the root domain or as the whole name', async () => {
  await site(pages)
  await site(pages, { bucket: 'www.example.org' })
  await door.call({
    method: 'PUT',
    bucket: 'www.example.org',
    key: 'index.html',
    body: Buffer.from('whole'),
  })
  const rows: [string, string][] = [
    ['bucket.web.example', 'home'],
    ['BUCKET.Web.Example.:3902', 'home'],
    ['bucket.web.localhost:3902', 'home'],
    ['bucket.localhost', 'home'],
    ['bucket', 'home'],
    ['www.example.org', 'whole'],
    ['www.example.org.web.example', 'whole'],
  ]
  for (const [host, text] of rows) assert.equal((await ask('/', { host })).text, text, host)
})

test('a bucket that is no site and none at all are answered alike, by what to do', async () => {
  await site(pages)
  const hosts = [
    'private.web.example',
    'none.web.example',
    'web.example',
    '127.0.0.1:3902',
    '[::1]',
  ]
  hosts.push('x.bucket.web.example', 'bucket.web.example.evil', '<script>', 'a'.repeat(10_000), '')
  for (const host of hosts) {
    const answer = await ask('/index.html', { host })
    assert.equal(answer.status, 404, host)
    assert.match(
      answer.text,
      /^404: There is no site at this address\. .*`aws s3 website [^<>]+\n$/,
    )
    assert.equal(answer.headers.get('content-type'), 'text/plain; charset=utf-8')
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff')
  }
  await site(null)
  assert.equal((await ask('/')).status, 404)
})

test('pages come with their headers, folders with their index document', async () => {
  await site(pages)
  for (const [path, text] of [
    ['/', 'home'],
    ['/index.html', 'home'],
    ['/docs/', 'docs'],
    ['/docs/page.html?x=1', 'page'],
    ['/a%20b+c.txt', 'blank'],
  ]) {
    const page = await ask(path!)
    assert.equal(page.status, 200, path)
    assert.equal(page.text, text)
    assert.equal(page.headers.get('content-type'), 'text/html')
    assert.equal(page.headers.get('cache-control'), 'max-age=60')
    assert.match(page.headers.get('etag')!, /^"[0-9a-f]{32}"$/)
  }
  const folder = await ask('/docs?x=1')
  assert.equal(folder.status, 302)
  assert.equal(folder.headers.get('location'), '/docs/?x=1')
  const odd = await ask('//evil.example')
  assert.equal(odd.status, 302)
  assert.equal(odd.headers.get('location'), '/%2Fevil.example/')
})

test('what is not there is 404, and never a list', async () => {
  await site(pages)
  for (const path of [
    '/none',
    '/none/',
    '/doc',
    '/?list-type=2&prefix=x',
    '/<script>',
    '/INDEX.html',
  ]) {
    const page = await ask(path)
    if (path.startsWith('/?')) {
      assert.equal(page.text, 'home')
      continue
    }
    assert.equal(page.status, 404, path)
    assert.equal(page.text, '404: There is nothing at this address.\n')
    assert.equal(page.headers.get('x-amz-error-code'), 'NoSuchKey')
  }
  for (const path of [
    '/../../etc/passwd',
    '/%2e%2e%2fetc',
    '/%zz',
    '/a%00b',
    `/${'k'.repeat(1025)}`,
  ]) {
    assert.equal((await ask(path)).status, 400, path)
  }
})

test('ranges and conditions hold as they do for S3', async () => {
  await site(pages)
  const whole = await ask('/large.bin')
  assert.ok(whole.bytes.equals(LARGE))
  const part = await ask('/large.bin', { range: 'bytes=1048570-2100000' })
  assert.equal(part.status, 206)
  assert.equal(part.headers.get('content-range'), 'bytes 1048570-2100000/3000000')
  assert.ok(part.bytes.equals(LARGE.subarray(1_048_570, 2_100_001)))
  const outside = await ask('/index.html', { range: 'bytes=10-' })
  assert.equal(outside.status, 416)
  assert.equal(outside.headers.get('content-range'), 'bytes */4')
  const etag = whole.headers.get('etag')!
  const same = await ask('/large.bin', { 'if-none-match': etag })
  assert.equal(same.status, 304)
  assert.equal(same.headers.get('etag'), etag)
  assert.equal(same.headers.get('cache-control'), 'max-age=60')
  assert.equal((await ask('/large.bin', { 'if-match': '"other"' })).status, 412)
  const other = await ask('/large.bin', { range: 'bytes=0-1', 'if-range': '"other"' })
  assert.equal(other.status, 200)
})

test('HEAD says what GET would, without a byte; other methods are refused', async () => {
  await site(pages)
  const head = await ask('/large.bin', {}, 'HEAD')
  assert.equal(head.status, 200)
  assert.equal(head.bytes.length, 0)
  assert.equal(head.headers.get('content-length'), '3000000')
  const absent = await ask('/none', {}, 'HEAD')
  assert.equal(absent.status, 404)
  assert.equal(absent.bytes.length, 0)
  for (const method of ['PUT', 'POST', 'DELETE', 'PATCH', 'TRACE']) {
    const refused = await ask('/index.html', {}, method)
    assert.equal(refused.status, 405, method)
    assert.equal(refused.headers.get('allow'), 'GET, HEAD, OPTIONS')
  }
  assert.equal((await ask('/')).text, 'home')
})

test('an object that its owner encrypted is never shown', async () => {
  const key = Buffer.alloc(32, 7)
  const put = await door.call({
    method: 'PUT',
    key: 'sealed.html',
    body: Buffer.from('secret'),
    headers: {
      'x-amz-server-side-encryption-customer-algorithm': 'AES256',
      'x-amz-server-side-encryption-customer-key': key.toString('base64'),
      'x-amz-server-side-encryption-customer-key-md5': createHash('md5')
        .update(key)
        .digest('base64'),
    },
  })
  assert.equal(put.status, 200, put.text)
  await site(pages)
  const page = await ask('/sealed.html')
  assert.equal(page.status, 403)
  assert.match(page.text, /^403: This page is encrypted/)
  await site({ ...pages, errorDocument: 'sealed.html' })
  assert.match((await ask('/none')).text, /^404: /)
})

test('the error document is shown with the status of the error, whatever was asked of the page', async () => {
  await site({ ...pages, errorDocument: 'lost.html' })
  const lost = await ask('/none', { range: 'bytes=0-0', 'if-none-match': '*' })
  assert.equal(lost.status, 404)
  assert.equal(lost.text, 'lost')
  assert.equal(lost.headers.get('content-type'), 'text/html')
  assert.equal(lost.headers.get('x-amz-error-code'), 'NoSuchKey')
  const head = await ask('/none', {}, 'HEAD')
  assert.equal(head.headers.get('content-length'), '4')
  const outside = await ask('/index.html', { range: 'bytes=10-' })
  assert.equal(outside.status, 416)
  assert.match(outside.text, /^416: The range lies outside/)
  await site({ ...pages, errorDocument: 'gone.html' })
  const plain = await ask('/none')
  assert.equal(plain.status, 404)
  assert.match(plain.text, /^404: /)
})

test('objects, rules and whole sites lead elsewhere', async () => {
  await site({
    ...pages,
    errorDocument: 'lost.html',
    rules: [
      { keyPrefix: 'old/', redirect: { replaceKeyPrefixWith: 'docs/', status: 302 } },
      {
        keyPrefix: 'app/',
        errorStatus: 404,
        redirect: { replaceKeyWith: 'index.html', status: 200 },
      },
      { keyPrefix: 'gone/', redirect: { replaceKeyWith: 'lost.html', status: 404 } },
      { errorStatus: 404, keyPrefix: 'x', redirect: { hostName: 'x.example', protocol: 'https' } },
    ],
  })
  const rows: [string, number, string][] = [
    ['/moved', 301, 'https://elsewhere.example/'],
    ['/old/page.html', 302, '/docs/page.html'],
    ['/xyz?q', 301, 'https://x.example/xyz?q'],
  ]
  for (const [path, status, location] of rows) {
    const answer = await ask(path)
    assert.equal(answer.status, status, path)
    assert.equal(answer.headers.get('location'), location)
    assert.equal(answer.text, '')
  }
  const app = await ask('/app/some/view')
  assert.deepEqual([app.status, app.text], [200, 'home'])
  const gone = await ask('/gone/page')
  assert.deepEqual([gone.status, gone.text], [404, 'lost'])
  const none = await ask('/none')
  assert.deepEqual([none.status, none.text], [404, 'lost'])
  await site({ redirectAll: { hostName: 'new.example', protocol: 'https' } })
  const all = await ask('/a/b?c')
  assert.equal(all.status, 301)
  assert.equal(all.headers.get('location'), 'https://new.example/a/b?c')
})

test('CORS of the bucket holds for its site: preflights, pages and errors', async () => {
  const rule: CorsRule = {
    allowedOrigins: ['https://a.example'],
    allowedMethods: ['GET'],
    allowedHeaders: [],
    exposeHeaders: [],
  }
  await site(pages, { cors: [rule] })
  const origin = { origin: 'https://a.example' }
  for (const path of ['/', '/none']) {
    const page = await ask(path, origin)
    assert.equal(page.headers.get('access-control-allow-origin'), 'https://a.example', path)
    assert.match(page.headers.get('vary')!, /^Origin/)
  }
  const other = await ask('/', { origin: 'https://b.example' })
  assert.equal(other.headers.get('access-control-allow-origin'), undefined)
  const method = { 'access-control-request-method': 'GET' }
  const allowed = await ask('/', { ...origin, ...method }, 'OPTIONS')
  assert.equal(allowed.status, 200)
  assert.equal(allowed.headers.get('access-control-allow-methods'), 'GET')
  assert.equal((await ask('/', { origin: 'https://b', ...method }, 'OPTIONS')).status, 403)
  assert.equal((await ask('/', {}, 'OPTIONS')).status, 400)
})

test('sites are counted by name, hosts that are none never', async () => {
  await site(pages)
  await ask('/')
  await ask('/', { host: 'attacker.example' })
  const text = door.metrics.text()
  assert.match(text, /hangar_web_requests_total\{status="2xx",host="bucket"\} \d+/)
  assert.match(text, /hangar_web_requests_total\{status="4xx"\} \d+/)
  assert.doesNotMatch(text, /attacker/)
})

test('renderWebFault() keeps the status of what the server refused', () => {
  const error = new HttpError('InvalidURI', 'Cannot read the URI: it holds NUL')
  const answer = renderWebFault({ error, requestId: '1', target: '' })
  assert.equal(answer.status, 400)
  assert.equal(answer.body, '400: Cannot read the URI: it holds NUL\n')
})
