/** Opens the rows of a node, and says in words why they cannot be: what is lost is copied anew. */

import { DomainError } from '../base/errors.ts'
import { openRows, type Rows } from '../db/open.ts'
import type { Closers } from './closers.ts'
import { assertIdentityKept, hasOtherCopies } from './cluster/membership.ts'
import { NodeError } from './errors.ts'
import type { Ground } from './ground.ts'
import type { Folders } from './options.ts'
import { IdentityCopy, restoreFromCopy } from './second-copy.ts'
import { systemDisk } from './system/disk.ts'

interface RowsParts {
  readonly ground: Ground
  readonly folders: Folders
  readonly closers: Closers
}

/** @throws {NodeError} `FolderUnusable` when the system refuses the folder */
export async function openNodeRows(
  parts: RowsParts,
  fatal: (sentence: string) => void,
): Promise<{ readonly rows: Rows; readonly copy: IdentityCopy }> {
  const { folders, ground, closers } = parts
  const { clock, disk, rng, log, simulated } = ground
  const folder = folders.metadata
  const open = (acceptLoss: boolean): Promise<Rows> =>
    openRows({
      onFatal: (fault) => fatal(`The rows cannot be written: ${fault.message}`),
      ...{ folder, clock, rng, log, acceptLoss },
      // LevelDB opens its files itself, on the one disk that is real.
      ...(simulated === undefined
        ? { disk: systemDisk }
        : { disk, engineHome: simulated.engineHome }),
    })
  const copy = new IdentityCopy({ disk, folders })
  try {
    await restoreFromCopy({ disk, folders, log })
    await assertIdentityKept(disk, folder)
    const rows = await openOrRecover(open, () => hasOtherCopies(disk, folder))
    closers.add(() =>
      copy.end().catch((error: unknown) => {
        // It is only a copy: the stop goes on.
        log.warn({ error: String(error) }, 'The copy of the identity could not be renewed')
      }),
    )
    closers.add(() => rows.db.close())
    return { rows, copy }
  } catch (error) {
    throw folderFault(error, folder)
  }
}

/** What is missing here is copied from the other owners, where every partition has some. */
async function openOrRecover(
  open: (acceptLoss: boolean) => Promise<Rows>,
  mayRecover: () => Promise<boolean>,
): Promise<Rows> {
  try {
    const rows = await open(false)
    if (rows.sealStatus.broken === undefined || !(await mayRecover())) return rows
    await rows.db.close()
  } catch (error) {
    const isUnreadable = error instanceof DomainError && error.code === 'CannotOpen'
    if (!isUnreadable || !(await mayRecover())) throw error
  }
  return open(true)
}

function folderFault(error: unknown, folder: string): unknown {
  if (error instanceof DomainError) {
    const hints: Readonly<Record<string, string>> = {
      Locked: 'stop it, or name another folder',
      NotUsable: 'run this as the owner of the folder, with space left on its drive',
      CannotOpen: 'put the lost files back, or run `hangar recover`, which says what is missing',
      NewerFormat: 'run the version of Hangar that wrote it, or a newer one',
    }
    const hint = hints[String(error.code)]
    if (hint === undefined) return error
    return new NodeError('FolderUnusable', `${error.message}: ${hint}`, { cause: error })
  }
  const code = (error as { code?: unknown } | undefined)?.code
  const why =
    code === 'EACCES' || code === 'EPERM'
      ? `this user (uid ${process.getuid?.() ?? '?'}) may not write there: chown it, or run as its owner`
      : code === 'EROFS'
        ? 'the file system is read-only'
        : code === 'ENOTDIR' || code === 'EEXIST'
          ? 'it, or what it lies in, is a file'
          : code === 'ENOSPC'
            ? 'the drive is full'
            : undefined
  if (why === undefined) return error
  const message = `Cannot use the folder "${folder}": ${why}`
  return new NodeError('FolderUnusable', message, { cause: error })
}
