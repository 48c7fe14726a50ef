/** What doc/protocol/ must agree with: endpoints and tags of the code, and bytes that it makes. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { hexOf, utf8 } from '../src/base/bytes.ts'
import { blake3 } from '../src/base/hash.ts'
import { BLOCK_SIZE_BYTES, PAGE_BYTES } from '../src/base/limits.ts'
import { recordSize, sealRecord } from '../src/block/segment/record.ts'
import { encodeLocation, encodeSegment } from '../src/block/segment/rows.ts'
import { buildTables, type ModelTables } from '../src/model/tables.ts'
import type { ObjectValue } from '../src/model/rows/object.ts'
import { indexText, packMerged, packRegister } from '../src/table/row.ts'
import { sourceFiles } from './layers.ts'

const NO_BLOCKS = {
  guardReference: () => Promise.resolve(undefined),
  referenceAdded: () => undefined,
  referenceDropped: () => undefined,
}

/** Names of the endpoints for which anything under `src` registers a handler. */
export function endpointsOf(src: string): string[] {
  const texts = sourceFiles(src).map((file) => readFileSync(join(src, file), 'utf8'))
  const constants = new Map(texts.flatMap((text) => endpointConstants(text)))
  const found = new Set<string>()
  for (const text of texts) {
    // Several files have an ENDPOINT of their own, so those of the same text come first.
    const own = new Map(endpointConstants(text))
    const registered = /\.(?:handle|receive)\(\s*(?:'([^']+)'|(\w+endpoint)\b)/gi
    for (const [, literal, constant = ''] of text.matchAll(registered)) {
      const name = literal ?? own.get(constant) ?? constants.get(constant)
      if (name === undefined) throw new Error(`Cannot tell which endpoint "${constant}" names`)
      found.add(name)
    }
    const bare = /\.(?:handle|receive)\(\s*ENDPOINT\b/.test(text) ? own.get('ENDPOINT') : undefined
    if (bare !== undefined) found.add(bare)
  }
  return [...found].sort()
}

function endpointConstants(text: string): [string, string][] {
  const found = text.matchAll(/const (\w*endpoint) = '([^']+)'/gi)
  return [...found].map(([, name, value]) => [name!, value!])
}

/** Tags of all trees that anything under `src` keeps in the local database. */
export function tagsOf(src: string): string[] {
  const found = new Set<string>()
  for (const file of sourceFiles(src)) {
    const text = readFileSync(join(src, file), 'utf8')
    for (const [, tag] of text.matchAll(/\b(?:tag: |const TAG = )'(.)'/g)) found.add(tag!)
  }
  return [...found].sort()
}

export function modelTables(): ModelTables {
  return buildTables({ blocks: NO_BLOCKS })
}

const BALLOT = { layout: 1, readmissions: 0, time: 1_790_000_000_000_000, node: '3c62799211c440e7' }

function sampleObject(): ObjectValue {
  return {
    current: {
      id: BALLOT.time,
      size: 5,
      etag: '5d41402abc4b2a76b9719d911017c592',
      metadata: [['content-type', 'text/plain']],
      body: utf8('hello'),
      checksum: undefined,
      partCount: undefined,
      upload: undefined,
    },
    uploads: [],
  }
}

/** The bytes that real code makes of samples, by the name of their place in the pages. */
export function examples(): ReadonlyMap<string, string> {
  const { object, blockRef } = modelTables()
  const value = sampleObject()
  const row = packRegister({
    ballot: BALLOT,
    operations: [['a1b2c3d4e5f607181', BALLOT.time, 1, 0, value.current!.etag]],
    sides: [],
    version: object.version,
    value: object.encode(value),
  })
  const line = object.indexes.find(({ name }) => name === 'live')!.line(value, 'hello.txt')
  const content = utf8('a block of thirty-three bytes …')
  const hash = hexOf(blake3(content))
  const place = { segment: 1, generation: 1, sequence: 7, length: content.length }
  const record = new Uint8Array(PAGE_BYTES + BLOCK_SIZE_BYTES)
  record.set(content, PAGE_BYTES)
  const sealed = sealRecord(record, { ...place, hash })
  const size = recordSize(content.length)
  const location = encodeLocation({ ...place, drive: 0, offset: 7 * 2 * PAGE_BYTES })
  const sizes = { generation: 1, sequence: 8, endBytes: 8 * size, liveBytes: 8 * size }
  return new Map([
    ['register', hexdump(row)],
    ['index', indexText(line, BALLOT).replace('\n', '⏎')],
    ['merged', hexdump(packMerged(blockRef.version, blockRef.encode({ live: true })))],
    ['record', hexdump(sealed)],
    ['location', hexdump(location)],
    ['segment', hexdump(encodeSegment({ ...sizes, state: 'open' }))],
  ])
}

/** Sixteen bytes a line; lines of zeros are left out and stand as `*`. */
export function hexdump(bytes: Uint8Array): string {
  const lines: string[] = []
  for (let at = 0; at < bytes.length; at += 16) {
    const part = bytes.subarray(at, at + 16)
    if (part.length === 16 && part.every((byte) => byte === 0)) {
      if (lines.at(-1) !== '*') lines.push('*')
      continue
    }
    const digits = (hexOf(part).match(/../g) ?? []).join(' ')
    const shown = [...part].map((byte) =>
      byte > 31 && byte < 127 ? String.fromCharCode(byte) : '.',
    )
    lines.push(`${at.toString(16).padStart(6, '0')}  ${digits.padEnd(47)}  ${shown.join('')}`)
  }
  if (lines.at(-1) === '*') lines.push(bytes.length.toString(16).padStart(6, '0'))
  return lines.join('\n')
}

/** The page with the bytes of today in the place of those that it shows. */
export function withExamples(page: string): string {
  const found = examples()
  const place = /(<!-- bytes: ([a-z]+) -->\n```text\n)[\s\S]*?(```\n)/g
  return page.replace(place, (_, before: string, name: string, after: string) => {
    const bytes = found.get(name)
    if (bytes === undefined) throw new Error(`Cannot show "${name}": no such example`)
    return `${before}${bytes}\n${after}`
  })
}
