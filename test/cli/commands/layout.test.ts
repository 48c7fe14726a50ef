import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type {
  ClusterHealthAnswer,
  ClusterLayoutAnswer,
  ClusterStatusAnswer,
  LayoutAppliedAnswer,
} from '../../../src/api/admin/answers.ts'
import { startNode, type RunningNode } from '../../../src/node/node.ts'
import { say, type Said } from '../terminal.ts'

const folder = mkdtempSync(join(tmpdir(), 'hangar-layout-'))
const OTHER = 'cd'.repeat(32)
let node: RunningNode
let self: string

async function start(): Promise<void> {
  node = await startNode({ data: join(folder, 'node'), s3: {}, admin: { token: 't' } })
}

before(async () => {
  await start()
  const { nodes } = await json<ClusterStatusAnswer>('status')
  self = nodes[0]!.id
})
after(async () => {
  await node.stop()
  rmSync(folder, { recursive: true, force: true })
})

function hangar(...words: string[]): Promise<Said> {
  const environment = { HANGAR_ADMIN_ENDPOINT: node.admin!.endpoint, HANGAR_ADMIN_TOKEN: 't' }
  return say(words, { environment, folder })
}

async function json<Answer>(...words: string[]): Promise<Answer> {
  const { code, out, err } = await hangar(...words, '--json')
  assert.equal(code, 0, err)
  return JSON.parse(out) as Answer
}

test('a role is assigned by a prefix, planned, and applied; it is there after a restart', async () => {
  assert.match((await hangar('layout', 'show')).out, /^Layout +0\n.*\n\nNo node has a role yet$/)
  const bare = await hangar('layout', 'assign', self.slice(0, 6))
  assert.deepEqual([bare.code, /Give --zone, and --capacity/.test(bare.err)], [1, true])
  const staged = await hangar('layout', 'assign', self.slice(0, 6), '-z', 'dc1', '-c', '1T')
  assert.match(staged.out, /Staged:\nNODE +ZONE +CAPACITY +TAGS\n[0-9a-f]{16}  dc1 +931 GiB/)
  assert.match(staged.out, /hangar layout apply --version 1$/)
  const tagged = await json<ClusterLayoutAnswer>('layout', 'assign', self, '-t', 'a', '-t', 'b')
  assert.deepEqual(tagged.stagedRoleChanges, [
    { id: self, zone: 'dc1', capacity: 1e12, tags: ['a', 'b'] },
  ])
  assert.match((await hangar('layout', 'plan')).out, /Moves: 0 copies of partitions, about 0 B/)
  const early = await hangar('layout', 'apply', '--version', '2')
  assert.deepEqual([early.code, /the next one is 1/.test(early.err)], [1, true])
  const { layout } = await json<LayoutAppliedAnswer>('layout', 'apply', '--version', '1')
  assert.equal(layout.roles[0]?.storedPartitions, 256)
  assert.match((await hangar('layout', 'show')).out, /dc1 +931 GiB +a, b +256/)
  await node.stop()
  await start()
  const again = await json<ClusterLayoutAnswer>('layout', 'show')
  assert.deepEqual([again.version, again.roles.length], [1, 1])
  assert.match((await hangar('status')).out, /Layout +1\n/)
})

test('config, remove and revert stage and drop', async () => {
  assert.equal((await hangar('layout', 'config')).code, 1)
  assert.equal((await hangar('layout', 'config', '-r', 'some')).code, 1)
  const config = await json<ClusterLayoutAnswer>('layout', 'config', '-r', 'none', '--factor', '2')
  assert.deepEqual(config.stagedParameters, {
    zoneRedundancy: { atLeast: 1 },
    replicationFactor: 2,
  })
  const most = await json<ClusterLayoutAnswer>('layout', 'config', '--redundancy', 'max')
  assert.deepEqual(most.stagedParameters, { zoneRedundancy: 'maximum', replicationFactor: 2 })
  const copies = await json<ClusterLayoutAnswer>('layout', 'config', '--factor', '3')
  assert.deepEqual(copies.stagedParameters, { zoneRedundancy: 'maximum', replicationFactor: 3 })
  await hangar('layout', 'config', '--factor', '2')
  const impossible = await hangar('layout', 'plan')
  assert.deepEqual([impossible.code, /2 copies want 2 nodes/.test(impossible.err)], [1, true])
  const gateway = ['-g', '-z', 'dc2', '--replace', self] as const
  const replaced = await json<ClusterLayoutAnswer>('layout', 'assign', OTHER, ...gateway)
  assert.deepEqual(replaced.stagedRoleChanges, [
    { id: OTHER, zone: 'dc2', capacity: null, tags: [] },
    { id: self, remove: true },
  ])
  const removed = await hangar('layout', 'remove', 'cdcd')
  assert.match(removed.out, /cdcdcdcdcdcdcdcd  removed/)
  assert.equal((await hangar('layout', 'assign', self, '-g', '-c', '1T')).code, 1)
  assert.match((await hangar('layout', 'assign', 'ff0')).err, /"ff0" is no node/)
  const reverted = await hangar('layout', 'revert', '--yes')
  assert.match(reverted.out, /^Dropped, and staged no more:\nNODE +ZONE.*\n/)
  assert.match(reverted.out, /\n(?:cd){8}  removed\n/)
  assert.match(reverted.out, /\nCopies  2; the layout has 1\nZones   as many zones as can be; the /)
  assert.match(reverted.out, /\nTo stage that again: hangar layout config --factor 2 -r max$/)
  assert.equal((await hangar('layout', 'revert')).out, 'Nothing was staged')
  const left = await json<ClusterLayoutAnswer>('layout', 'show')
  assert.deepEqual([left.stagedRoleChanges, left.stagedParameters], [[], null])
})

test('history tells of the layouts, and skip-dead-nodes of one that nobody waits for', async () => {
  assert.match(
    (await hangar('layout', 'history')).out,
    /^LAYOUT +STATE +STORE +GATEWAYS\n *1  Current/,
  )
  const skipped = await hangar('layout', 'skip-dead-nodes', '--version', '7')
  assert.deepEqual([skipped.code, /Cannot skip nodes/.test(skipped.err)], [1, true])
})

test('node lost asks twice, never of a node that is up, nor where a change would lose what is there', async () => {
  const up = await hangar('node', 'lost', self.slice(0, 8), '--yes')
  assert.deepEqual([up.code, /is up/.test(up.err)], [1, true])
  const nobody = await hangar('node', 'lost', 'ffff')
  assert.deepEqual([nobody.code, /"ffff" is no node/.test(nobody.err)], [1, true])
  await hangar('layout', 'assign', OTHER, '-z', 'dc2', '-c', '1T')
  const refused = await hangar('layout', 'apply')
  assert.equal(refused.code, 1)
  assert.match(refused.err, /partitions would be refused with 503.*cdcdcdcdcdcdcdcd\n.*apply --yes/)
  assert.match((await hangar('layout', 'plan')).out, /\n\d+ partitions would be refused with 503/)
  assert.equal((await hangar('layout', 'apply', '--yes')).code, 0)
  const doubtful = await hangar('node', 'lost', 'cdcd')
  assert.deepEqual([doubtful.code, /given up.*\n.*--yes/.test(doubtful.err)], [1, true])
  const bereft = await hangar('node', 'lost', 'cdcd', '--yes')
  assert.equal(bereft.code, 1)
  assert.match(bereft.err, /\d+ partitions have no quorum of new owners .*hangar node give-up/)
  const kept = await hangar('node', 'give-up', 'cdcd', '--confirm', 'give up 1 node')
  assert.deepEqual([kept.code, /^1 node goes on, with/.test(kept.out)], [0, true])
  const { health } = await json<{ health: ClusterHealthAnswer }>('status')
  assert.deepEqual([health.status, health.partitionsQuorum], ['healthy', 256])
})
