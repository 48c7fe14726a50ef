/** The drive of a simulated node: what was not synced is kept or lost when the power fails. */

import type { Clock } from '../base/clock.ts'
import type { Disk, DiskFile, DiskSpace } from '../base/disk.ts'
import type { SeededRng } from './seeded-rng.ts'

const SECTOR_BYTES = 512
const TOTAL_BYTES = 2 ** 40
const AT_ONCE_CHANCE = 0.8

interface Write {
  readonly position: number
  readonly bytes: Uint8Array
}

/** A file: what is on stable storage, what readers see, and what lies between. */
class FileState {
  stable: Uint8Array
  seen: Uint8Array
  size: number
  stableSize: number
  unsynced: Write[] = []

  constructor(content: Uint8Array) {
    this.stable = content.slice()
    this.seen = content.slice()
    this.size = content.length
    this.stableSize = content.length
  }

  write(write: Write): void {
    const end = write.position + write.bytes.length
    this.seen = grown(this.seen, end)
    this.seen.set(write.bytes, write.position)
    this.size = Math.max(this.size, end)
    this.unsynced.push(write)
  }

  sync(writes: readonly Write[]): void {
    for (const { position, bytes } of writes) this.#settle(position, bytes)
  }

  /** Taken for written though the drive may not have them: nobody tells of them again. */
  lose(writes: readonly Write[], keeps: () => boolean): void {
    for (const { position, bytes } of writes) {
      for (let at = 0; at < bytes.length; at += SECTOR_BYTES) {
        if (keeps()) this.#settle(position + at, bytes.subarray(at, at + SECTOR_BYTES))
      }
    }
  }

  /** Each unsynced sector is as it was or as it was written. */
  tear(keeps: () => boolean): void {
    this.lose(this.unsynced, keeps)
    this.unsynced = []
    this.seen = this.stable.slice()
    this.size = this.stableSize
  }

  #settle(position: number, bytes: Uint8Array): void {
    const end = position + bytes.length
    this.stable = grown(this.stable, end)
    this.stable.set(bytes, position)
    this.stableSize = Math.max(this.stableSize, end)
  }
}

function grown(bytes: Uint8Array, size: number): Uint8Array {
  if (bytes.length >= size) return bytes
  const larger = new Uint8Array(Math.max(size, 2 * bytes.length))
  larger.set(bytes)
  return larger
}

/** How long a call of the drive takes, and one that writes. */
interface Passing {
  readonly pass: () => Promise<void>
  readonly passWrite: () => Promise<void> | undefined
}

/** What outlives every life of a node. `of` gives each life its own view. */
export class SimulatedDisk {
  readonly #files = new Map<string, FileState>()
  readonly #rng: SeededRng
  /** Writes that grow a file fail with ENOSPC. */
  isFull = false
  /** Bytes of which a bit was flipped. */
  readonly rotten: { readonly path: string; readonly at: number }[] = []
  /** Reads of such files fail with EIO. */
  unreadable: RegExp | undefined
  /** The next sync of such a file fails with EIO, once. */
  unsyncable: RegExp | undefined
  /** Calls that failed with EIO. */
  errorCount = 0

  constructor(rng: SeededRng) {
    this.#rng = rng
  }

  /** Nothing fails any more. */
  heal(): void {
    this.isFull = false
    this.unreadable = undefined
    this.unsyncable = undefined
  }

  /** Whether a sync of the file fails now. What it covered is on the drive in part, or not. */
  failsSync(path: string): boolean {
    if (this.unsyncable?.test(path) !== true) return false
    this.unsyncable = undefined
    this.errorCount += 1
    return true
  }

  #assertReadable(path: string): void {
    if (this.unreadable?.test(path) !== true) return
    this.errorCount += 1
    throw systemError('EIO')
  }

  /** The process was killed: the system still has every finished write. */
  kill(): void {
    for (const file of this.#files.values()) {
      file.sync(file.unsynced)
      file.unsynced = []
    }
  }

  /** The power failed. */
  cut(): void {
    for (const file of this.#files.values()) file.tear(() => this.#rng.chance(0.5))
  }

  /** What would be left of a file after a power failure now. */
  stored(path: string): Uint8Array | undefined {
    const file = this.#files.get(path)
    return file?.stable.subarray(0, file.stableSize)
  }

  /** What is on stable storage now; the function puts it back. */
  remember(): () => void {
    const copies = [...this.#files].map(([path, { stable, stableSize }]) => {
      return [path, stable.slice(0, stableSize)] as const
    })
    return () => {
      this.#files.clear()
      for (const [path, bytes] of copies) this.#files.set(path, new FileState(bytes))
    }
  }

  /** Flips one bit of a file whose name fits. False when there is none with content. */
  rot(name: RegExp): boolean {
    const files = [...this.#files].filter(([path, { stableSize }]) => name.test(path) && stableSize)
    if (files.length === 0) return false
    const [path, file] = this.#rng.pick(files)
    const at = this.#rng.below(file.stableSize)
    const bit = 1 << this.#rng.below(8)
    this.rotten.push({ path, at })
    file.stable[at]! ^= bit
    file.seen[at]! ^= bit
    return true
  }

  /** @param delayMs how long the next call takes by `clock`, which ends with the life */
  of(clock: Clock & { readonly isOver?: boolean }, delayMs: () => number): Disk {
    const files = this.#files
    const pass = (): Promise<void> => new Promise((resolve) => void clock.after(delayMs(), resolve))
    // What is written lies in the system's memory at once; only now and then that has to wait.
    const passWrite = (): Promise<void> | undefined =>
      clock.isOver !== true && this.#rng.chance(AT_ONCE_CHANCE) ? undefined : pass()
    const fileOf = (state: FileState, path: string): DiskFile =>
      this.#file(state, path, { pass, passWrite })
    return {
      open: async (path, { create }) => {
        await pass()
        const found = files.get(path)
        if (create && found !== undefined) throw systemError('EEXIST')
        if (!create && found === undefined) throw systemError('ENOENT')
        const state = found ?? new FileState(new Uint8Array(0))
        files.set(path, state)
        return fileOf(state, path)
      },
      list: async (path) => {
        await pass()
        const names = [...files.keys()].filter((name) => name.startsWith(`${path}/`))
        return [...new Set(names.map((name) => name.slice(path.length + 1).split('/')[0]!))]
      },
      makeFolder: () => pass(),
      remove: async (path) => {
        await pass()
        files.delete(path)
      },
      replace: async (path, content) => {
        const bytes = content.slice()
        await pass()
        if (this.failsSync(path)) throw systemError('EIO')
        files.set(path, new FileState(bytes))
        await pass()
      },
      readSmall: async (path) => {
        await pass()
        this.#assertReadable(path)
        const state = files.get(path)
        return state?.seen.slice(0, state.size)
      },
      space: async (): Promise<DiskSpace> => {
        await pass()
        return { availableBytes: this.isFull ? 0 : TOTAL_BYTES / 2, totalBytes: TOTAL_BYTES }
      },
    }
  }

  #file(state: FileState, path: string, { pass, passWrite }: Passing): DiskFile {
    return {
      read: async (target, position) => {
        await pass()
        this.#assertReadable(path)
        const part = state.seen.subarray(position, Math.min(position + target.length, state.size))
        target.set(part)
        return part.length
      },
      write: async (source, position) => {
        // Small ones share memory, which is theirs only until the next sync.
        const bytes = Buffer.from(source)
        await passWrite()
        if (this.isFull && position + bytes.length > state.size) throw systemError('ENOSPC')
        state.write({ position, bytes })
      },
      datasync: async () => {
        const covered = state.unsynced.length
        await pass()
        const writes = state.unsynced.splice(0, covered)
        if (this.failsSync(path)) {
          state.lose(writes, () => this.#rng.chance(0.5))
          throw systemError('EIO')
        }
        state.sync(writes)
      },
      sizeBytes: async () => {
        await pass()
        return state.size
      },
      close: () => pass(),
    }
  }
}

export function systemError(code: string): Error {
  return Object.assign(new Error(code), { code })
}
