/**
 * A process that accepts the loss of a damaged database, and ends itself (SIGKILL) before one of the changes that
 * this makes to names. Arguments: folder, number of the change (from 1).
 */

import { silentLog } from '../../src/base/log.ts'
import type { FolderDisk } from '../../src/base/disk.ts'
import { openRows } from '../../src/db/open.ts'
import { systemClock } from '../../src/node/system/clock.ts'
import { systemDisk } from '../../src/node/system/disk.ts'
import { systemRng } from '../../src/node/system/rng.ts'

const [folder, number] = process.argv.slice(2)
let changes = 0

function change<T>(make: () => Promise<T>): Promise<T> {
  changes += 1
  if (changes === Number(number)) process.kill(process.pid, 'SIGKILL')
  return make()
}

const disk: FolderDisk = {
  ...systemDisk,
  makeFolder: (path) => change(() => systemDisk.makeFolder(path)),
  replace: (path, content) => change(() => systemDisk.replace(path, content)),
  link: (from, to) => change(() => systemDisk.link(from, to)),
  renameFolder: (from, to) => change(() => systemDisk.renameFolder(from, to)),
  removeFolder: (path) => change(() => systemDisk.removeFolder(path)),
}
const { db } = await openRows({
  ...{ folder: folder!, disk, clock: systemClock, rng: systemRng(), log: silentLog },
  ...{ acceptLoss: true, readAll: () => undefined },
  onFatal: (fault) => {
    throw fault
  },
})
await db.close()
