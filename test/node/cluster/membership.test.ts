import assert from 'node:assert/strict'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { silentLog } from '../../../src/base/log.ts'
import type { NodeId } from '../../../src/base/ids.ts'
import type { LayoutHistory } from '../../../src/cluster/layout/history.ts'
import { decodeHistory, encodeHistory } from '../../../src/cluster/layout/stored.ts'
import { loneHistory } from '../../../src/cluster/lone.ts'
import type { StoredMembers } from '../../../src/cluster/members.ts'
import { readState, writeState } from '../../../src/db/state-file.ts'
import { assertIdentityKept } from '../../../src/node/cluster/membership.ts'
import { foldersOf } from '../../../src/node/options.ts'
import { startNode, type RunningNode } from '../../../src/node/node.ts'
import { recoverNode } from '../../../src/node/recover.ts'
import { systemDisk } from '../../../src/node/system/disk.ts'
import { firstOf, nodeOf } from '../../cluster/layout/members.ts'

const folder = mkdtempSync(join(tmpdir(), 'hangar-member-'))
after(() => rmSync(folder, { recursive: true, force: true }))

function ask(node: RunningNode, name: string, body?: unknown): Promise<Response> {
  return fetch(`${node.admin!.endpoint}/v2/${name}`, {
    headers: { authorization: 'Bearer t' },
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
  })
}

async function call(node: RunningNode, name: string, body?: unknown): Promise<unknown> {
  const answer = await ask(node, name, body)
  assert.equal(answer.status, 200, name)
  return answer.json()
}

async function applyFirst(node: RunningNode, id: string): Promise<void> {
  const roles = [{ id, zone: 'z', capacity: 1e9, tags: [] }]
  await call(node, 'UpdateClusterLayout', { roles })
  await call(node, 'ApplyClusterLayout', { version: 1 })
}

async function idOf(node: RunningNode): Promise<string> {
  const status = (await call(node, 'GetClusterStatus')) as { nodes: { id: string }[] }
  return status.nodes[0]!.id
}

async function versionOf(node: RunningNode): Promise<number> {
  return ((await call(node, 'GetClusterLayout')) as { version: number }).version
}

test('the layout of a node lies in a file from its first start on, and is missed', async () => {
  const options = { data: join(folder, 'one'), admin: { token: 't' } }
  const file = join(foldersOf(options).metadata, 'layout')
  const first = await startNode(options)
  assert.ok(existsSync(file))
  await applyFirst(first, await idOf(first))
  await first.stop()
  assert.match(readFileSync(file, 'utf8'), /"version": 1/)
  const again = await startNode(options)
  assert.equal(await versionOf(again), 1)
  await again.stop()
  rmSync(file)
  await assert.rejects(startNode(options), { code: 'FolderUnusable', message: /"layout" was lost/ })
})

test('a node with another factor waits, and forms a cluster of itself by admin calls alone', async () => {
  const options = { data: join(folder, 'two'), admin: { token: 't' }, knowsPeers: true }
  const waiting = await startNode(options)
  assert.equal(waiting.condition().kind, 'waiting')
  await applyFirst(waiting, await idOf(waiting))
  assert.equal(await versionOf(waiting), 1)
  await waiting.stop()
  const again = await startNode(options)
  assert.equal(await versionOf(again), 1)
  await again.stop()
})

test('a replication_factor other than that of the layout is one warning, which names both', async () => {
  const warnings: [object, string][] = []
  const log = { ...silentLog, warn: (...line: [object, string]) => void warnings.push(line) }
  const about = (): readonly string[] =>
    warnings.flatMap(([, text]) => (text.includes('replication_factor') ? [text] : []))
  const options = { data: join(folder, 'factor'), admin: { token: 't' }, log }
  const first = await startNode({ ...options, replicationFactor: 3 })
  assert.deepEqual(about(), [], 'without a layout there is nothing to compare with')
  const id = await idOf(first)
  await call(first, 'UpdateClusterLayout', { parameters: { replicationFactor: 1 } })
  await applyFirst(first, id)
  assert.equal(about().length, 1)
  assert.match(about()[0]!, /is 3 in the configuration and 1 in the layout: the layout counts/)
  assert.match(about()[0]!, /`hangar layout config --factor N` and `hangar layout apply`/)
  const roles = [{ id, zone: 'other', capacity: 2e9, tags: [] }]
  await call(first, 'UpdateClusterLayout', { roles })
  await call(first, 'ApplyClusterLayout', { version: 2 })
  assert.equal(about().length, 1, 'neither a revision nor a layout of as many copies repeats it')
  await first.stop()
  const again = await startNode({ ...options, replicationFactor: 3 })
  assert.equal(about().length, 2, 'said at each start')
  await again.stop()
  const alike = await startNode({ ...options, replicationFactor: 1 })
  assert.equal(about().length, 2, 'not of what is the same')
  await alike.stop()
})

test('a node of a cluster that lost its identity says what to do, and draws none', async () => {
  const options = { data: join(folder, 'stranger') }
  const { metadata } = foldersOf(options)
  mkdirSync(metadata, { recursive: true })
  const keep = (history: LayoutHistory): Promise<void> =>
    writeState(systemDisk, join(metadata, 'layout'), { history: encodeHistory(history) })
  await keep(loneHistory(nodeOf(0), 'its own'))
  await assertIdentityKept(systemDisk, metadata)
  await keep(firstOf(3, 3))
  const refused = /"identity" was lost.*Put that file back.*layout assign --replace/
  await assert.rejects(startNode(options), refused)
  await assert.rejects(recoverNode(metadata, { acceptLoss: true }), refused)
  assert.deepEqual(readdirSync(metadata), ['layout'])
  writeFileSync(join(metadata, 'identity'), 'nonsense')
  await assert.rejects(startNode(options), /"identity" is damaged.*Put that file back/)
})

test('a node that is a cluster of itself takes writes again once its loss was accepted', async () => {
  const options = { data: join(folder, 'sole'), admin: { token: 't' } }
  const { metadata } = foldersOf(options)
  const first = await startNode(options)
  await applyFirst(first, await idOf(first))
  // The register knows the life of its database by then.
  await until(async () => !(await historyOf(first)).includes('Draining'))
  await first.stop()
  rmSync(join(metadata, 'db'), { recursive: true })
  mkdirSync(join(metadata, 'db'))
  assert.equal((await recoverNode(metadata, { acceptLoss: true })).kind, 'accepted')
  const again = await startNode(options)
  // One that is answered 503 may have been made all the same.
  let count = 0
  const takesWrites = async (): Promise<boolean> => {
    count += 1
    return (await ask(again, 'CreateBucket', { globalAlias: `late${count}` })).ok
  }
  await until(takesWrites)
  // It lets itself in, for those that it may take in later: what it holds is all there is.
  const id = (await idOf(again)) as NodeId
  const admittedAt = async (): Promise<number> => {
    const stored = (await readState(systemDisk, join(metadata, 'layout'))) as StoredMembers
    return decodeHistory(stored.history).nodes.get(id)!.readmittedAt
  }
  await until(async () => (await admittedAt()) > 0)
  await until(takesWrites)
  assert.match(JSON.stringify(await call(again, 'GetClusterHealth')), /"status":"healthy"/)
  await again.stop()
})

async function historyOf(node: RunningNode): Promise<string> {
  return JSON.stringify(await call(node, 'GetClusterLayoutHistory'))
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 60_000
  while (!(await holds())) {
    assert.ok(Date.now() < end, 'it did not come to pass')
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}
