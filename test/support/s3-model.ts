/**
 * What an object store must answer, kept in memory: buckets, objects, uploads and parts.
 *
 * The model holds how bodies are made and not the bytes. It decides nothing about HTTP: callers
 * compare what it says with what came over the wire.
 */

import { etagOfParts, compositeOf, type Algorithm } from './checksums.ts'
import { sizeOf, type Content } from './content.ts'

export type ChecksumType = 'COMPOSITE' | 'FULL_OBJECT'

export interface ModelChecksum {
  readonly algorithm: Algorithm
  readonly type: ChecksumType
  readonly value: string
}

export interface ModelObject {
  readonly pieces: readonly Content[]
  readonly etag: string
  /** Lower-case header names; only those that a client gave. */
  readonly headers: Readonly<Record<string, string>>
  readonly checksum?: ModelChecksum
  /** Set when the object is a completed upload; sizes are those of `pieces`. */
  readonly multipart: boolean
}

export interface ModelPart {
  readonly content: Content
  readonly etag: string
  readonly checksum?: string
}

export interface ModelUpload {
  readonly id: string
  readonly key: string
  readonly headers: Readonly<Record<string, string>>
  readonly algorithm?: Algorithm
  readonly checksumType?: ChecksumType
  readonly parts: Map<number, ModelPart>
}

export interface ModelBucket {
  readonly objects: Map<string, ModelObject>
  /** In the order of their creation. */
  readonly uploads: Map<string, ModelUpload>
}

export interface ListInput {
  readonly prefix: string
  readonly delimiter: string
  readonly limit: number
  /** Keys up to this one are left out. */
  readonly after: Position
}

/** Where a listing stands: behind a key, or behind all keys of a common prefix. */
export type Position =
  | { readonly kind: 'start' }
  | { readonly kind: 'key'; readonly key: string }
  | { readonly kind: 'prefix'; readonly prefix: string }

export interface ListPage<T> {
  readonly items: readonly ListItem<T>[]
  readonly truncated: boolean
  readonly end: Position
}

export type ListItem<T> =
  | { readonly kind: 'entry'; readonly key: string; readonly value: T }
  | { readonly kind: 'prefix'; readonly prefix: string }

export function emptyBucket(): ModelBucket {
  return { objects: new Map(), uploads: new Map() }
}

/** Byte order of the UTF-8, which is not the order of JavaScript strings. */
export function compareKeys(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right))
}

/** One page of objects. Each common prefix counts as one. */
export function listObjects(bucket: ModelBucket, input: ListInput): ListPage<ModelObject> {
  const keys = [...bucket.objects.keys()].sort(compareKeys)
  const rows: [string, ModelObject][] = []
  for (const key of keys) {
    const object = bucket.objects.get(key)
    if (object !== undefined) rows.push([key, object])
  }
  return page(rows, input)
}

/** One page of uploads: by key, those of one key by age. */
export function listUploads(
  bucket: ModelBucket,
  input: ListInput & { readonly afterUpload?: string },
): ListPage<ModelUpload> {
  const rows: [string, ModelUpload][] = [...bucket.uploads.values()].map((upload) => [
    upload.key,
    upload,
  ])
  rows.sort(([left], [right]) => compareKeys(left, right))
  if (input.afterUpload === undefined || input.after.kind !== 'key') return page(rows, input)
  const { afterUpload } = input
  const at = rows.findIndex(([, upload]) => upload.id === afterUpload)
  return page(rows.slice(at + 1), { ...input, after: { kind: 'start' } })
}

function page<T>(rows: readonly (readonly [string, T])[], input: ListInput): ListPage<T> {
  const items: ListItem<T>[] = []
  let truncated = false
  for (const [key, value] of rows) {
    if (!key.startsWith(input.prefix) || isPast(input.after, key)) continue
    const prefix = commonPrefix(key, input)
    const last = items.at(-1)
    if (prefix !== undefined && last?.kind === 'prefix' && last.prefix === prefix) continue
    if (items.length === input.limit) {
      truncated = input.limit > 0
      break
    }
    items.push(prefix === undefined ? { kind: 'entry', key, value } : { kind: 'prefix', prefix })
  }
  return { items, truncated, end: endOf(items) ?? input.after }
}

function endOf(items: readonly ListItem<unknown>[]): Position | undefined {
  const last = items.at(-1)
  if (last?.kind === 'entry') return { kind: 'key', key: last.key }
  return last
}

function isPast(after: Position, key: string): boolean {
  if (after.kind === 'start') return false
  if (after.kind === 'key') return compareKeys(key, after.key) <= 0
  return key.startsWith(after.prefix) || compareKeys(key, after.prefix) < 0
}

function commonPrefix(key: string, input: ListInput): string | undefined {
  if (input.delimiter === '') return undefined
  const at = key.indexOf(input.delimiter, input.prefix.length)
  return at < 0 ? undefined : key.slice(0, at + input.delimiter.length)
}

export interface CompletePart {
  readonly partNumber: number
  readonly etag: string
}

/** The refusals of a Complete that hang on its list of parts, in no order. */
export type PartFault = 'InvalidPart' | 'InvalidPartOrder' | 'EntityTooSmall' | 'MalformedXML'

const PART_BYTES_MIN = 5 * 1024 * 1024

/** Everything that is wrong with the list of parts. */
export function partFaults(upload: ModelUpload, list: readonly CompletePart[]): Set<PartFault> {
  const faults = new Set<PartFault>()
  if (list.length === 0) faults.add('MalformedXML')
  for (const [at, { partNumber, etag }] of list.entries()) {
    const part = upload.parts.get(partNumber)
    const previous = list[at - 1]
    if (part?.etag !== etag) faults.add('InvalidPart')
    if (previous !== undefined && previous.partNumber >= partNumber) faults.add('InvalidPartOrder')
    const small = part !== undefined && part.content.size < PART_BYTES_MIN
    if (small && at < list.length - 1) faults.add('EntityTooSmall')
  }
  return faults
}

/** The object that a Complete makes; its list of parts has no fault. */
export function completedObject(
  upload: ModelUpload,
  list: readonly CompletePart[],
  whole: (pieces: readonly Content[], algorithm: Algorithm) => string,
): ModelObject {
  const parts = list.flatMap(({ partNumber }) => upload.parts.get(partNumber) ?? [])
  const pieces = parts.map((part) => part.content)
  const { algorithm, checksumType: type } = upload
  const object = {
    ...{ pieces, headers: upload.headers, multipart: true },
    etag: etagOfParts(parts.map((part) => part.etag)),
  }
  if (algorithm === undefined || type === undefined) return object
  const value =
    type === 'FULL_OBJECT'
      ? whole(pieces, algorithm)
      : compositeOf(
          algorithm,
          parts.map((part) => part.checksum ?? ''),
        )
  return { ...object, checksum: { algorithm, type, value } }
}

export function objectSize(object: ModelObject): number {
  return sizeOf(object.pieces)
}
