import assert from 'node:assert/strict'
import { test } from 'node:test'
import { utf8 } from '../../src/base/bytes.ts'
import { DbFault } from '../../src/db/errors.ts'
import { readState, writeState } from '../../src/db/state-file.ts'
import { MemoryDisk } from '../support/memory-disk.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

test('readState() gives back the record, or refuses a file that was changed', async () => {
  const clock = new VirtualClock()
  const disk = new MemoryDisk({ clock, delayMs: () => 0, chance: () => 0 })
  const done = async <T>(work: Promise<T>): Promise<T> => {
    await clock.run(1)
    return work
  }
  assert.equal(await done(readState(disk, '/state')), undefined)
  await done(writeState(disk, '/state', { name: 'ä', count: 1 }))
  assert.deepEqual(await done(readState(disk, '/state')), { name: 'ä', count: 1 })

  const bytes = (await done(disk.readSmall('/state')))!
  const isCannotOpen = (error: unknown): boolean =>
    error instanceof DbFault && error.code === 'CannotOpen'
  for (let position = 0; position < bytes.length; position += 1) {
    const changed = Uint8Array.from(bytes)
    changed[position]! ^= 1
    await done(disk.replace('/state', changed))
    await done(assert.rejects(readState(disk, '/state'), isCannotOpen))
  }
  for (const content of [bytes.subarray(0, bytes.length - 1), utf8(''), utf8('{}')]) {
    await done(disk.replace('/state', content))
    await done(assert.rejects(readState(disk, '/state'), isCannotOpen))
  }
})
