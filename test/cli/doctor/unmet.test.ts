import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clusterStatusShape, type ClusterStatusAnswer } from '../../../src/api/admin/answers.ts'
import { mendOf, unmetFindings } from '../../../src/cli/doctor/unmet.ts'

type Unmet = NonNullable<ClusterStatusAnswer['unmetPeers']>[number]

function peer(address: string, reason: Unmet['reason'], rest: Partial<Unmet> = {}): Unmet {
  return { ...{ address, reason, error: 'Cannot', triedSecsAgo: 1, isOnce: false }, ...rest }
}

function sentences(...unmetPeers: readonly Unmet[]): string[] {
  const answer: ClusterStatusAnswer = { layoutVersion: 0, nodes: [], unmetPeers }
  // As a client of the API may check it.
  clusterStatusShape(answer, '', [])
  return unmetFindings(answer).map(({ sentence }) => sentence.replace('no other node is met: ', ''))
}

test('unmetFindings() says nothing of a node that is linked, or looks for nobody', () => {
  assert.deepEqual(unmetFindings({ layoutVersion: 1, nodes: [] }), [])
})

test('unmetFindings() does not say of a node that is linked that it met nobody', () => {
  const facts = { garageVersion: null, addr: null, hostname: null, lastSeenSecsAgo: null }
  const node = { id: 'a', isUp: true, role: null, draining: false, ...facts }
  const unmetPeers = [peer('b:1', 'refused')]
  const told = (...ups: readonly boolean[]): unknown => {
    const nodes = ups.map((isUp) => ({ ...node, isUp }))
    const [found] = unmetFindings({ layoutVersion: 1, nodes, unmetPeers })
    return [found!.sentence.split(':')[0], found!.isMinor]
  }
  assert.deepEqual(told(true, true, false), ['not every node is met', true])
  assert.deepEqual(told(true, false), ['no other node is met', false])
})

test('unmetFindings() gathers addresses by their reason, and names some', () => {
  const many = [1, 2, 3, 4, 5, 6].map((index) => peer(`10.0.0.${index}:3901`, 'wrong-secret'))
  assert.deepEqual(sentences(...many, peer('b:1', 'unknown-name'), peer('c:1', null)), [
    'another rpc_secret is used at 10.0.0.1:3901, 10.0.0.2:3901, 10.0.0.3:3901, 10.0.0.4:3901 and 2 more',
    'the name of b:1 is not found',
    'no answer yet from c:1',
  ])
})

test('unmetFindings() gives the words of the peer where it has others', () => {
  const [a, b] = ['the peer refuses: update it', 'the peer refuses: it is full']
  const found = sentences(
    peer('a:1', 'turned-away', { error: `Cannot link: ${a}` }),
    peer('b:1', 'turned-away', { error: `Cannot link: ${b}` }),
  )
  assert.deepEqual(found, [`cannot link: ${a}`, `cannot link: ${b}`])
})

test('mendOf() gives commands that can be typed as they stand', () => {
  assert.match(mendOf(peer('10.0.0.1:3901', 'timeout')), /`nc -vz 10\.0\.0\.1 3901`/)
  assert.match(mendOf(peer('[::1]:3901', 'unreachable')), /`ip route get ::1`/)
  assert.match(mendOf(peer('node-b:3901', 'unknown-name')), /`getent hosts node-b`/)
  assert.match(
    mendOf(peer('node-b:3901', 'names-unanswered')),
    /resolv\.conf.*`getent hosts node-b`/,
  )
  const once = peer('b:1', 'refused', { isOnce: true })
  assert.match(mendOf(once), /Then: hangar join b:1$/)
  const pinned = peer('b:1', 'refused', { isOnce: true, node: 'ab'.repeat(32) })
  assert.match(mendOf(pinned), /Then: hangar join (ab){32}@b:1$/)
})
