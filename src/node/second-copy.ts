/**
 * What makes this node this node, a second time: beside its blocks. A metadata folder that was lost
 * whole then comes back as that of the same node, which recovers its rows from the other owners.
 */

import { join } from 'node:path'
import type { Disk } from '../base/disk.ts'
import { DomainError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { StoredMembers } from '../cluster/members.ts'
import { readIdentity, writeIdentity, type Identity } from '../db/identity.ts'
import { readState, writeState } from '../db/state-file.ts'
import type { Folders } from './options.ts'

const IDENTITY_COPY = 'hangar-identity'
const LAYOUT_COPY = 'hangar-layout'

interface Place {
  readonly disk: Disk
  readonly folders: Folders
}

/**
 * Puts identity and layout back where there is no identity: before the rows are opened. The layout
 * comes first, so that a crash in between leaves it to be done again.
 *
 * @throws {DbFault} `NewerFormat`
 */
export async function restoreFromCopy({
  disk,
  folders,
  log,
}: Place & { readonly log: Log }): Promise<void> {
  const path = join(folders.metadata, 'identity')
  if ((await disk.readSmall(path)) !== undefined) return
  const identity = await soundOnly(readIdentity(disk, join(folders.blocks, IDENTITY_COPY)))
  if (identity === undefined) return
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

/** At each start: it may be another life of the database. */
export async function copyIdentity({ disk, folders }: Place, identity: Identity): Promise<void> {
  await writeIdentity(disk, join(folders.blocks, IDENTITY_COPY), identity)
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
