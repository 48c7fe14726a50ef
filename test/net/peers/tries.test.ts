import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LinkError } from '../../../src/base/links.ts'
import { NetError } from '../../../src/net/errors.ts'
import { TOO_LATE, Tries } from '../../../src/net/peers/tries.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'
import { nodeOf } from '../memory-links.ts'

const address = { host: 'host2', port: 3901 }

function reasonOf(error: LinkError | NetError): string | undefined {
  const tries = new Tries(new VirtualClock())
  tries.failed(address, error)
  return tries.misses([{ address, node: undefined }])[0]!.reason
}

test('a failure is told by what mends it', () => {
  const noLink = (system: string): LinkError =>
    new LinkError('NoAnswer', 'Cannot', { details: { system } })
  const refusal = (name: string): NetError =>
    new NetError('PeerUnreachable', 'Cannot', { details: { refusal: name } })
  const rows: readonly (readonly [LinkError | NetError, string])[] = [
    [noLink('ENOTFOUND'), 'unknown-name'],
    [noLink('EAI_AGAIN'), 'names-unanswered'],
    [noLink('EAI_FAIL'), 'names-unanswered'],
    [noLink('ETIMEDOUT'), 'timeout'],
    [noLink('EHOSTUNREACH'), 'unreachable'],
    [refusal('TooSlow'), 'timeout'],
    [refusal('TwinNode'), 'turned-away'],
    [new NetError('PeerUnreachable', 'Late', { details: { system: TOO_LATE } }), 'timeout'],
    // It came in time, and is told in its own words.
    [new NetError('BadFrame', 'Cannot read'), 'turned-away'],
    [new NetError('Stopped', 'Cannot'), 'turned-away'],
  ]
  for (const [error, reason] of rows) assert.equal(reasonOf(error), reason, String(error))
})

test('whom the settings name stays; whom an operator asked for, with his id, for an hour', async () => {
  const clock = new VirtualClock()
  const tries = new Tries(clock)
  const [asked, settled] = [address, { host: 'host3', port: 3901 }]
  tries.asked(asked, nodeOf(2))
  for (const one of [asked, settled]) tries.failed(one, new NetError('Stopped', 'Cannot'))
  const told = (): unknown =>
    tries
      .misses([{ address: settled, node: nodeOf(3) }])
      .map(({ address: at, node, isOnce }) => [at, node, isOnce])
  const lasting = ['host3:3901', nodeOf(3), false]
  assert.deepEqual(told(), [lasting, ['host2:3901', nodeOf(2), true]])
  await clock.run(3_600_000)
  assert.deepEqual(told(), [lasting])
  tries.met(settled)
  assert.equal(tries.misses([{ address: settled, node: undefined }])[0]!.reason, undefined)
})
