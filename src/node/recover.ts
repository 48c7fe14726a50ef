/** Lets a node whose database lost rows go on without them. The node itself must not run. */

import { DomainError } from '../base/errors.ts'
import { silentLog } from '../base/log.ts'
import type { Log } from '../base/log.ts'
import { openRows } from '../db/open.ts'
import type { OpenRowsOptions } from '../db/open.ts'
import { assertIdentityKept } from './cluster/membership.ts'
import { systemClock } from './system/clock.ts'
import { systemDisk } from './system/disk.ts'
import { systemLog } from './system/log.ts'
import { systemRng } from './system/rng.ts'

export interface Recovery {
  /** `broken`: something is missing and nothing was changed. */
  readonly kind: 'intact' | 'broken' | 'accepted'
  /** What was found and done, for people. */
  readonly sentence: string
}

/**
 * Reads every row of a stopped node's database and says what it lacks; with `acceptLoss` begins a
 * new incarnation without it.
 *
 * @throws {NodeError} `FolderUnusable` of a node of a cluster without its identity
 * @throws {DbFault} `Locked` while the node runs, `NewerFormat`, or what even the loss cannot mend
 */
export async function recoverNode(
  metadataDir: string,
  options: {
    readonly acceptLoss: boolean
    /** Told now and then how many rows were read. */
    readonly progressed?: (rows: number) => void
  },
): Promise<Recovery> {
  await assertIdentityKept(systemDisk, metadataDir)
  const readAll = options.progressed ?? (() => undefined)
  const missing = await findMissing(metadataDir, readAll)
  if (missing === undefined) {
    return { kind: 'intact', sentence: 'The database is whole: there is nothing to recover.' }
  }
  if (!options.acceptLoss)
    return { kind: 'broken', sentence: `The database is damaged: ${missing}.` }
  const log = systemLog({ level: 'error', output: 'stderr' })
  const rows = await openRows({ ...openOptions(metadataDir, log), readAll, acceptLoss: true })
  await rows.db.close()
  await log.flush()
  return {
    kind: 'accepted',
    sentence:
      `Accepted: ${missing}.\nThe node has begun a new incarnation and takes writes once started; ` +
      'then run `hangar check`.',
  }
}

async function findMissing(
  metadataDir: string,
  readAll: (rows: number) => void,
): Promise<string | undefined> {
  try {
    const rows = await openRows({ ...openOptions(metadataDir, silentLog), readAll })
    await rows.db.close()
    return rows.sealStatus.broken
  } catch (error) {
    if (error instanceof DomainError && error.code === 'CannotOpen') return error.message
    throw error
  }
}

function openOptions(folder: string, log: Log): OpenRowsOptions {
  return {
    folder,
    disk: systemDisk,
    clock: systemClock,
    rng: systemRng(),
    log,
    onFatal: (fault) => log.error({ code: fault.code }, fault.message),
  }
}
