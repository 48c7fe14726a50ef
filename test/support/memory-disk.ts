/** A disk in memory that can lose power: what was not synced is kept or lost, sector by sector. */

import type { Clock } from '../../src/base/clock.ts'
import type { Disk, DiskFile, DiskSpace } from '../../src/base/disk.ts'

const SECTOR_BYTES = 512

interface Node {
  /** What is on stable storage, and what a reader sees. */
  stable: Buffer
  seen: Buffer
  /** Writes that no sync has covered yet. */
  unsynced: { readonly position: number; readonly bytes: Buffer }[]
}

export interface MemoryDiskOptions {
  readonly clock: Clock
  /** How long the next call takes, in ms of the clock. */
  readonly delayMs: () => number
  /** From 0 up to 1: decides what an unsynced sector comes to when power is cut. */
  readonly chance: () => number
}

/** Names and contents outlive `cut`; calls in flight at the cut never come back. */
export class MemoryDisk implements Disk {
  readonly #options: MemoryDiskOptions
  readonly #nodes = new Map<string, Node>()
  #life = 0

  constructor(options: MemoryDiskOptions) {
    this.#options = options
  }

  /** Power fails: each unsynced sector is as it was or as it was written. */
  cut(): void {
    this.#life += 1
    for (const node of this.#nodes.values()) {
      for (const { position, bytes } of node.unsynced) {
        for (let offset = 0; offset < bytes.length; offset += SECTOR_BYTES) {
          if (this.#options.chance() < 0.5) continue
          node.stable = overwrite(
            node.stable,
            bytes.subarray(offset, offset + SECTOR_BYTES),
            position + offset,
          )
        }
      }
      node.unsynced = []
      node.seen = Buffer.from(node.stable)
    }
  }

  async open(path: string, options: { readonly create: boolean }): Promise<DiskFile> {
    await this.#pass()
    const found = this.#nodes.get(path)
    if (options.create && found !== undefined) throw systemError('EEXIST', path)
    if (!options.create && found === undefined) throw systemError('ENOENT', path)
    const node = found ?? { stable: Buffer.alloc(0), seen: Buffer.alloc(0), unsynced: [] }
    this.#nodes.set(path, node)
    return this.#fileOf(node)
  }

  async list(path: string): Promise<string[]> {
    await this.#pass()
    const names = [...this.#nodes.keys()].filter((name) => name.startsWith(`${path}/`))
    return [...new Set(names.map((name) => name.slice(path.length + 1).split('/')[0]!))]
  }

  makeFolder(): Promise<void> {
    return this.#pass()
  }

  async remove(path: string): Promise<void> {
    await this.#pass()
    this.#nodes.delete(path)
  }

  async replace(path: string, content: Uint8Array): Promise<void> {
    await this.#pass()
    const bytes = Buffer.from(content)
    this.#nodes.set(path, { stable: bytes, seen: Buffer.from(bytes), unsynced: [] })
    await this.#pass()
  }

  async readSmall(path: string): Promise<Uint8Array | undefined> {
    await this.#pass()
    const node = this.#nodes.get(path)
    return node && Uint8Array.from(node.seen)
  }

  async space(): Promise<DiskSpace> {
    await this.#pass()
    return { availableBytes: 2 ** 40, totalBytes: 2 ** 41 }
  }

  #fileOf(node: Node): DiskFile {
    return {
      read: async (target, position) => {
        await this.#pass()
        return node.seen.copy(target, 0, position, position + target.length)
      },
      write: async (source, position) => {
        const bytes = Buffer.from(source)
        await this.#pass()
        node.seen = overwrite(node.seen, bytes, position)
        node.unsynced.push({ position, bytes })
      },
      datasync: async () => {
        const covered = node.unsynced.length
        await this.#pass()
        for (const { position, bytes } of node.unsynced.splice(0, covered)) {
          node.stable = overwrite(node.stable, bytes, position)
        }
      },
      sizeBytes: async () => {
        await this.#pass()
        return node.seen.length
      },
      close: () => this.#pass(),
    }
  }

  /** Takes the time of one call; never comes back when power was cut meanwhile. */
  #pass(): Promise<void> {
    const life = this.#life
    return new Promise((resolve) => {
      this.#options.clock.after(this.#options.delayMs(), () => {
        if (life === this.#life) resolve()
      })
    })
  }
}

function overwrite(content: Buffer, bytes: Buffer, position: number): Buffer {
  const size = Math.max(content.length, position + bytes.length)
  const next = Buffer.alloc(size)
  content.copy(next)
  bytes.copy(next, position)
  return next
}

function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: "${path}"`), { code })
}
