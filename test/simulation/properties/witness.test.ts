import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Engine, Operation, Stored } from '../../../src/db/engine.ts'
import type { Network } from '../../../src/base/network.ts'
import type { Ground } from '../../../src/node/ground.ts'
import type { SimulatedNode } from '../../../src/simulation/node.ts'
import { Witness } from '../../../src/simulation/properties/witness.ts'
import { LoopbackNetwork } from '../../../src/net/loopback.ts'
import { Life, type World } from '../../../src/simulation/world.ts'
import { ballotAt, envelopeOf, idOf, nodeOf } from './registers-of-nodes.ts'

/** The groups that a watch hears of, written by an engine whose sync fails. */
async function heardOf(comesThrough: boolean): Promise<(readonly Operation[])[]> {
  const rows = new Map<string, Stored>()
  const heard: (readonly Operation[])[] = []
  const engine: Pick<Engine, 'write'> = {
    write: (operations) => {
      if (comesThrough) for (const { key, value } of operations) rows.set(key, value!)
      return Promise.reject(new Error('EIO'))
    },
  }
  const home = { open: () => Promise.resolve(engine) }
  const ground = { network: () => undefined, simulated: { engineHome: home } }
  const node = { stored: (key: string) => rows.get(key) }
  const witness = new Witness([{ wrote: (_node, operations) => void heard.push(operations) }])
  const life = new Life({} as World, 0)
  const seen = witness.ground(ground as never, { node: node as SimulatedNode, life }) as Ground
  const watched = await seen.simulated!.engineHome!.open({} as never)
  await assert.rejects(watched.write([{ type: 'put', key: 'a', value: 'one' }]), /EIO/)
  return heard
}

test('a group whose sync failed is told of where it is there all the same', async () => {
  assert.equal((await heardOf(true)).length, 1)
  assert.equal((await heardOf(false)).length, 0)
})

test('rows that a node has answered that it took are told of, and no others', async () => {
  const took: string[] = []
  const witness = new Witness([
    { took: (_node, { key }, row) => void took.push(`${key} ${row.ballot.time}`) },
  ])
  const wire = new LoopbackNetwork(idOf(0))
  const ground = { network: () => wire, simulated: { engineHome: { open: () => undefined } } }
  const life = new Life({} as World, 0)
  const seen = witness.ground(ground as never, { node: nodeOf(0), life }) as Ground
  const network = seen.network(idOf(0)) as Network
  const results = [{ kind: 'taken' }, { kind: 'refused' }, { kind: 'vetoed' }]
  network.handle('table/accept', () => Promise.resolve(envelopeOf(results)))
  const items = ['a', 'b', 'c'].map((key) => ({ key, row: { ballot: ballotAt(5) } }))
  const asked = envelopeOf({ table: 'object', partitionKey: 'p', items })
  await network.call(idOf(0), 'table/accept', asked, { deadlineMs: 1 })
  assert.deepEqual(took, ['a 5'])
})
