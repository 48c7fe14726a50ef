/** The open files of one drive: opened when first needed, a bounded number at a time. */

import type { Disk, DiskFile } from '../../base/disk.ts'
import { SEGMENT_FILES_OPEN_MAX } from '../../base/limits.ts'
import { segmentFileName } from './segment.ts'

interface OpenFile {
  readonly file: Promise<DiskFile>
  users: number
}

export class SegmentFiles {
  readonly #disk: Disk
  readonly #folder: string
  readonly #direct: boolean
  /** In order of last use, oldest first. */
  readonly #open = new Map<number, OpenFile>()

  constructor(disk: Disk, folder: string, direct: boolean) {
    this.#disk = disk
    this.#folder = folder
    this.#direct = direct
  }

  /** Runs `work` on the file of a segment; it is not closed meanwhile. */
  async use<T>(segment: number, work: (file: DiskFile) => Promise<T>): Promise<T> {
    const entry = this.#entry(segment, false)
    entry.users++
    try {
      return await work(await entry.file)
    } finally {
      entry.users--
    }
  }

  /** Makes the file of a new segment, durably, empty. */
  async create(segment: number): Promise<void> {
    await this.#entry(segment, true).file
  }

  /** Closes and removes the file of a segment that nobody uses. */
  async remove(segment: number): Promise<void> {
    const entry = this.#open.get(segment)
    this.#open.delete(segment)
    await (await entry?.file)?.close()
    await this.#disk.remove(this.#path(segment))
  }

  async close(): Promise<void> {
    const entries = [...this.#open.values()]
    this.#open.clear()
    for (const entry of entries) await (await entry.file).close()
  }

  #entry(segment: number, create: boolean): OpenFile {
    const known = this.#open.get(segment)
    if (known !== undefined) {
      this.#open.delete(segment)
      this.#open.set(segment, known)
      return known
    }
    const file = this.#disk.open(this.#path(segment), { create, direct: this.#direct })
    const entry: OpenFile = { file, users: 0 }
    this.#open.set(segment, entry)
    file.catch(() => {
      if (this.#open.get(segment) === entry) this.#open.delete(segment)
    })
    this.#closeOldest()
    return entry
  }

  #closeOldest(): void {
    if (this.#open.size <= SEGMENT_FILES_OPEN_MAX) return
    for (const [segment, entry] of this.#open) {
      if (entry.users > 0) continue
      this.#open.delete(segment)
      // Reading and writing are over and synced by their callers: closing has nothing to report.
      entry.file.then((file) => file.close()).catch(() => undefined)
      return
    }
  }

  #path(segment: number): string {
    return `${this.#folder}/${segmentFileName(segment)}`
  }
}
