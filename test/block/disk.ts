/** A disk in memory that can crash, fill up and fail: for tests of what survives. */

import type { Disk, DiskFile, DiskSpace } from '../../src/base/disk.ts'

const PAGE = 4096

interface FileState {
  /** What a crash leaves for sure. */
  durable: Uint8Array
  /** What readers see. */
  current: Uint8Array
  /** Pages written since the last sync. */
  readonly dirty: Set<number>
}

/** As the system reports it. */
export function systemError(code: string): Error {
  return Object.assign(new Error(code), { code })
}

function resized(bytes: Uint8Array, size: number): Uint8Array {
  if (bytes.length >= size) return bytes
  const larger = new Uint8Array(size)
  larger.set(bytes)
  return larger
}

/** Small, seeded, good enough to tear pages by. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export class CrashDisk implements Disk {
  readonly files = new Map<string, FileState>()
  totalBytes = 2 ** 40
  /** What a write that finds no room says. */
  fullCode = 'ENOSPC'
  /** Every sync from now on fails with EIO. */
  failSync = false
  directWorks = true
  syncs = 0
  openCount = 0
  /** Awaited by every sync, while it is under way. */
  duringSync: (() => Promise<void>) | undefined
  /** Awaited by every read, with its position. */
  beforeRead: ((path: string, position: number) => Promise<void>) | undefined
  /** The process dies at the change with this number: it is done, and nothing answers any more. */
  killAt = Infinity
  onKill: () => void = () => undefined
  changes = 0
  #killed = false

  /** Counts a change; the one that kills never returns. */
  async change(): Promise<void> {
    if (++this.changes === this.killAt) {
      this.#killed = true
      this.onKill()
    }
    if (this.#killed) await new Promise<never>(() => undefined)
  }

  get usedBytes(): number {
    let sum = 0
    for (const file of this.files.values()) sum += file.current.length
    return sum
  }

  /** Power loss: each page that was not synced is there, or as it was, or half of each. */
  crash(random: () => number): CrashDisk {
    const after = new CrashDisk()
    after.totalBytes = this.totalBytes
    for (const [path, file] of this.files) {
      const keepsSize = random() < 0.5
      const size = keepsSize ? file.current.length : file.durable.length
      const bytes = new Uint8Array(size)
      bytes.set(file.durable.subarray(0, size))
      for (const page of file.dirty) {
        const start = page * PAGE
        if (start >= size) continue
        const fate = random()
        const length = fate < 0.4 ? 0 : fate < 0.6 ? PAGE / 2 : PAGE
        bytes.set(file.current.subarray(start, Math.min(start + length, size)), start)
      }
      after.files.set(path, { durable: bytes, current: bytes.slice(), dirty: new Set() })
    }
    return after
  }

  /** What kill -9 leaves: everything that was written, synced or not. */
  killed(): CrashDisk {
    const after = new CrashDisk()
    after.totalBytes = this.totalBytes
    for (const [path, file] of this.files) {
      const { current } = file
      after.files.set(path, {
        durable: current.slice(),
        current: current.slice(),
        dirty: new Set(),
      })
    }
    return after
  }

  async open(path: string, options: { create: boolean; direct?: boolean }): Promise<DiskFile> {
    if (options.direct === true && !this.directWorks) throw systemError('EINVAL')
    const known = this.files.get(path)
    if (options.create) {
      if (known !== undefined) throw systemError('EEXIST')
      const empty = new Uint8Array(0)
      this.files.set(path, { durable: empty, current: empty, dirty: new Set() })
      await this.change()
    } else if (known === undefined) {
      throw systemError('ENOENT')
    }
    this.openCount++
    return new CrashFile(this, path, this.files.get(path)!)
  }

  list(path: string): Promise<string[]> {
    const names = [...this.files.keys()].filter((name) => name.startsWith(`${path}/`))
    return Promise.resolve(names.map((name) => name.slice(path.length + 1)))
  }

  makeFolder(): Promise<void> {
    return Promise.resolve()
  }

  async remove(path: string): Promise<void> {
    if (this.files.delete(path)) await this.change()
  }

  replace(path: string, content: Uint8Array): Promise<void> {
    const bytes = content.slice()
    this.files.set(path, { durable: bytes, current: bytes, dirty: new Set() })
    return Promise.resolve()
  }

  readSmall(path: string): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.files.get(path)?.current.slice())
  }

  space(): Promise<DiskSpace> {
    const availableBytes = this.totalBytes - this.usedBytes
    return Promise.resolve({ availableBytes, totalBytes: this.totalBytes })
  }
}

class CrashFile implements DiskFile {
  readonly #disk: CrashDisk
  readonly #path: string
  readonly #state: FileState

  constructor(disk: CrashDisk, path: string, state: FileState) {
    this.#disk = disk
    this.#path = path
    this.#state = state
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    await this.#disk.beforeRead?.(this.#path, position)
    await new Promise((resolve) => setImmediate(resolve))
    const part = this.#state.current.subarray(position, position + target.length)
    target.set(part)
    return part.length
  }

  async write(source: Uint8Array, position: number): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve))
    const end = position + source.length
    const grown = Math.max(0, end - this.#state.current.length)
    if (this.#disk.usedBytes + grown > this.#disk.totalBytes) throw systemError(this.#disk.fullCode)
    this.#state.current = resized(this.#state.current, end)
    this.#state.current.set(source, position)
    for (let at = position; at < end; at += PAGE) this.#state.dirty.add(at / PAGE)
    await this.#disk.change()
  }

  async datasync(): Promise<void> {
    await this.#disk.duringSync?.()
    if (this.#disk.failSync) throw systemError('EIO')
    // Killed here, nothing has reached stable storage yet; killed at the end, all has.
    await this.#disk.change()
    const pages = [...this.#state.dirty]
    this.#state.dirty.clear()
    const { current } = this.#state
    const synced = pages.map((page) => current.slice(page * PAGE, (page + 1) * PAGE))
    await new Promise((resolve) => setImmediate(resolve))
    this.#disk.syncs++
    this.#state.durable = resized(this.#state.durable, current.length)
    pages.forEach((page, index) => this.#state.durable.set(synced[index]!, page * PAGE))
    await this.#disk.change()
  }

  sizeBytes(): Promise<number> {
    return Promise.resolve(this.#state.current.length)
  }

  close(): Promise<void> {
    this.#disk.openCount--
    return Promise.resolve()
  }
}
