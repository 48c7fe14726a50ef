/** The witness of the seal outside the database: two slots, overwritten in place in turn. */

import { crc32 } from 'node:zlib'
import { textOf } from '../base/bytes.ts'
import type { Disk, DiskFile } from '../base/disk.ts'

/** A slot's size: one sector, which a drive writes whole. */
const SLOT_BYTES = 512
/** Each slot has a page of its own, so that a torn page spoils one. */
const SLOT_POSITIONS = [0, 4096] as const
const FILE_BYTES = 8192
const SPACE = 0x20
const encoder = new TextEncoder()

export interface SealNote {
  readonly sequence: number
  readonly chain: number
  readonly incarnation: string
}

/**
 * The newest note that is whole. A note being overwritten when power fails leaves the one before.
 *
 * A slot is text, `hangar-seal 1 sequence chain incarnation crc`, padded with spaces to 512 bytes.
 */
export class SealFile {
  readonly #file: DiskFile
  #last: SealNote | undefined
  #nextSlot: number
  /** Of the slot being written. */
  readonly #bytes = new Uint8Array(SLOT_BYTES)

  private constructor(file: DiskFile, last: SealNote | undefined, nextSlot: number) {
    this.#file = file
    this.#last = last
    this.#nextSlot = nextSlot
  }

  /** Opens the file, made when absent: `last` is then undefined. */
  static async open(disk: Disk, path: string): Promise<SealFile> {
    let file: DiskFile
    try {
      file = await disk.open(path, { create: false })
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
      file = await disk.open(path, { create: true })
    }
    // Its blocks are allocated once: later syncs then write nothing but the slot.
    if ((await file.sizeBytes()) < FILE_BYTES) {
      await file.write(new Uint8Array(FILE_BYTES), 0)
      await file.datasync()
    }
    const bytes = new Uint8Array(FILE_BYTES)
    await file.read(bytes, 0)
    const { note, slot } = newestNote(bytes)
    return new SealFile(file, note, 1 - slot)
  }

  get last(): SealNote | undefined {
    return this.#last
  }

  /** Resolves when the note is on stable storage. One call at a time. */
  async write(note: SealNote): Promise<void> {
    const position = SLOT_POSITIONS[this.#nextSlot] ?? 0
    this.#nextSlot = 1 - this.#nextSlot
    putNote(note, this.#bytes)
    await this.#file.write(this.#bytes, position)
    await this.#file.datasync()
    this.#last = note
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}

/** Of the whole file. `slot` is that of the note, 0 without one. */
export function newestNote(file: Uint8Array): {
  readonly note: SealNote | undefined
  readonly slot: number
} {
  const [a, b] = SLOT_POSITIONS.map((at) => parseNote(file.subarray(at, at + SLOT_BYTES)))
  const isSecond = b !== undefined && (a === undefined || b.sequence > a.sequence)
  return isSecond ? { note: b, slot: 1 } : { note: a, slot: 0 }
}

function putNote(note: SealNote, bytes: Uint8Array): void {
  const text = `hangar-seal 1 ${note.sequence} ${note.chain} ${note.incarnation}`
  const { written } = encoder.encodeInto(`${text} ${crc32(text)}`, bytes)
  bytes.fill(SPACE, written)
}

function parseNote(bytes: Uint8Array): SealNote | undefined {
  let words: string[]
  try {
    words = textOf(bytes).trimEnd().split(' ')
  } catch {
    return undefined
  }
  const sum = Number(words.pop())
  const [name, version, sequence, chain, incarnation] = words
  if (name !== 'hangar-seal' || version !== '1' || sum !== crc32(words.join(' '))) return undefined
  if (incarnation === undefined) return undefined
  return { sequence: Number(sequence), chain: Number(chain), incarnation }
}
