/** What a key can do at an S3 endpoint: one object there and back, and what clients rely on. */

import { createHash } from 'node:crypto'
import { isKnownHost } from './endpoint.ts'
import { failed, ok, skipped, warning, type Findings, type Look } from './finding.ts'
import { answerText, s3Call, type S3Call, type S3Place, type S3Reply } from './s3-call.ts'

export interface RoundTripOptions {
  readonly place: S3Place
  /** An existing bucket; absent: one of its own, removed at the end. */
  readonly bucket: string | undefined
  /** Different in every run, lower case. */
  readonly mark: string
}

const BODY = Buffer.from('The doctor was here: 0123456789\n')

/** Everything that wants a key. */
export async function lookAtRoundTrip(
  options: RoundTripOptions,
  findings: Findings,
): Promise<void> {
  const found = await signsRight(options.place, findings)
  if (found === undefined) return
  const bucket = await bucketFor({ ...options, place: found }, findings)
  if (bucket === undefined) return
  const trip = new Trip(found, bucket, `hangar-doctor-${options.mark}`)
  try {
    await trip.lookAtAll(findings)
  } finally {
    await trip.cleanUp().catch(() => undefined)
    if (options.bucket === undefined) await s3Call(found, { method: 'DELETE', bucket })
  }
}

/** The place with the region that the service wants; undefined when it refuses the key. */
async function signsRight(place: S3Place, findings: Findings): Promise<S3Place | undefined> {
  let right = place
  const look = await findings.look('signature', async () => {
    let reply = await s3Call(right, { method: 'GET' })
    const region = /<Region>([^<]+)<\/Region>/.exec(reply.text)?.[1]
    if (reply.status !== 200 && region !== undefined && region !== place.region) {
      right = { ...place, region }
      reply = await s3Call(right, { method: 'GET' })
    }
    return signatureLook(reply)
  })
  if (look.verdict === 'failed') return undefined
  findings.add(
    'region',
    right.region === place.region
      ? ok(`"${place.region}" is taken`)
      : failed(
          `the endpoint is "${right.region}", not "${place.region}"`,
          `Set it in clients: export AWS_DEFAULT_REGION=${right.region}`,
        ),
  )
  return right
}

function signatureLook(reply: S3Reply): Look {
  if (reply.status === 200) return ok('the key is known and its secret right')
  if (reply.code === 'AccessDenied') return ok('the key is known; it may not list buckets')
  const mends: Readonly<Record<string, string>> = {
    InvalidAccessKeyId: 'Is it a key of this endpoint? On Hangar: `hangar key list`',
    SignatureDoesNotMatch:
      'Is the secret whole? If it is: does a proxy change the Host header or the path?',
    RequestTimeTooSkewed: 'Set the clock: `timedatectl set-ntp true`',
  }
  return failed(answerText(reply), mends[reply.code])
}

async function bucketFor(
  { place, bucket, mark }: RoundTripOptions,
  findings: Findings,
): Promise<string | undefined> {
  const name = bucket ?? `hangar-doctor-${mark}`
  const look = await findings.look('bucket', async () => {
    if (bucket !== undefined) {
      const reply = await s3Call(place, { method: 'HEAD', bucket })
      if (reply.status === 200) return ok(`"${bucket}" is there`)
      return reply.status === 404
        ? failed(`there is no bucket "${bucket}"`, `On Hangar: \`hangar bucket create ${bucket}\``)
        : failed(
            `"${bucket}" answers ${reply.status}: the key may not use it`,
            `On Hangar: \`hangar bucket allow ${bucket} --key ${place.accessKeyId} --read --write\``,
          )
    }
    const reply = await s3Call(place, { method: 'PUT', bucket: name })
    if (reply.status === 200) return ok(`made "${name}" for the time of this run`)
    return failed(
      `cannot make one: ${answerText(reply)}`,
      'Name one that the key may use with --bucket NAME. ' +
        `On Hangar: \`hangar key allow ${place.accessKeyId} --create-bucket\``,
    )
  })
  return look.verdict === 'failed' ? undefined : name
}

class Trip {
  readonly #place: S3Place
  readonly #bucket: string
  readonly #key: string

  constructor(place: S3Place, bucket: string, key: string) {
    this.#place = place
    this.#bucket = bucket
    this.#key = key
  }

  async lookAtAll(findings: Findings): Promise<void> {
    const written = await findings.look('put', () => this.#put())
    if (written.verdict === 'failed') return
    await findings.look('get', () => this.#get())
    await findings.look('list', () => this.#list())
    await findings.look('range', () => this.#range())
    await findings.look('checksum', () => this.#checksum())
    await findings.look('conditional write', () => this.#condition())
    await findings.look('multipart', () => this.#multipart())
    await findings.look('addressing', () => this.#addressing())
    await findings.look('CORS', () => this.#cors())
    await findings.look('delete', () => this.#delete())
  }

  async cleanUp(): Promise<void> {
    for (const key of [this.#key, `${this.#key}-parts`]) await this.#call({ method: 'DELETE', key })
  }

  #call(call: S3Call): Promise<S3Reply> {
    return s3Call(this.#place, { bucket: this.#bucket, key: this.#key, ...call })
  }

  async #put(): Promise<Look> {
    const reply = await this.#call({ method: 'PUT', body: BODY })
    return reply.status === 200
      ? ok(`${BODY.length} bytes`)
      : failed(answerText(reply), 'On Hangar: `hangar bucket info NAME` shows who may write.')
  }

  async #get(): Promise<Look> {
    const reply = await this.#call({ method: 'GET' })
    if (reply.status !== 200) return failed(answerText(reply))
    return reply.body.equals(BODY) ? ok('the same bytes') : failed('other bytes than were put')
  }

  async #list(): Promise<Look> {
    const query = { 'list-type': '2', prefix: this.#key }
    const reply = await s3Call(this.#place, { method: 'GET', bucket: this.#bucket, query })
    if (reply.status !== 200) return failed(answerText(reply))
    return reply.text.includes(`<Key>${this.#key}</Key>`)
      ? ok('shows the object at once')
      : failed('does not show the object that was just put')
  }

  async #range(): Promise<Look> {
    const reply = await this.#call({ method: 'GET', headers: { range: 'bytes=4-9' } })
    const isRight = reply.status === 206 && reply.body.equals(BODY.subarray(4, 10))
    return isRight ? ok('206 with the right bytes') : failed(`bytes 4-9: ${answerText(reply)}`)
  }

  async #checksum(): Promise<Look> {
    const sum = createHash('sha256').update('another body').digest('base64')
    const headers = { 'x-amz-checksum-sha256': sum }
    const reply = await this.#call({ method: 'PUT', body: BODY, headers })
    if (reply.status === 400) return ok('a body that does not fit its checksum is refused')
    return reply.status === 200
      ? warning('a wrong x-amz-checksum-sha256 is taken: damage on the way is not noticed')
      : warning(`a wrong x-amz-checksum-sha256: ${answerText(reply)}`)
  }

  async #condition(): Promise<Look> {
    const headers = { 'if-none-match': '*' }
    const reply = await this.#call({ method: 'PUT', body: BODY, headers })
    if (reply.status === 412) return ok('If-None-Match: * keeps what is there')
    return reply.status === 200
      ? failed(
          'If-None-Match: * is ignored: two writers overwrite each other',
          'Keep no locks there (Terraform use_lockfile, Delta, Iceberg, restic).',
        )
      : warning(`If-None-Match: * is not served: ${answerText(reply)}`)
  }

  async #multipart(): Promise<Look> {
    const key = `${this.#key}-parts`
    const begun = await this.#call({ method: 'POST', key, query: { uploads: '' } })
    const uploadId = /<UploadId>([^<]+)</.exec(begun.text)?.[1]
    if (uploadId === undefined) return failed(`begin: ${answerText(begun)}`)
    const query = { partNumber: '1', uploadId }
    const part = await this.#call({ method: 'PUT', key, query, body: BODY })
    const etag = part.headers.etag ?? ''
    const body = Buffer.from(
      `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${etag}</ETag></Part></CompleteMultipartUpload>`,
    )
    const done = await this.#call({ method: 'POST', key, query: { uploadId }, body })
    if (part.status !== 200 || done.status !== 200 || done.code !== '') {
      await this.#call({ method: 'DELETE', key, query: { uploadId } })
      return failed(`${part.status === 200 ? 'end' : 'part'}: ${answerText(done)}`)
    }
    const got = await this.#call({ method: 'GET', key })
    return got.body.equals(BODY) ? ok('one part there and back') : failed('other bytes come back')
  }

  async #addressing(): Promise<Look> {
    const { hostname } = this.#place.endpoint
    const host = `${this.#bucket}.${hostname}`
    const isAddress = /^[\d.]+$|^\[/.test(hostname)
    const pathOnly = 'Tell clients: path style (`force_path_style`, `addressing_style = path`).'
    if (isAddress) return ok(`by path; an IP address has no names below it. ${pathOnly}`)
    if (!(await isKnownHost(host))) return ok(`by path; ${host} is not known. ${pathOnly}`)
    const reply = await this.#call({ method: 'GET', isVirtualHost: true })
    if (reply.status === 200 && reply.body.equals(BODY)) return ok(`by path and as ${host}`)
    return warning(
      `${host} is known, but answers ${answerText(reply)}`,
      `${pathOnly} Or, on Hangar: [s3_api] root_domain = ".${hostname}"`,
    )
  }

  async #cors(): Promise<Look> {
    const headers = {
      origin: 'https://app.example.com',
      'access-control-request-method': 'PUT',
    }
    const reply = await this.#call({ method: 'OPTIONS', headers })
    const allowed = reply.headers['access-control-allow-origin']
    if (reply.status < 300 && allowed !== undefined) return ok(`pages of "${allowed}" are let in`)
    return reply.status === 403
      ? ok('no rule lets pages of other origins in; PutBucketCors makes one')
      : skipped(`not asked for, or not served: a preflight answers ${reply.status}`)
  }

  async #delete(): Promise<Look> {
    const reply = await this.#call({ method: 'DELETE' })
    if (reply.status !== 204 && reply.status !== 200) return failed(answerText(reply))
    const gone = await this.#call({ method: 'GET' })
    return gone.status === 404 ? ok('gone at once') : failed(`then still ${answerText(gone)}`)
  }
}
