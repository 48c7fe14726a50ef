/**
 * A process that opens rows and writes until it is killed. Arguments: folder, and the number of
 * the last write that an earlier life was told of. Tells on standard output: `broken …`,
 * `lost …`, or `opened`, then the number of each acknowledged write.
 */

import { writeSync } from 'node:fs'
import { silentLog } from '../../src/base/log.ts'
import type { Tree } from '../../src/db/db.ts'
import { openRows } from '../../src/db/open.ts'
import { systemClock } from '../../src/node/system/clock.ts'
import { systemDisk } from '../../src/node/system/disk.ts'
import { systemRng } from '../../src/node/system/rng.ts'

const rowTree: Tree<Uint8Array> = { name: 'rows', tag: 'r', values: 'bytes' }
const counters: Tree<string> = { name: 'counters', tag: 'c', values: 'text' }

const tell = (line: string): void => void writeSync(1, `${line}\n`)

const [folder, told] = process.argv.slice(2)
const { db, sealStatus } = await openRows({
  folder: folder!,
  disk: systemDisk,
  clock: systemClock,
  rng: systemRng(),
  log: silentLog,
  onFatal: (fault) => tell(`broken ${fault.message}`),
})
if (sealStatus.broken !== undefined) {
  tell(`broken ${sealStatus.broken}`)
  process.exit(1)
}
let number = Number(db.get(counters, 'writes') ?? '0')
if (number < Number(told)) {
  tell(`lost writes after ${number}, told of ${told}`)
  process.exit(1)
}
tell('opened')

const filler = systemRng().bytes(4000)
for (;;) {
  const group: Promise<void>[] = []
  for (let count = Math.random() * 12; count > 0; count -= 1) {
    number += 1
    const written = number
    const row = filler.subarray(0, 20 + Math.random() * 3900)
    const done = db.write((batch) => {
      batch.put(rowTree, `row ${written % 997}`, row)
      batch.put(counters, 'writes', String(written))
    })
    group.push(done.then(() => tell(String(written))))
  }
  await (Math.random() < 0.5 ? Promise.all(group) : Promise.race([...group, Promise.resolve()]))
  await new Promise((resolve) => setImmediate(resolve))
}
