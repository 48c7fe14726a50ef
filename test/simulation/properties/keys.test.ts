import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keyFaults, type KeySight, type KeyStory } from '../../../src/simulation/properties/keys.ts'

/** Made at 10, revoked from 20 to 30. */
function faults(...sights: readonly Omit<KeySight, 'node'>[]): string[] {
  const story: KeyStory = {
    ...{ id: 'GK', secret: 's', madeAt: 10, revokingAt: 20, revokedAt: 30 },
    sights: sights.map((sight) => ({ node: 0, ...sight })),
  }
  return keyFaults(story)
}

test('keyFaults() takes what each node may say while a key comes and goes', () => {
  const before = { call: 11, end: 19, secret: 's' }
  const whileRevoking = { call: 19, end: 25, secret: undefined }
  const late = { call: 29, end: 40, secret: 's' }
  const after = { call: 31, end: 40, secret: undefined }
  assert.deepEqual(faults(before, whileRevoking, late, after), [])
})

test('keyFaults() finds a made key that is not let in, and a revoked one that is', () => {
  assert.match(faults({ call: 10, end: 19, secret: undefined })[0]!, /does not let it in/)
  assert.match(faults({ call: 30, end: 30, secret: 's' })[0]!, /was revoked/)
  assert.match(faults({ call: 11, end: 12, secret: 't' })[0]!, /another secret/)
})
