/** What the property test draws: keys, sizes, headers and how a body is sent. */

import { createHash } from 'node:crypto'
import { ALGORITHMS, checksumOf, headerOf, type Algorithm } from '../../support/checksums.ts'
import { PAYLOAD_MODES, type PayloadMode } from '../../support/payload.ts'
import type { Seeded } from '../../support/seeded.ts'

const KIB = 1024
const MIB = 1024 * KIB

/** All that is awkward about keys; few enough that they are met again and again. */
export const KEYS: readonly string[] = [
  ...['a', 'a/b', 'a/b/c', 'a//b', 'a/../b', 'a/./b', 'b', 'b//', 'dir/', 'dir/x', 'dir/y'],
  ...['dir/sub/z', 'dir//x', '/lead', 'per%cent', 'per%25cent', 'plus+plus', 'space d', 'x..y'],
  ...['😀', '😀/smile', '\uff5e', 'ü/ö', 'quote\'"&<>', 'ques?tion#&=;', '*!()~', 'delim--x'],
  ...['delim--y', 'k'.repeat(1024), '😀'.repeat(256), '...', 'back\\slash', ' edge '],
]

export const PREFIXES: readonly string[] = [
  ...['', '', '', 'a', 'a/', 'dir/', 'dir', 'per%', '/', 'delim', '😀', 'no-such', 'b/', 'a//'],
]

export const DELIMITERS: readonly string[] = ['/', '/', '/', '//', '--', 'b', '😀', 'i', 'no-such']

export function drawKey(rng: Seeded): string {
  return rng.pick(KEYS)
}

/** Around the inline limit and the block size; mostly small, so that a run ends. */
export function drawSize(rng: Seeded): number {
  return rng.weighted([
    [0, 10],
    [1, 10],
    [100 + rng.below(4000), 34],
    [8 * KIB - 1, 7],
    [8 * KIB, 7],
    [8 * KIB + 1, 7],
    [20_000 + rng.below(200_000), 10],
    [MIB - 1, 3],
    [MIB, 3],
    [MIB + 1, 3],
    [3 * MIB + 1 + rng.below(70_000), 3],
  ])
}

/** Headers that an object keeps. */
export function drawStored(rng: Seeded): Record<string, string> {
  const headers: Record<string, string> = {}
  if (rng.percent(60)) headers['content-type'] = rng.pick(['text/plain', 'image/png; a=b'])
  if (rng.percent(20)) headers['cache-control'] = 'max-age=5, private'
  if (rng.percent(20)) headers['content-disposition'] = 'attachment; filename="a b.txt"'
  if (rng.percent(20)) headers['content-language'] = 'de, en'
  if (rng.percent(20)) headers['expires'] = 'Thu, 01 Dec 2033 16:00:00 GMT'
  if (rng.percent(30)) headers['x-amz-meta-one'] = `value ${rng.below(100)}`
  if (rng.percent(15)) headers['x-amz-meta-two-three'] = ''
  return headers
}

/** The headers that an object has to give back. */
export const STORED_HEADERS: readonly string[] = [
  ...['content-type', 'cache-control', 'content-disposition', 'content-language', 'expires'],
  ...['x-amz-meta-one', 'x-amz-meta-two-three'],
]

export interface DrawnPayload {
  readonly mode: PayloadMode
  readonly trailer: Algorithm
  readonly headers: Record<string, string>
  /** The checksum that was sent along, if any. */
  readonly checksum?: { readonly algorithm: Algorithm; readonly value: string }
}

/** How a body goes out; `wanted` is a checksum that must go along. */
export function drawPayload(rng: Seeded, body: Buffer, wanted?: Algorithm): DrawnPayload {
  const mode = rng.pick(PAYLOAD_MODES)
  const algorithm = wanted ?? drawAlgorithm(rng, body.length)
  const headers: Record<string, string> = {}
  if (rng.percent(20)) headers['content-md5'] = createHash('md5').update(body).digest('base64')
  const trails = mode.endsWith('-TRAILER')
  if (!trails && wanted === undefined && rng.percent(60)) {
    return { mode, trailer: algorithm, headers }
  }
  const value = checksumOf(algorithm, body)
  if (!trails) headers[headerOf(algorithm)] = value
  return { mode, trailer: algorithm, headers, checksum: { algorithm, value } }
}

/** The slow ones of our own checksums only for small bodies. */
export function drawAlgorithm(rng: Seeded, size: number): Algorithm {
  return size > 64 * KIB ? rng.pick(['CRC32', 'SHA1', 'SHA256']) : rng.pick(ALGORITHMS)
}
