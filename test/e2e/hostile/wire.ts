/** Requests as bytes on a socket, so that nothing between a row and the node puts them right. */

import { createHash, createHmac } from 'node:crypto'
import { connect } from 'node:net'
import { prepare, type Call, type Prepared, type Target } from '../../support/signed-client.ts'

/** What came back. */
export interface Heard {
  /** 0 where nothing came that begins like an answer. */
  readonly status: number
  /** `Code` of the XML, or `code` of the JSON; '' where there is none. */
  readonly code: string
  readonly headers: ReadonlyMap<string, string>
  readonly text: string
  /** The node ended the connection by itself. */
  readonly isClosed: boolean
}

const ANSWER_MS_MAX = 9_000

export interface AskOptions {
  /** @default 9,000 */
  readonly waitMs?: number
  /** Waits for the node to end the connection. */
  readonly untilClosed?: boolean
  /** What is written after the first bytes, piece by piece. */
  readonly pace?: { readonly piece: Buffer; readonly everyMs: number }
  /** Ends our half behind the bytes. */
  readonly halfClose?: boolean
}

/** Writes bytes to a port of this machine and hears what comes back. */
export function ask(
  port: number,
  bytes: Buffer | string,
  options: AskOptions = {},
): Promise<Heard> {
  const { waitMs = ANSWER_MS_MAX, untilClosed = false, pace, halfClose = false } = options
  return new Promise((resolve) => {
    const pieces: Buffer[] = []
    let isClosed = false
    const socket = connect(port, '127.0.0.1')
    const end = (): void => {
      clearTimeout(deadline)
      clearInterval(writing)
      socket.destroy()
      resolve(heardOf(Buffer.concat(pieces), isClosed))
    }
    const deadline = setTimeout(end, waitMs)
    const writing = pace === undefined ? undefined : setInterval(step, pace.everyMs)
    function step(): void {
      if (pace !== undefined && !socket.destroyed) socket.write(pace.piece)
    }
    socket.on('data', (piece: Buffer) => {
      pieces.push(piece)
      if (!untilClosed && isWhole(Buffer.concat(pieces))) end()
    })
    // A reset after the answer is an end too.
    socket.on('error', () => undefined)
    socket.on('close', () => {
      isClosed = true
      end()
    })
    socket.write(bytes)
    if (halfClose) socket.end()
  })
}

function isWhole(bytes: Buffer): boolean {
  const head = bytes.indexOf('\r\n\r\n')
  if (head < 0) return false
  const length = /\r\ncontent-length: (\d+)/i.exec(bytes.subarray(0, head).toString('latin1'))?.[1]
  return length === undefined || bytes.length >= head + 4 + Number(length)
}

function heardOf(bytes: Buffer, isClosed: boolean): Heard {
  const end = bytes.indexOf('\r\n\r\n')
  const head = bytes.subarray(0, Math.max(end, 0)).toString('latin1')
  const text = bytes.subarray(end + 4).toString()
  const headers = new Map<string, string>()
  for (const line of head.split('\r\n').slice(1)) {
    const colon = line.indexOf(':')
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim())
  }
  return {
    status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0),
    code: /<Code>([^<]*)/.exec(text)?.[1] ?? /"code":\s*"([^"]*)/.exec(text)?.[1] ?? '',
    ...{ headers, text, isClosed },
  }
}

/** A request as its client would send it. */
export function wire(prepared: Prepared): Buffer {
  const lines = Object.entries(prepared.headers).map(([name, value]) => `${name}: ${value}`)
  const head = [`${prepared.method} ${prepared.path} HTTP/1.1`, ...lines].join('\r\n')
  return Buffer.concat([Buffer.from(`${head}\r\n\r\n`, 'latin1'), prepared.body])
}

export function signedWire(target: Target, call: Call): Buffer {
  return wire(prepare(target, call))
}

/** A signed request, changed afterwards. */
export function changedWire(
  target: Target,
  call: Call,
  change: (prepared: Prepared) => Partial<Prepared>,
): Buffer {
  const prepared = prepare(target, call)
  return wire({ ...prepared, ...change(prepared) })
}

export interface ByHand {
  readonly method: string
  /** As it goes over the wire and is signed: nothing puts it right. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** @default UNSIGNED-PAYLOAD */
  readonly payload?: string
  readonly body?: Buffer
  /** Headers that are sent and not signed, such as the length. */
  readonly unsigned?: Readonly<Record<string, string>>
}

/** A request whose signature is right, whatever is wrong with the rest of it. */
export function handSigned(target: Target, request: ByHand): Buffer {
  const { method, path, payload = 'UNSIGNED-PAYLOAD', body = Buffer.alloc(0) } = request
  const stamp = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '')
  const scope = `${stamp.slice(0, 8)}/${target.region}/s3/aws4_request`
  const headers: Record<string, string> = {
    host: new URL(target.endpoint).host,
    'x-amz-content-sha256': payload,
    'x-amz-date': stamp,
    ...request.headers,
  }
  const names = Object.keys(headers).sort()
  const [rawPath, query = ''] = path.split('?')
  const canonical = [
    ...[method, rawPath, query],
    ...[...names.map((name) => `${name}:${headers[name]}`), ''],
    ...[names.join(';'), payload],
  ].join('\n')
  const digest = createHash('sha256').update(canonical).digest('hex')
  const hmac = (key: string | Buffer, text: string): Buffer =>
    createHmac('sha256', key).update(text).digest()
  const key = scope.split('/').reduce<string | Buffer>(hmac, `AWS4${target.secretAccessKey}`)
  const signature = hmac(key, ['AWS4-HMAC-SHA256', stamp, scope, digest].join('\n')).toString('hex')
  const authorization = [
    `AWS4-HMAC-SHA256 Credential=${target.accessKeyId}/${scope}`,
    `SignedHeaders=${names.join(';')}`,
    `Signature=${signature}`,
  ].join(', ')
  const sent = { ...headers, authorization, ...request.unsigned }
  return wire({ method, path, headers: sent, body })
}
