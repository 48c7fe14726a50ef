/** The S3 door over a whole store, called as a function: signed requests in, answers out. */

import type { AccessKeyId } from '../../../src/base/ids.ts'
import { silentLog } from '../../../src/base/log.ts'
import type { Metrics } from '../../../src/base/metrics.ts'
import type { HttpRequest } from '../../../src/api/http/request.ts'
import { isStreamed } from '../../../src/api/http/response.ts'
import type { HttpHandler } from '../../../src/api/http/response.ts'
import { createS3Handler } from '../../../src/api/s3/serve.ts'
import type { S3Options } from '../../../src/api/s3/serve.ts'
import { createKey } from '../../../src/store/access-key.ts'
import { allowKey, findBucketByName } from '../../../src/store/bucket/bucket.ts'
import type { Store } from '../../../src/store/store.ts'
import { openTestStore } from '../../support/open-store.ts'
import { prepare } from '../../support/signed-client.ts'
import type { Call, Prepared, Target } from '../../support/signed-client.ts'
import { parseXml } from '../../support/xml-tree.ts'
import type { XmlNode } from '../../support/xml-tree.ts'

export interface Reply {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer
  readonly text: string
  /** The root of the document that came. */
  readonly xml: XmlNode
  /** `Code` of an error document; '' when there is no body. */
  readonly code: string
}

export interface Door {
  readonly store: Store
  readonly metrics: Metrics
  readonly handler: HttpHandler
  /** The key that made the bucket `bucket`. */
  readonly owner: Target
  /** As the owner, into `bucket` unless the call says otherwise. */
  call(call: Call): Promise<Reply>
  /** As anybody; the request may have been changed after it was signed. */
  send(prepared: Prepared): Promise<Reply>
  /** A key without the right to make buckets, with these rights in `bucket`. */
  key(rights: { read?: boolean; write?: boolean; owner?: boolean }): Promise<Target>
  close(): Promise<void>
}

export const BUCKET = 'bucket'

export async function openDoor(
  options: Partial<S3Options> & { readonly shardCount?: number } = {},
): Promise<Door> {
  const { shardCount, ...s3Options } = options
  const opened = await openTestStore(shardCount === undefined ? {} : { shardCount })
  const { store, metrics, clock } = opened
  const handler = createS3Handler({
    ...{ store, metrics, clock },
    region: 'us-east-1',
    log: silentLog,
    ...s3Options,
  })
  const targetOf = (key: { readonly id: string; readonly secret: string }): Target => ({
    endpoint: 'http://localhost:3900',
    region: 'us-east-1',
    accessKeyId: key.id,
    secretAccessKey: key.secret,
  })
  const owner = targetOf(await createKey(store, { name: 'owner', mayCreateBucket: true }))
  const send = (prepared: Prepared): Promise<Reply> => ask(handler, prepared)
  const door: Door = {
    ...{ store, metrics, handler, owner, send },
    call: (call) => send(prepare(owner, { bucket: BUCKET, ...call })),
    key: async (rights) => {
      const key = await createKey(store, { name: 'other' })
      const bucket = await findBucketByName(store, BUCKET)
      await allowKey(store, {
        bucket: bucket!.id,
        key: key.id as AccessKeyId,
        permission: { read: false, write: false, owner: false, ...rights },
      })
      return targetOf(key)
    },
    close: () => opened.close(),
  }
  const made = await door.call({ method: 'PUT' })
  if (made.status !== 200) throw new Error(`the bucket of the test: ${made.text}`)
  return door
}

let requestCount = 0

export function requestOf(prepared: Prepared): HttpRequest {
  const headers = new Map<string, string>()
  for (const [name, value] of Object.entries(prepared.headers)) {
    headers.set(name.toLowerCase(), String(value))
  }
  const length = headers.get('content-length')
  requestCount += 1
  return {
    method: prepared.method,
    target: prepared.path,
    rawHeaders: [...headers].flat(),
    headers,
    body: piecesOf(prepared.body),
    bodyLength: length === undefined ? undefined : Number(length),
    chunked: headers.get('transfer-encoding') === 'chunked',
    remote: '127.0.0.1',
    signal: new AbortController().signal,
    requestId: `request-${requestCount}`,
    continueBody: () => undefined,
  }
}

/** Uneven pieces, each gone once the next is asked for. */
async function* piecesOf(body: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < body.length; at += 60_000) {
    await Promise.resolve()
    const piece = Buffer.from(body.subarray(at, at + 60_000))
    yield piece
    piece.fill(0xee)
  }
}

async function ask(handler: HttpHandler, prepared: Prepared): Promise<Reply> {
  const answer = await handler(requestOf(prepared))
  const body = await wholeBody(answer.body)
  const text = body.toString()
  return {
    status: answer.status,
    headers: new Map(answer.headers.map(([name, value]) => [name.toLowerCase(), value])),
    ...{ body, text },
    get xml() {
      return parseXml(text)
    },
    get code() {
      return /<Code>([^<]*)/.exec(text)?.[1] ?? ''
    },
  }
}

async function wholeBody(body: Awaited<ReturnType<HttpHandler>>['body']): Promise<Buffer> {
  if (body === undefined) return Buffer.alloc(0)
  if (!isStreamed(body)) return Buffer.from(body)
  const pieces: Buffer[] = []
  for await (const piece of body.pieces) pieces.push(Buffer.from(piece))
  const whole = Buffer.concat(pieces)
  if (whole.length !== (body.length ?? whole.length))
    throw new Error(`${whole.length} bytes, said ${body.length}`)
  return whole
}
