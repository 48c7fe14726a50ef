/** The real disk: the only use of `node:fs` for data. */

import * as fs from 'node:fs'
import { dirname } from 'node:path'
import type { DiskFile, FolderDisk } from '../../base/disk.ts'
import { MIB } from '../../base/limits.ts'
import { KeyedMutex } from '../../base/semaphore.ts'

/** Up to this a write goes into the page cache at once: cheaper than a hop to another thread. */
const SMALL_WRITE_BYTES_MAX = 4096
const SMALL_FILE_BYTES_MAX = 16 * MIB
const OWNER_ONLY = 0o600
const NO_LINKS = ['EXDEV', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']

/** A call of the callback kind as a promise; `node:fs/promises` costs up to twice as much. */
function call<T>(start: (done: (error: Error | null, value: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, value) => {
      if (error === null) resolve(value)
      else reject(error)
    })
  })
}

function run(start: (done: (error: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => {
      if (error === null) resolve()
      else reject(error)
    })
  })
}

class SystemFile implements DiskFile {
  readonly #fd: number
  readonly #isDirect: boolean

  constructor(fd: number, isDirect: boolean) {
    this.#fd = fd
    this.#isDirect = isDirect
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    let count = 0
    while (count < target.length) {
      const offset = count
      const got = await call<number>((done) =>
        fs.read(this.#fd, target, offset, target.length - offset, position + offset, done),
      )
      count += got
      // A direct read that ends off a page has met the end of the file.
      if (got === 0 || (this.#isDirect && got % 4096 !== 0)) break
    }
    return count
  }

  async write(source: Uint8Array, position: number): Promise<void> {
    let count = 0
    if (source.length <= SMALL_WRITE_BYTES_MAX && !this.#isDirect) {
      count = fs.writeSync(this.#fd, source, 0, source.length, position)
    }
    while (count < source.length) {
      const offset = count
      count += await call<number>((done) =>
        fs.write(this.#fd, source, offset, source.length - offset, position + offset, done),
      )
    }
  }

  datasync(): Promise<void> {
    return run((done) => fs.fdatasync(this.#fd, done))
  }

  async sizeBytes(): Promise<number> {
    return (await call<fs.Stats>((done) => fs.fstat(this.#fd, done))).size
  }

  close(): Promise<void> {
    return run((done) => fs.close(this.#fd, done))
  }
}

const replacing = new KeyedMutex()

function openFile(path: string, flags: number): Promise<number> {
  return call((done) => fs.open(path, flags, OWNER_ONLY, done))
}

async function syncFolder(path: string): Promise<void> {
  const fd = await openFile(path, fs.constants.O_RDONLY)
  try {
    await run((done) => fs.fsync(fd, done))
  } finally {
    await run((done) => fs.close(fd, done))
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

async function makeFolder(path: string): Promise<void> {
  const parent = dirname(path)
  try {
    await run((done) => fs.mkdir(path, { mode: 0o700 }, done))
  } catch (error) {
    if (isCode(error, 'ENOENT') && parent !== path) {
      await makeFolder(parent)
      await makeFolder(path)
      return
    }
    if (!isCode(error, 'EEXIST') && !isCode(error, 'EISDIR')) throw error
    const stats = await call<fs.Stats>((done) => fs.stat(path, done))
    if (!stats.isDirectory()) throw error
    return
  }
  await syncFolder(parent)
}

async function replace(path: string, content: Uint8Array): Promise<void> {
  const draft = `${path}.new`
  const { O_WRONLY, O_CREAT, O_TRUNC } = fs.constants
  const fd = await openFile(draft, O_WRONLY | O_CREAT | O_TRUNC)
  try {
    await run((done) => fs.fchmod(fd, OWNER_ONLY, done))
    await new SystemFile(fd, false).write(content, 0)
    await run((done) => fs.fsync(fd, done))
  } finally {
    await run((done) => fs.close(fd, done))
  }
  await run((done) => fs.rename(draft, path, done))
  await syncFolder(dirname(path))
}

async function open(
  path: string,
  options: { readonly create: boolean; readonly direct?: boolean },
): Promise<DiskFile> {
  const { O_RDWR, O_CREAT, O_EXCL, O_DIRECT } = fs.constants
  const isDirect = options.direct === true
  if (isDirect && (O_DIRECT as number | undefined) === undefined) {
    const cause = `Cannot open "${path}": this platform has no direct access`
    throw Object.assign(new Error(cause), { code: 'EINVAL' })
  }
  const create = options.create ? O_CREAT | O_EXCL : 0
  const fd = await openFile(path, O_RDWR | create | (isDirect ? O_DIRECT : 0))
  if (options.create) {
    await run((done) => fs.fsync(fd, done))
    await syncFolder(dirname(path))
  }
  return new SystemFile(fd, isDirect)
}

export const systemDisk: FolderDisk = {
  open,
  makeFolder,
  replace: (path, content) => replacing.run(path, () => replace(path, content)),

  async list(path) {
    try {
      return await call<string[]>((done) => fs.readdir(path, done))
    } catch (error) {
      if (isCode(error, 'ENOENT')) return []
      throw error
    }
  },

  async remove(path) {
    try {
      await run((done) => fs.unlink(path, done))
    } catch (error) {
      if (isCode(error, 'ENOENT')) return
      throw error
    }
    await syncFolder(dirname(path))
  },

  async readSmall(path) {
    try {
      const { size } = await call<fs.Stats>((done) => fs.stat(path, done))
      if (size > SMALL_FILE_BYTES_MAX) {
        throw new RangeError(`Cannot read "${path}" whole: it has ${size} bytes`)
      }
      return await call<Uint8Array>((done) => fs.readFile(path, done))
    } catch (error) {
      if (isCode(error, 'ENOENT')) return undefined
      throw error
    }
  },

  async space(path) {
    const found = await call<fs.StatsFs>((done) => fs.statfs(path, done))
    return {
      availableBytes: found.bavail * found.bsize,
      totalBytes: found.blocks * found.bsize,
    }
  },

  async link(from, to) {
    try {
      await run((done) => fs.link(from, to, done))
    } catch (error) {
      // What file systems without second names say, and one for a name in another.
      if (!NO_LINKS.some((code) => isCode(error, code))) throw error
      await run((done) => fs.copyFile(from, to, fs.constants.COPYFILE_EXCL, done))
    }
  },

  async renameFolder(from, to) {
    await syncFolder(from)
    await run((done) => fs.rename(from, to, done))
    await syncFolder(dirname(to))
  },

  async removeFolder(path) {
    await run((done) => fs.rm(path, { recursive: true, force: true }, done))
    await syncFolder(dirname(path))
  },
}
