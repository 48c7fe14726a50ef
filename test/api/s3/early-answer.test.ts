/** Answers that begin before their result: what is sent when, and what becomes of the work. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, test } from 'node:test'
import { EARLY_ANSWER_MS, EARLY_SPACE_MS } from '../../../src/base/limits.ts'
import type { HttpResponse } from '../../../src/api/http/response.ts'
import { isStreamed } from '../../../src/api/http/response.ts'
import { startHttpServer } from '../../../src/api/http/server.ts'
import { documentAnswer } from '../../../src/api/s3/answers.ts'
import { answerEarly } from '../../../src/api/s3/early-answer.ts'
import type { MayAnswerEarly } from '../../../src/api/s3/early-answer.ts'
import { renderS3Fault } from '../../../src/api/s3/serve.ts'
import { silentLog } from '../../../src/base/log.ts'
import { systemClock } from '../../../src/node/system/clock.ts'
import { systemRng } from '../../../src/node/system/rng.ts'
import { prepare } from '../../support/signed-client.ts'
import type { Call } from '../../support/signed-client.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'
import { parseXml } from '../../support/xml-tree.ts'
import { RawClient } from '../http/door.ts'
import { BUCKET, openDoor, requestOf } from './door.ts'
import type { Door } from './door.ts'

const clock = new VirtualClock(systemClock.wallMicros())
const key = Buffer.alloc(32, 7)
const ownKey = {
  'x-amz-server-side-encryption-customer-algorithm': 'AES256',
  'x-amz-server-side-encryption-customer-key': key.toString('base64'),
  'x-amz-server-side-encryption-customer-key-md5': createHash('md5').update(key).digest('base64'),
}
const bytes = Buffer.alloc(3_000_000, 'long answers')
const fromSource = `${BUCKET}/source`
const sealed = { 'x-amz-copy-source': fromSource, ...ownKey }
let door: Door
before(async () => {
  door = await openDoor({ clock })
  const put = await door.call({ method: 'PUT', key: 'source', body: bytes })
  assert.equal(put.status, 200, put.text)
})
after(() => door.close())

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** However long the machine takes, as long as it gets there at all. */
const until = async (holds: () => boolean, what: string): Promise<void> => {
  const last = performance.now() + 90_000
  while (!holds()) {
    assert.ok(performance.now() < last, what)
    await turn()
  }
}

const buffered = (): Promise<void> =>
  until(() => door.store.blocks.slab.oldestWaiter !== undefined, 'it waits for a buffer')

/** Takes every buffer, so that whoever needs one waits. @returns gives them back */
const withoutBuffers = async (): Promise<() => void> => {
  const { slab } = door.store.blocks
  const taken: { release(): void }[] = []
  while (slab.freeCount > 0) taken.push(await slab.take())
  return () => taken.forEach((slot) => slot.release())
}

const pieceOf = async (pieces: AsyncIterator<Uint8Array>): Promise<string> => {
  const next = await pieces.next()
  return next.done === true ? '' : Buffer.from(next.value).toString()
}

const failed = (error: unknown): HttpResponse => ({
  ...documentAnswer('Error', String(error)),
  status: 412,
})

test('an answer that comes in time is itself, and so is a failure', async () => {
  const options = { clock, failed, began: () => assert.fail('it began early') }
  const quick = await answerEarly(options, async (may) => {
    may([])
    return documentAnswer('Quick', '')
  })
  assert.equal(quick.body, documentAnswer('Quick', '').body)
  const refused = answerEarly(options, async (may) => {
    may([])
    throw new TypeError('no')
  })
  await assert.rejects(refused, /no/)
  await clock.run(EARLY_ANSWER_MS)
})

test('work that has not said that it may be answered early is waited for', async () => {
  let end!: (answer: HttpResponse) => void
  const work = new Promise<HttpResponse>((resolve) => (end = resolve))
  const answer = answerEarly({ clock, failed, began: () => assert.fail() }, () => work)
  await clock.run(10 * EARLY_ANSWER_MS)
  end(documentAnswer('Late', ''))
  assert.equal((await answer).body, documentAnswer('Late', '').body)
})

for (const outcome of ['result', 'error'] as const) {
  test(`a long answer begins with 200, sends spaces and ends with its ${outcome}`, async () => {
    let end!: (answer: HttpResponse) => void
    let fail!: (error: Error) => void
    let status: Promise<number> | undefined
    const work = async (may: MayAnswerEarly): Promise<HttpResponse> => {
      may([['x-known', 'before']])
      return new Promise((resolve, reject) => ((end = resolve), (fail = reject)))
    }
    let answer: HttpResponse | undefined
    const began = (told: Promise<number>): void => void (status = told)
    void answerEarly({ clock, failed, began }, work).then((one) => (answer = one))
    await clock.run(EARLY_ANSWER_MS - 1)
    assert.equal(answer, undefined)
    await clock.run(1)
    assert.equal(answer!.status, 200)
    const headers = [
      ['content-type', 'application/xml'],
      ['x-known', 'before'],
    ]
    assert.deepEqual(answer!.headers, headers)
    const { body } = answer!
    assert.ok(isStreamed(body) && body.length === undefined)
    const pieces = body.pieces[Symbol.asyncIterator]()
    assert.equal(await pieceOf(pieces), '<?xml version="1.0" encoding="UTF-8"?>\n')
    for (let round = 0; round < 3; round += 1) {
      const piece = pieceOf(pieces)
      await clock.run(EARLY_SPACE_MS)
      assert.equal(await piece, ' ')
    }
    if (outcome === 'result') end(documentAnswer('Late', 'yes'))
    else fail(new Error('lost'))
    const last = await pieceOf(pieces)
    assert.match(last, outcome === 'result' ? /^<Late .*>yes<\/Late>$/ : /^<Error .*lost<\/Error>$/)
    assert.equal(await status, outcome === 'result' ? 200 : 412)
    assert.equal(await pieceOf(pieces), '')
  })
}

test('a copy that lasts is answered early, with its key and a document that parses', async () => {
  const giveBack = await withoutBuffers()
  const request = requestOf(
    prepare(door.owner, { method: 'PUT', bucket: BUCKET, key: 'sealed', headers: sealed }),
  )
  const answering = door.handler(request)
  await buffered()
  await clock.run(EARLY_ANSWER_MS)
  const answer = await answering
  assert.equal(answer.status, 200)
  const md5 = ownKey['x-amz-server-side-encryption-customer-key-md5']
  const headers = new Map(answer.headers)
  assert.equal(headers.get('x-amz-server-side-encryption-customer-key-md5'), md5)
  assert.equal(headers.get('server'), 'Hangar')
  const { body } = answer
  assert.ok(isStreamed(body))
  const pieces = body.pieces[Symbol.asyncIterator]()
  let text = await pieceOf(pieces)
  const space = pieceOf(pieces)
  await clock.run(EARLY_SPACE_MS)
  text += await space
  giveBack()
  text += await pieceOf(pieces)
  assert.match(text, /^<\?xml [^>]*>\n <CopyObjectResult /)
  assert.equal(parseXml(text).name, 'CopyObjectResult')
  const got = await door.call({ method: 'GET', key: 'sealed', headers: ownKey })
  assert.ok(got.body.equals(bytes))
})

test('a condition that a long copy fails in the end is an error in its document, and counted', async () => {
  const headers = { ...sealed, 'if-none-match': '*' }
  const refused = await door.call({ method: 'PUT', key: 'source', headers })
  assert.equal(refused.status, 412, 'in time: its own status')
  const giveBack = await withoutBuffers()
  const call = { method: 'PUT', bucket: BUCKET, key: 'source', headers }
  const answering = door.handler(requestOf(prepare(door.owner, call)))
  await buffered()
  await clock.run(EARLY_ANSWER_MS)
  const { status, body } = await answering
  assert.equal(status, 200)
  assert.ok(isStreamed(body))
  giveBack()
  let text = ''
  for await (const piece of body.pieces) text += Buffer.from(piece).toString()
  const document = parseXml(text)
  assert.equal(document.name, 'Error')
  assert.match(text, /<Code>PreconditionFailed<\/Code>.*<RequestId>request-\d+<\/RequestId>/)
  const counted = door.metrics.text().split('\n')
  const line = counted.find((one) => /CopyObject.*4xx/.test(one))
  assert.match(line ?? '', / 2$/, 'both are failures, whatever their first line said')
})

test('a part that is copied, and a Complete, are answered early too', async () => {
  const opened = await door.call({ method: 'POST', key: 'parts', query: { uploads: '' } })
  const uploadId = /<UploadId>([^<]*)/.exec(opened.text)![1]!
  const early = async (call: Call, waits: () => Promise<void>): Promise<string> => {
    const prepared = prepare(door.owner, { bucket: BUCKET, key: 'parts', ...call })
    const answering = door.handler(requestOf(prepared))
    await waits()
    await clock.run(EARLY_ANSWER_MS)
    const { status, body } = await answering
    assert.equal(status, 200)
    assert.ok(isStreamed(body) && body.length === undefined)
    giveBack()
    let text = ''
    for await (const piece of body.pieces) text += Buffer.from(piece).toString()
    return text
  }
  let giveBack = await withoutBuffers()
  const query = { uploadId, partNumber: '1' }
  const copied = { method: 'PUT', query, headers: { 'x-amz-copy-source': fromSource } }
  const part = await early(copied, buffered)
  const etag = /<CopyPartResult .*<ETag>([^<]*)/.exec(part)?.[1]
  assert.ok(etag, part)
  // A Complete needs no buffer: its change is held up.
  const { tables } = door.store
  const held = new Promise<void>((resolve) => (giveBack = resolve))
  let isHeld = false
  const change: typeof tables.change = async (...input) => {
    isHeld = true
    await held
    return tables.change(...input)
  }
  const get = (target: object, name: string | symbol): unknown => {
    const value: unknown = name === 'change' ? change : Reflect.get(target, name)
    return typeof value === 'function' ? (value.bind(tables) as unknown) : value
  }
  Object.assign(door.store, { tables: new Proxy(tables, { get }) })
  const list = `<Part><PartNumber>1</PartNumber><ETag>${etag}</ETag></Part>`
  const body = Buffer.from(`<CompleteMultipartUpload>${list}</CompleteMultipartUpload>`)
  const whole = await early({ method: 'POST', query: { uploadId }, body }, () =>
    until(() => isHeld, 'its change is held up'),
  )
  Object.assign(door.store, { tables })
  assert.equal(parseXml(whole).name, 'CompleteMultipartUploadResult')
  assert.ok((await door.call({ method: 'GET', key: 'parts' })).body.equals(bytes))
})

test('a client that goes away in the middle ends the copy: no buffer, no object, no request stays', async (t) => {
  const server = await startHttpServer({
    bind: { host: '127.0.0.1', port: 0 },
    ...{ handler: door.handler, renderFault: renderS3Fault, clock },
    ...{ log: silentLog, rng: systemRng() },
  })
  t.after(async () => {
    const stopped = server.stop(0)
    await clock.run(1)
    await stopped
  })
  const giveBack = await withoutBuffers()
  const call = { method: 'PUT', bucket: BUCKET, key: 'gone', headers: sealed }
  const { method, path, headers } = prepare(door.owner, call)
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${String(value)}\r\n`)
  const client = new RawClient(server.address.port)
  client.send(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`)
  const { slab } = door.store.blocks
  await buffered()
  await clock.run(EARLY_ANSWER_MS)
  const begun = await client.until(/<\?xml [^>]*>\n/)
  assert.match(begun, /^HTTP\/1\.1 200 OK\r\n/)
  assert.match(begun, /\r\ntransfer-encoding: chunked\r\n/i)
  await clock.run(EARLY_SPACE_MS)
  await client.until(/\r\n1\r\n \r\n/)
  assert.equal(server.inFlightCount, 1)
  client.socket.destroy()
  await until(() => server.inFlightCount === 0, 'the work ends though no buffer comes')
  assert.equal(slab.oldestWaiter, undefined)
  giveBack()
  assert.equal(slab.freeCount, slab.totalCount)
  assert.equal((await door.call({ method: 'GET', key: 'gone', headers: ownKey })).status, 404)
})
