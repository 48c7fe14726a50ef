/** The bodies of a simulation: each version of an object has bytes that name it. */

import { createHash } from 'node:crypto'
import { utf8 } from '../base/bytes.ts'
import type { BucketId } from '../base/ids.ts'
import { StoreError } from '../store/errors.ts'
import type { Body } from '../store/object/body.ts'
import { getObject, type ObjectInfo } from '../store/object/get-object.ts'
import type { Store } from '../store/store.ts'
import type { Answer } from './history.ts'

/** Holds the name of the write, so that two versions of the same bytes can be told apart. */
export const VERSION_HEADER = 'x-amz-meta-version'

/** What a client sent, so that whoever reads knows what it must be. */
export interface Content {
  readonly bytes: Uint8Array
  readonly etag: string
}

/** `size` bytes that begin with `name` and repeat it. */
export function contentOf(name: string, size: number): Content {
  const pattern = utf8(`${name};`)
  const bytes = new Uint8Array(size)
  for (let at = 0; at < size; at += pattern.length) {
    bytes.set(pattern.subarray(0, size - at), at)
  }
  return { bytes, etag: md5(bytes).toString('hex') }
}

/** Of an object made from parts, as S3 makes its ETag. */
export function joined(parts: readonly Content[]): Content {
  const sums = Buffer.concat(parts.map(({ bytes }) => md5(bytes)))
  return {
    bytes: Buffer.concat(parts.map(({ bytes }) => bytes)),
    etag: `${md5(sums).toString('hex')}-${parts.length}`,
  }
}

/** @param isGone whether the client has ended its connection: then nothing more of it can be read */
export function bodyOf({ bytes }: Content, isGone: () => boolean = () => false): Body {
  return { pieces: onePiece(bytes, isGone), length: bytes.length, expect: () => ({}) }
}

async function* onePiece(bytes: Uint8Array, isGone: () => boolean): AsyncGenerator<Uint8Array> {
  if (isGone()) throw new StoreError('IncompleteBody', 'Cannot read the body: the client is gone')
  if (bytes.length > 0) yield bytes
}

function md5(bytes: Uint8Array): Buffer {
  return createHash('md5').update(bytes).digest()
}

/** Where a read is judged. */
export interface Reading {
  readonly bucket: () => BucketId
  /** What each ETag that was ever written stands for. */
  readonly contents: ReadonlyMap<string, Content>
  readonly faults: string[]
}

/** A settled read with its bytes, which must be those of the version. */
export async function readVersion(run: Reading, store: Store, key: string): Promise<Answer> {
  let info: ObjectInfo
  const pieces: Uint8Array[] = []
  try {
    const reader = await getObject(store, { bucket: run.bucket(), key })
    info = reader.info
    for await (const piece of reader.read(0, info.size - 1)) pieces.push(piece.slice())
  } catch (error) {
    if (error instanceof StoreError && error.code === 'NoSuchKey') {
      return { kind: 'shows', version: '' }
    }
    throw error
  }
  const name = info.metadata.find(([header]) => header === VERSION_HEADER)?.[1] ?? ''
  const expected = run.contents.get(info.etag)
  if (expected === undefined || Buffer.compare(Buffer.concat(pieces), expected.bytes) !== 0) {
    run.faults.push(`bytes: "${key}" shows ${info.etag} with other bytes`)
  }
  return { kind: 'shows', version: `${info.etag}|${name}` }
}
