import assert from 'node:assert/strict'
import { test } from 'node:test'
import { utf8 } from '../../src/base/bytes.ts'
import { silentLog } from '../../src/base/log.ts'
import type { StoredMembers } from '../../src/cluster/members.ts'
import { newIdentity, readIdentity, writeIdentity } from '../../src/db/identity.ts'
import { openMemoryDb, type Rows } from '../../src/db/open.ts'
import { readState, writeState } from '../../src/db/state-file.ts'
import { Closers } from '../../src/node/closers.ts'
import { copyLayout, IdentityCopy, restoreFromCopy } from '../../src/node/second-copy.ts'
import { SeededRng } from '../../src/simulation/seeded-rng.ts'
import { CrashDisk, systemError } from '../block/disk.ts'
import { ManualClock } from '../block/harness.ts'

const folders = { metadata: '/meta', blocks: '/blocks', data: '/' }
const identity = { ...newIdentity(new SeededRng(1)), sealed: 7, isDatabaseMade: true }
const layout: StoredMembers = {
  ...{ clusterId: 'c'.repeat(32), history: null, first: null, floor: null },
  staged: { roles: [], zoneSpread: null, factor: null } as unknown as StoredMembers['staged'],
}

/** A clock that stands still: the test takes each step. */
const still = (): Parameters<IdentityCopy['begin']>[1] => ({
  ...{ clock: new ManualClock(), log: silentLog, closers: new Closers() },
})

function rowsOf(sequence: number): Rows {
  const db = openMemoryDb({
    clock: new ManualClock(),
    onFatal: (fault) => assert.fail(fault.message),
  })
  const renew = (): never => assert.fail('nobody accepts a loss here')
  const given = { db, identity: () => identity, sealStatus: { sequence }, renew }
  return { ...given, sequence: () => sequence }
}

async function copied(): Promise<CrashDisk> {
  const disk = new CrashDisk()
  await new IdentityCopy({ disk, folders }).begin(rowsOf(identity.sealed), still())
  await copyLayout({ disk, folders }, layout)
  return disk
}

const restore = (disk: CrashDisk): Promise<void> =>
  restoreFromCopy({ disk, folders, log: silentLog })

test('a metadata folder that is gone gets the identity and the layout back, and knows of a database', async () => {
  const disk = await copied()
  await restore(disk)
  assert.deepEqual(await readIdentity(disk, '/meta/identity'), identity)
  assert.deepEqual(await readState(disk, '/meta/layout'), layout)
})

test('a drive without room for the copy keeps no node from starting, and it is written once there is', async () => {
  const disk = new CrashDisk()
  const replace = disk.replace.bind(disk)
  disk.replace = () => Promise.reject(systemError('ENOSPC'))
  const context = still()
  const copy = new IdentityCopy({ disk, folders })
  await copy.begin(rowsOf(identity.sealed), context)
  assert.equal(disk.files.size, 0)
  disk.replace = replace
  await copy.end()
  assert.deepEqual(await readIdentity(disk, '/blocks/hangar-identity'), identity)
  await context.closers.closeAll()
})

test('what is there is left alone, whatever the copy says', async () => {
  const disk = await copied()
  const other = newIdentity(new SeededRng(2))
  await writeIdentity(disk, '/meta/identity', other)
  await writeState(disk, '/meta/layout', { own: true })
  await restore(disk)
  assert.deepEqual(await readIdentity(disk, '/meta/identity'), other)
  assert.deepEqual(await readState(disk, '/meta/layout'), { own: true })
})

test('without a copy, or with one that is damaged, nothing is made up', async () => {
  const fresh = new CrashDisk()
  await restore(fresh)
  assert.equal(await readIdentity(fresh, '/meta/identity'), undefined)
  const disk = await copied()
  await disk.replace('/blocks/hangar-identity', utf8('hangar-state 1 0\n{}'))
  await restore(disk)
  assert.equal(await readIdentity(disk, '/meta/identity'), undefined)
})

test('the copy knows of later groups than a folder that was put back, and says so to its identity', async () => {
  const disk = await copied()
  await restore(disk)
  const copy = new IdentityCopy({ disk, folders })
  let sequence = identity.sealed
  await copy.begin({ ...rowsOf(sequence), sequence: () => sequence }, still())
  sequence = 20
  await copy.work()
  await restore(disk)
  assert.equal((await readIdentity(disk, '/meta/identity'))?.sealed, 20)
  sequence = 25
  await copy.end()
  await writeIdentity(disk, '/meta/identity', { ...identity, sealed: 30 })
  await restore(disk)
  assert.equal((await readIdentity(disk, '/meta/identity'))?.sealed, 30, 'it is never lowered')
})
