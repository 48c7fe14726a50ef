import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Closers } from '../../src/node/closers.ts'

test('Closers.closeAll goes backwards, once, past what fails', async () => {
  const closers = new Closers()
  const closed: string[] = []
  const add = (name: string, fails = false): void =>
    closers.add(() => {
      closed.push(name)
      return fails ? Promise.reject(new Error(name)) : Promise.resolve()
    })
  add('first')
  add('second', true)
  add('third')
  const closing = closers.closeAll()
  assert.equal(closers.closeAll(), closing)
  await assert.rejects(closing, /second/)
  assert.deepEqual(closed, ['third', 'second', 'first'])
})
