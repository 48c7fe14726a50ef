import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AssertionFault } from '../../src/base/assert.ts'
import type { Tree } from '../../src/db/db.ts'
import type { Engine, Operation } from '../../src/db/engine.ts'
import { DbFault } from '../../src/db/errors.ts'
import { GroupCommitDb } from '../../src/db/group-commit.ts'
import { MemoryStore, openMemoryEngine } from '../../src/db/memory.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const words: Tree<string> = { name: 'words', tag: 'w', values: 'text' }

interface Bench {
  readonly clock: VirtualClock
  readonly db: GroupCommitDb
  /** The batches that the engine was given. */
  readonly groups: (readonly Operation[])[]
  readonly fatal: DbFault[]
}

/** A database whose syncs take 10 ms, and whose engine fails at the group `failAt`. */
function bench(failAt = Infinity): Bench {
  const clock = new VirtualClock()
  const groups: (readonly Operation[])[] = []
  const fatal: DbFault[] = []
  const memory = openMemoryEngine(new MemoryStore(), clock, () => 10)
  const engine: Engine = {
    ...memory,
    write: async (operations) => {
      groups.push([...operations])
      if (groups.length === failAt) throw new Error('no space')
      await memory.write(operations)
    },
  }
  const db = new GroupCommitDb({ engine, clock, onFatal: (fault) => fatal.push(fault) })
  return { clock, db, groups, fatal }
}

test('write() puts all batches of a tick into one group, and one group is in flight', async () => {
  const { clock, db, groups } = bench()
  for (let index = 0; index < 5; index += 1) {
    void db.write((batch) => batch.put(words, `a${index}`, 'x'))
  }
  await clock.run(5)
  for (let index = 0; index < 3; index += 1) {
    void db.write((batch) => batch.put(words, `b${index}`, 'x'))
    await clock.run(1)
  }
  assert.deepEqual(
    groups.map((group) => group.length),
    [5],
  )
  await clock.run(30)
  assert.deepEqual(
    groups.map((group) => group.length),
    [5, 3],
  )
})

test('write() keeps the newest of a key in the overlay while an older one becomes stable', async () => {
  const { clock, db } = bench()
  void db.write((batch) => batch.put(words, 'a', 'one'))
  await clock.run(5)
  void db.write((batch) => batch.put(words, 'a', 'two'))
  const second = db.pending(words, 'a')
  await clock.run(8)
  assert.equal(db.getStable(words, 'a'), 'one')
  assert.equal(db.get(words, 'a'), 'two')
  assert.equal(db.pending(words, 'a'), second)
  await clock.run(10)
  assert.equal(db.getStable(words, 'a'), 'two')
  assert.equal(db.pending(words, 'a'), undefined)
})

test('write() that throws in fill leaves the row of the group in flight newest', async () => {
  const { clock, db } = bench()
  void db.write((batch) => batch.put(words, 'a', 'flying'))
  await clock.run(5)
  assert.throws(() => {
    void db.write((batch) => {
      batch.put(words, 'a', 'dropped')
      throw new Error('no')
    })
  })
  assert.equal(db.get(words, 'a'), 'flying')
  await clock.run(20)
  assert.equal(db.get(words, 'a'), 'flying')
})

test('write() of nothing resolves after what was written before it', async () => {
  const { clock, db } = bench()
  const order: string[] = []
  void db.write((batch) => batch.put(words, 'a', 'x')).then(() => order.push('a'))
  await clock.run(5)
  void db.write(() => undefined).then(() => order.push('nothing'))
  await clock.run(1)
  assert.deepEqual(order, [])
  await clock.run(20)
  assert.deepEqual(order, ['a', 'nothing'])
})

test('a failed write is told once, and nothing is acknowledged afterwards', async () => {
  const { clock, db, groups, fatal } = bench(2)
  const told: string[] = []
  const write = (name: string): void => {
    db.write((batch) => batch.put(words, name, 'x')).then(
      () => told.push(`${name} written`),
      (error: unknown) => told.push(`${name} ${error instanceof DbFault ? error.code : 'other'}`),
    )
  }
  write('first')
  await clock.run(20)
  write('second')
  await clock.run(0)
  write('third')
  await clock.run(20)
  write('fourth')
  await clock.run(20)
  assert.deepEqual(told.sort(), [
    'first written',
    'fourth WriteFailed',
    'second WriteFailed',
    'third WriteFailed',
  ])
  assert.equal(fatal.length, 1)
  assert.equal(groups.length, 2)
  assert.equal(db.getStable(words, 'second'), undefined)
  await db.close()
})

test('a batch is filled by one caller at a time, and only while fill runs', async () => {
  const { clock, db } = bench()
  let kept: Parameters<Parameters<typeof db.write>[0]>[0] | undefined
  void db.write((batch) => {
    kept = batch
    batch.put(words, 'a', 'x')
    assert.throws(() => void db.write(() => undefined), AssertionFault)
  })
  assert.throws(() => kept?.put(words, 'b', 'x'), AssertionFault)
  await clock.run(20)
  assert.equal(db.get(words, 'b'), undefined)
})

test('write() is refused while the database may only be read', async () => {
  const clock = new VirtualClock()
  const engine = openMemoryEngine(new MemoryStore(), clock, undefined)
  const db = new GroupCommitDb({
    engine,
    clock,
    onFatal: () => assert.fail(),
    readOnly: 'writes 3 to 5 are missing at the end',
  })
  await assert.rejects(
    db.write(() => assert.fail('a refused batch was filled')),
    (error: unknown) =>
      error instanceof DbFault && error.code === 'ReadOnly' && /3 to 5/.test(error.message),
  )
})
