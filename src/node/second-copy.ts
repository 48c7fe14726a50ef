/**
 * What makes this node this node, a second time: beside its blocks. A metadata folder that was lost
 * whole then comes back as that of the same node, which recovers its rows from the other owners.
 */

import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import type { Disk } from '../base/disk.ts'
import { DomainError } from '../base/errors.ts'
import { IDENTITY_COPIED_EVERY_MS } from '../base/limits.ts'
import type { Log } from '../base/log.ts'
import type { StoredMembers } from '../cluster/members.ts'
import { readIdentity, writeIdentity, type Identity } from '../db/identity.ts'
import type { Rows } from '../db/open.ts'
import { readState, writeState } from '../db/state-file.ts'
import { WorkerRunner } from '../worker/runner.ts'
import type { Worker, WorkState } from '../worker/worker.ts'
import type { Closers } from './closers.ts'
import type { Folders } from './options.ts'

const IDENTITY_COPY = 'hangar-identity'
const LAYOUT_COPY = 'hangar-layout'

interface Place {
  readonly disk: Disk
  readonly folders: Folders
}

/**
 * Puts identity and layout back where there is no identity: before the rows are opened. The layout
 * comes first, so that a crash in between leaves it to be done again. Where there is one, it is told
 * of later groups than its own, if the copy knows of such.
 *
 * @throws {DbFault} `NewerFormat`
 */
export async function restoreFromCopy({
  disk,
  folders,
  log,
}: Place & { readonly log: Log }): Promise<void> {
  const path = join(folders.metadata, 'identity')
  const isThere = (await disk.readSmall(path)) !== undefined
  const identity = await soundOnly(readIdentity(disk, join(folders.blocks, IDENTITY_COPY)))
  if (identity === undefined) return
  if (isThere) {
    await raiseWitness({ disk, path }, identity)
    return
  }
  const layout = await soundOnly(readState(disk, join(folders.blocks, LAYOUT_COPY)))
  await disk.makeFolder(folders.metadata)
  if (layout !== undefined) {
    await writeState(disk, join(folders.metadata, 'layout'), layout as StoredMembers)
  }
  await writeIdentity(disk, path, { ...identity, isDatabaseMade: true })
  log.warn(
    { metadata: folders.metadata, copy: folders.blocks },
    'the metadata folder was lost: identity and layout were taken from their copy beside the blocks',
  )
}

/**
 * A metadata folder that was put back whole is sound in itself. But the copy beside the blocks knows
 * of a later group: the identity takes that over, and the seal notices.
 */
async function raiseWitness(
  { disk, path }: { readonly disk: Disk; readonly path: string },
  copy: Identity,
): Promise<void> {
  const own = await soundOnly(readIdentity(disk, path))
  if (own === undefined || own.nodeKey !== copy.nodeKey || own.sealed >= copy.sealed) return
  await writeIdentity(disk, path, { ...own, sealed: copy.sealed })
}

/** The copy of the identity, which also remembers how far the database has come. */
export class IdentityCopy implements Worker {
  readonly name = 'identity-copy'
  readonly tranquility = 0
  readonly intervalMs = IDENTITY_COPIED_EVERY_MS
  readonly #place: Place
  #rows: Rows | undefined
  #sealed = 0

  constructor(place: Place) {
    this.#place = place
  }

  /** At each start, once the folder of the blocks is known to be this node's. */
  async begin(
    rows: Rows,
    context: { readonly clock: Clock; readonly log: Log; readonly closers: Closers },
  ): Promise<void> {
    // What a broken seal still has is less than what the copy knows of.
    if (rows.sealStatus.broken !== undefined) return
    this.#rows = rows
    try {
      await this.#write(rows)
    } catch (error) {
      // It is only a copy, and its worker tries again: a full drive must not keep the node from starting.
      context.log.warn({ error: String(error) }, 'The copy of the identity could not be renewed')
    }
    const runner = new WorkerRunner(this, context)
    runner.start()
    context.closers.add(() => runner.stop())
  }

  async work(): Promise<WorkState> {
    await this.end()
    return 'idle'
  }

  /** Also after the database was closed. */
  async end(): Promise<void> {
    if (this.#rows !== undefined && this.#rows.sequence() > this.#sealed) {
      await this.#write(this.#rows)
    }
  }

  async #write(rows: Rows): Promise<void> {
    const { disk, folders } = this.#place
    const sealed = rows.sequence()
    await writeIdentity(disk, join(folders.blocks, IDENTITY_COPY), { ...rows.identity(), sealed })
    this.#sealed = sealed
  }
}

/** Before the layout counts as kept: the copy is never behind what others were told. */
export async function copyLayout({ disk, folders }: Place, state: StoredMembers): Promise<void> {
  await writeState(disk, join(folders.blocks, LAYOUT_COPY), state)
}

/** A damaged copy is as good as none. */
async function soundOnly<State>(reading: Promise<State>): Promise<State | undefined> {
  try {
    return await reading
  } catch (error) {
    if (error instanceof DomainError && error.code === 'CannotOpen') return undefined
    throw error
  }
}
