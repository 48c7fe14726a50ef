import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesOf } from '../../support/content.ts'
import { openCluster } from '../../support/spawn-cluster.ts'
import { said, threeServing, within } from './steps.ts'

const BUCKET = 'kept'
const OBJECTS = 20

test('fewer copies are not made on a node that was declared lost: what the others hold stays', async () => {
  const cluster = await openCluster()
  try {
    const { nodes, clients } = await threeServing(cluster, BUCKET)
    const [a, , c] = nodes
    const [throughA] = clients
    const at = (index: number) => ({ bucket: BUCKET, key: `key ${index}` })
    for (let index = 0; index < OBJECTS; index += 1) {
      const body = bytesOf({ seed: index + 1, size: 1_000 })
      assert.equal((await throughA.call({ method: 'PUT', ...at(index), body })).status, 200)
    }
    const idOfC = await c.id()
    await c.kill()
    await within(30_000, async () => {
      const [code, text] = await said(a, 'node', 'lost', idOfC, '--yes')
      assert.equal(code, 0, text)
    })
    assert.equal((await said(a, 'layout', 'config', '--factor', '1'))[0], 0)
    const wanted = new RegExp(
      `\\d+ partitions would belong to nodes that were declared lost.*: ${idOfC.slice(0, 16)}\n`,
    )
    for (const words of [['plan'], ['apply'], ['apply', '--yes']]) {
      const [code, text] = await said(a, 'layout', ...words)
      assert.equal(code, 1)
      assert.match(text, wanted)
    }

    assert.equal((await said(a, 'layout', 'remove', idOfC))[0], 0)
    assert.equal((await said(a, 'layout', 'apply'))[0], 0)
    await within(60_000, async () => {
      const [, text] = await said(a, 'layout', 'history')
      assert.doesNotMatch(text, /Draining/)
    })
    for (let index = 0; index < OBJECTS; index += 1) {
      const { status } = await throughA.call({ method: 'GET', ...at(index) })
      assert.equal(status, 200, `key ${index}`)
    }
    for (const client of clients) client.close()
  } finally {
    await cluster.remove()
  }
})

test('a change goes on where a layout in between lost its quorum to a node that was declared lost', async () => {
  const cluster = await openCluster()
  try {
    const { nodes, clients } = await threeServing(cluster, BUCKET)
    const [a, b] = nodes
    const [throughA] = clients
    const body = bytesOf({ seed: 1, size: 1_000 })
    const at = (index: number) => ({ bucket: BUCKET, key: `key ${index}` })
    for (let index = 0; index < OBJECTS; index += 1) {
      assert.equal((await throughA.call({ method: 'PUT', ...at(index), body })).status, 200)
    }
    const idOfB = await b.id()
    await b.kill()
    for (const factor of ['2', '3']) {
      for (const words of [
        ['config', '--factor', factor],
        ['apply', '--yes'],
      ]) {
        await within(30_000, async () => {
          const [code, text] = await said(a, 'layout', ...words)
          assert.equal(code, 0, text)
        })
      }
    }
    const [code, text] = await said(a, 'node', 'lost', idOfB, '--yes')
    assert.equal(code, 0, text)
    await within(60_000, async () => {
      const [, history] = await said(a, 'layout', 'history')
      assert.doesNotMatch(history, /Draining/)
    })
    for (let index = 0; index < OBJECTS; index += 1) {
      assert.equal((await throughA.call({ method: 'GET', ...at(index) })).status, 200)
      assert.equal((await throughA.call({ method: 'PUT', ...at(index), body })).status, 200)
    }
    for (const client of clients) client.close()
  } finally {
    await cluster.remove()
  }
})
