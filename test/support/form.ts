/** Forms as browsers send them: a policy, its signature, the fields, the file. */

import { createHmac } from 'node:crypto'
import type { Prepared, Target } from './signed-client.ts'

export type Fields = Readonly<Record<string, string | undefined>>

export const BOUNDARY = '----WebKitFormBoundaryhangar'

/** One part of a form; `fileName` makes it a file. */
export function part(name: string, value: Buffer | string, fileName?: string): Buffer {
  const file = fileName === undefined ? '' : `; filename="${fileName}"`
  return Buffer.concat([
    Buffer.from(`--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"${file}\r\n\r\n`),
    Buffer.from(value),
    Buffer.from('\r\n'),
  ])
}

export const END = Buffer.from(`--${BOUNDARY}--\r\n`)

/** A POST of these parts to a bucket. */
export function postOf(bucket: string, parts: readonly Buffer[], contentType?: string): Prepared {
  const body = Buffer.concat(parts)
  return {
    method: 'POST',
    path: `/${bucket}`,
    headers: {
      host: 'localhost:3900',
      'content-type': contentType ?? `multipart/form-data; boundary=${BOUNDARY}`,
      'content-length': String(body.length),
    },
    body,
  }
}

export interface Policy {
  readonly expiration?: unknown
  readonly conditions?: unknown
}

function hmac(key: Buffer | string, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

/** The five fields that sign a form, over the text of a policy. */
export function signatureOf(
  target: Target,
  policy: Policy | string,
  nowMillis: number,
): Record<string, string> {
  const date = new Date(nowMillis).toISOString().replace(/[-:]|\.\d+/g, '')
  const day = date.slice(0, 8)
  const text =
    typeof policy === 'string' ? policy : Buffer.from(JSON.stringify(policy)).toString('base64')
  const dateKey = hmac(`AWS4${target.secretAccessKey}`, day)
  const key = hmac(hmac(hmac(dateKey, target.region), 's3'), 'aws4_request')
  return {
    policy: text,
    'x-amz-algorithm': 'AWS4-HMAC-SHA256',
    'x-amz-credential': `${target.accessKeyId}/${day}/${target.region}/s3/aws4_request`,
    'x-amz-date': date,
    'x-amz-signature': createHmac('sha256', key).update(text).digest('hex'),
  }
}

export interface Upload {
  readonly bucket?: string
  readonly fields?: Fields
  /** Replaces the conditions that name each field. */
  readonly conditions?: readonly unknown[]
  /** Beside those. */
  readonly more?: readonly unknown[]
  readonly policy?: Policy | string
  readonly file?: Buffer | string
  readonly fileName?: string
  /** Parts after the file. */
  readonly after?: readonly Buffer[]
  /** Replaces, or with undefined takes away, fields after all is signed. */
  readonly changed?: Fields
  readonly nowMillis: number
}

/** A signed form whose policy names every field, unless the upload says otherwise. */
export function signedForm(target: Target, upload: Upload): Prepared {
  const bucket = upload.bucket ?? 'bucket'
  const plain: Fields = { key: 'k', ...upload.fields }
  const expiration = new Date(upload.nowMillis + 600_000).toISOString()
  const names = ['x-amz-algorithm', 'x-amz-credential', 'x-amz-date']
  const conditions = upload.conditions ?? [
    { bucket },
    ...Object.keys(plain)
      .filter((name) => !name.startsWith('x-ignore-'))
      .map((name) => ['starts-with', `$${name}`, '']),
    ...names.map((name) => ['starts-with', `$${name}`, '']),
    ...(upload.more ?? []),
  ]
  const signed = signatureOf(target, upload.policy ?? { expiration, conditions }, upload.nowMillis)
  const all: Fields = { ...plain, ...signed, ...upload.changed }
  const parts = Object.entries(all)
    .filter((entry): entry is [string, string] => entry[1] !== undefined)
    .map(([name, value]) => part(name, value))
  const file = part('file', upload.file ?? 'the bytes', upload.fileName ?? 'a.txt')
  return postOf(bucket, [...parts, file, ...(upload.after ?? []), END])
}
