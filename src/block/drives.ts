/** The folders that blocks lie in: whose they are, how they are written, how full they are. */

import { pack, unpack } from '../base/codec.ts'
import type { Clock } from '../base/clock.ts'
import type { Disk } from '../base/disk.ts'
import type { NodeId } from '../base/ids.ts'
import { driveReserveBytes } from '../base/drive-room.ts'
import { DRIVES_MAX, PAGE_BYTES } from '../base/limits.ts'
import type { DriveStatus } from './blocks.ts'
import { BlockError, systemCode } from './errors.ts'
import type { Segment } from './segment/segment.ts'
import { SegmentFiles } from './segment/files.ts'
import { parseSegmentFileName } from './segment/segment.ts'

const MARKER_FORMAT = 1
const MARKER_NAME = 'hangar-blocks'
const PROBE_NAME = 'direct-probe'
/** How long a reading of the free space is believed. */
const SPACE_AGE_MICROS = 1_000_000

/** What a folder says about itself: without it, or with another's, nothing is read or written. */
interface Marker {
  readonly format: number
  readonly node: string
  readonly drive: number
}

/** One folder in use. */
export class Drive {
  readonly number: number
  readonly folder: string
  readonly direct: boolean
  readonly files: SegmentFiles
  readonly segments = new Map<number, Segment>()
  /** Above the number of every segment that is or was here since start. */
  nextSegment = 1
  readonly #disk: Disk
  readonly #clock: Clock
  #failure: BlockError | undefined
  #availableBytes = 0
  #totalBytes = 0
  #spaceMicros = -Infinity

  constructor(
    place: { number: number; folder: string; direct: boolean },
    disk: Disk,
    clock: Clock,
  ) {
    this.number = place.number
    this.folder = place.folder
    this.direct = place.direct
    this.files = new SegmentFiles(disk, place.folder, place.direct)
    this.#disk = disk
    this.#clock = clock
  }

  get failed(): boolean {
    return this.#failure !== undefined
  }

  /** From now on nothing is acknowledged here. The first cause is the one that is kept. */
  fail(cause: unknown): BlockError {
    this.#failure ??= new BlockError(
      'DriveFailed',
      `Cannot write blocks to "${this.folder}": ${systemCode(cause) ?? String(cause)}`,
      { details: { folder: this.folder }, cause },
    )
    return this.#failure
  }

  /** @throws {BlockError} `DriveFailed` once it has failed */
  assertSound(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  get availableBytes(): number {
    return this.#availableBytes
  }

  /** Whether no more than the reserve is left, as of the last reading. */
  get isFull(): boolean {
    return this.#availableBytes < this.#reserveBytes
  }

  get #reserveBytes(): number {
    return driveReserveBytes(this.#totalBytes)
  }

  /** Reads the free space unless that was done within the last second. */
  async readSpace(now = false): Promise<void> {
    const micros = this.#clock.monotonicMicros()
    if (!now && micros - this.#spaceMicros < SPACE_AGE_MICROS) return
    this.#spaceMicros = micros
    const space = await this.#disk.space(this.folder)
    this.#availableBytes = space.availableBytes
    this.#totalBytes = space.totalBytes
  }

  /** Whether `bytes` more may be taken; `reserve` says that the reserve may be used for it. */
  async hasRoomFor(bytes: number, reserve: boolean): Promise<boolean> {
    await this.readSpace(true)
    return this.#availableBytes - bytes >= (reserve ? 0 : this.#reserveBytes)
  }

  async status(): Promise<DriveStatus> {
    await this.readSpace(true)
    const segments = [...this.segments.values()]
    return {
      path: this.folder,
      direct: this.direct,
      availableBytes: this.#availableBytes,
      totalBytes: this.#totalBytes,
      segmentCount: segments.length,
      liveBytes: segments.reduce((sum, segment) => sum + segment.liveBytes, 0),
    }
  }
}

export interface MountOptions {
  readonly disk: Disk
  readonly clock: Clock
  readonly nodeId: NodeId
  readonly folders: readonly string[]
  /** Drives that hold something, by their rows. */
  readonly known: ReadonlySet<number>
  /** At least a page, page-aligned, zero: for the probe. */
  readonly probe: Uint8Array
}

/**
 * Takes the folders into use. Each must carry this node's marker, or be new and empty.
 *
 * @throws {BlockError} `DriveRefused` when one is another node's, of a newer format, without its
 *   marker, or when a drive that holds blocks is in none of them
 */
export async function mountDrives(options: MountOptions): Promise<Drive[]> {
  const { disk, folders, known } = options
  const markers = new Map<string, Marker | undefined>()
  for (const folder of folders) markers.set(folder, await readMarker(options, folder))
  const taken = new Set<number>()
  for (const [folder, marker] of markers) {
    if (marker === undefined) continue
    if (taken.has(marker.drive)) throw refused(folder, `drive ${marker.drive} is mounted twice`)
    taken.add(marker.drive)
  }
  for (const drive of known) {
    if (taken.has(drive)) continue
    throw refused(folders.join('", "'), `drive ${drive} of this node is in none of them`)
  }
  const drives: Drive[] = []
  for (const [folder, marker] of markers) {
    const number = marker?.drive ?? (await adopt(options, folder, taken))
    const direct = await probeDirect(disk, folder, options.probe)
    const drive = new Drive({ number, folder, direct }, disk, options.clock)
    await drive.readSpace(true)
    drives.push(drive)
  }
  return drives
}

function refused(folder: string, why: string): BlockError {
  return new BlockError('DriveRefused', `Cannot use "${folder}" for blocks: ${why}`, {
    details: { folder },
  })
}

async function readMarker(options: MountOptions, folder: string): Promise<Marker | undefined> {
  const bytes = await options.disk.readSmall(`${folder}/${MARKER_NAME}`)
  if (bytes === undefined) {
    const names = await options.disk.list(folder)
    if (!names.some((name) => parseSegmentFileName(name) !== undefined)) return undefined
    throw refused(folder, `it holds segments but not "${MARKER_NAME}", which says whose they are`)
  }
  const marker = decodeMarker(bytes)
  if (marker === undefined) throw refused(folder, `"${MARKER_NAME}" cannot be read`)
  if (marker.format !== MARKER_FORMAT) {
    throw refused(folder, `its format is ${marker.format}, wanted ${MARKER_FORMAT}`)
  }
  if (marker.node !== options.nodeId) {
    throw refused(folder, `it belongs to node "${marker.node}", this is "${options.nodeId}"`)
  }
  return marker
}

function decodeMarker(bytes: Uint8Array): Marker | undefined {
  try {
    const [format, node, drive] = unpack(bytes) as [unknown, unknown, unknown]
    if (typeof format !== 'number' || typeof node !== 'string') return undefined
    if (!Number.isInteger(drive) || (drive as number) < 0 || (drive as number) >= DRIVES_MAX) {
      return undefined
    }
    return { format, node, drive: drive as number }
  } catch {
    return undefined
  }
}

/** Makes a new folder this node's, under the lowest free number. */
async function adopt(options: MountOptions, folder: string, taken: Set<number>): Promise<number> {
  let drive = 0
  while (taken.has(drive)) drive++
  if (drive >= DRIVES_MAX) throw refused(folder, `there are ${DRIVES_MAX} drives already`)
  taken.add(drive)
  await options.disk.makeFolder(folder)
  const marker = pack([MARKER_FORMAT, options.nodeId, drive])
  await options.disk.replace(`${folder}/${MARKER_NAME}`, marker)
  return drive
}

/** Whether files of the folder can be written past the page cache. */
async function probeDirect(disk: Disk, folder: string, probe: Uint8Array): Promise<boolean> {
  const path = `${folder}/${PROBE_NAME}`
  await disk.remove(path)
  try {
    const file = await disk.open(path, { create: true, direct: true })
    try {
      await file.write(probe.subarray(0, PAGE_BYTES), 0)
      await file.datasync()
    } finally {
      await file.close()
    }
    return true
  } catch {
    return false
  } finally {
    await disk.remove(path)
  }
}
