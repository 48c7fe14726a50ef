import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SecretSealer } from '../../src/model/secret-sealer.ts'
import { SeededRng } from '../../src/simulation/seeded-rng.ts'

const secret = new Uint8Array(32).fill(1)

test('SecretSealer opens what it sealed, for the same id only', () => {
  const sealer = new SecretSealer(secret, new SeededRng(1))
  const sealed = sealer.seal('GK1', 'top/secret+é')
  assert.equal(sealer.open('GK1', sealed), 'top/secret+é')
  assert.equal(new SecretSealer(secret, new SeededRng(2)).open('GK1', sealed), 'top/secret+é')
  assert.throws(() => sealer.open('GK2', sealed))
  assert.notDeepEqual(sealer.seal('GK1', 'top/secret+é'), sealed)
})

test('SecretSealer notices another key, a changed byte, a cut end', () => {
  const sealer = new SecretSealer(secret, new SeededRng(1))
  const sealed = sealer.seal('GK1', 'secret')
  assert.throws(() => new SecretSealer(new Uint8Array(32), new SeededRng(1)).open('GK1', sealed))
  for (let at = 0; at < sealed.length; at += 1) {
    const changed = Uint8Array.from(sealed)
    changed[at]! ^= 1
    assert.throws(() => sealer.open('GK1', changed), `byte ${at}`)
  }
  assert.throws(() => sealer.open('GK1', sealed.subarray(0, -1)))
  assert.throws(() => new SecretSealer(new Uint8Array(31), new SeededRng(1)), TypeError)
})
