import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { ClusterLayoutAnswer } from '../../../src/api/admin/answers.ts'
import { startNode, type RunningNode } from '../../../src/node/node.ts'
import { within } from '../../e2e/cluster/steps.ts'
import { say, type Said } from '../terminal.ts'

const folder = mkdtempSync(join(tmpdir(), 'hangar-join-'))
const nodes: RunningNode[] = []
after(async () => {
  await Promise.all(nodes.map((node) => node.stop()))
  rmSync(folder, { recursive: true, force: true })
})

const SECRET = '1f2e3d4c5b6a7980'.repeat(4)

async function start(
  name: string,
  rpc: { readonly secret?: string; readonly bootstrapPeers?: readonly string[] } = {},
): Promise<RunningNode> {
  const node = await startNode({
    ...{ data: join(folder, name), s3: {}, admin: { token: 't' } },
    rpc: { bind: { host: '127.0.0.1', port: 0 }, secret: SECRET, ...rpc },
  })
  nodes.push(node)
  return node
}

function on(
  node: RunningNode,
  words: readonly string[],
  answers?: readonly string[],
): Promise<Said> {
  const environment = { HANGAR_ADMIN_ENDPOINT: node.admin!.endpoint, HANGAR_ADMIN_TOKEN: 't' }
  return say(words, { environment, folder, ...(answers === undefined ? {} : { answers }) })
}

async function layoutOf(node: RunningNode): Promise<ClusterLayoutAnswer> {
  return JSON.parse((await on(node, ['layout', 'show', '--json'])).out) as ClusterLayoutAnswer
}

/** As the node shows it that has heard most: a change comes to the others a moment later. */
async function newestLayout(): Promise<ClusterLayoutAnswer> {
  const all = await Promise.all(nodes.map((node) => layoutOf(node)))
  return all.reduce((one, other) => (other.version > one.version ? other : one))
}

test('join asks for a role with a default, shows what moves, and applies when told to', async () => {
  const a = await start('a')
  const b = await start('b')
  await a.createKey()
  const address = (await on(a, ['node', 'id'])).out
  const wrong = await on(a, ['join', '127.0.0.1:1'])
  assert.match(wrong.err, /this node holds data, so others join it.*\n?.*hangar join [0-9a-f]{64}@/)
  const nowhere = await on(b, ['join', '127.0.0.1:1'])
  assert.deepEqual([nowhere.code, /127\.0\.0\.1:1/.test(nowhere.err)], [1, true])

  const quiet = await on(b, ['join', address, '--zone', 'lyon', '--capacity', '1T'])
  assert.match(quiet.out, /lyon +931 GiB/)
  assert.match(quiet.out, /Moves: \d+ copies of partitions/)
  assert.match(quiet.out, /Nothing is applied yet.*hangar layout apply --version 1/)
  assert.equal(quiet.code, 1)
  await on(b, ['layout', 'revert'])

  const doubtful = await on(b, ['join', address, '--factor', '2'], ['lyon', '2T', 'n'])
  assert.match(doubtful.err, /Zone of this node \[.+\]: \nWhat it may hold \[\d+G?\]: \nApply it\?/)
  assert.match(doubtful.out, /Copies +2[^]*lyon +1\.8 TiB/)
  assert.equal(doubtful.code, 0)
  assert.equal((await layoutOf(b)).version, 0)

  const done = await on(b, ['join', address], ['y'])
  assert.match(done.out, /This node is of the cluster, by layout 1/)
  await within(90_000, async () => assert.equal((await layoutOf(a)).version, 1))
  const { version, roles, parameters } = await layoutOf(a)
  assert.deepEqual([version, roles.length, parameters.replicationFactor], [1, 2, 2])
  assert.ok(roles.some(({ zone, capacity }) => zone === 'lyon' && capacity === 2e12))
  assert.match((await on(b, ['join', address, '--yes'])).out, /has its role already/)
})

test('a joining node takes the place of another, or is a gateway', async () => {
  const [a] = nodes as [RunningNode]
  const c = await start('c')
  const address = (await on(a, ['node', 'id'])).out
  const old = (await layoutOf(a)).roles.find(({ zone }) => zone === 'lyon')!.id
  const nobody = await on(c, ['join', address, '--replace', 'ffff'])
  assert.match(nobody.err, /"ffff" is no node with a role/)
  await on(c, ['join', address, '--replace', old.slice(0, 12)])
  const { stagedRoleChanges } = await layoutOf(c)
  const own = stagedRoleChanges.find((change) => 'zone' in change)!
  assert.deepEqual(
    stagedRoleChanges.find(({ id }) => id === old),
    { id: old, remove: true },
  )
  assert.deepEqual(
    [own.id === old, 'zone' in own && own.zone, 'zone' in own && own.capacity],
    [...[false, 'lyon', 2e12]],
  )
  await on(c, ['layout', 'revert'])
  const both = await on(c, ['join', address, '--gateway', '--capacity', '1T'])
  assert.match(both.err, /a gateway has no capacity/)
  const said = await on(c, ['join', address, '--gateway', '--zone', 'edge', '--yes', '--json'])
  const answer = JSON.parse(said.out) as { hasRole: boolean; applied: number; nodes: number }
  assert.deepEqual([answer.hasRole, answer.applied, answer.nodes], [true, 2, 3])
})

/** What a relay answers by itself. */
interface Instead {
  readonly status: number
  readonly body: unknown
}

const conflict: Instead = {
  status: 409,
  body: { code: 'LayoutConflict', message: 'another one was quicker' },
}

/** Hands calls of the admin API on to `node`, each after `before`, unless that says what to answer. */
function relay(
  node: RunningNode,
  before: (call: string) => Promise<Instead | undefined>,
): Promise<Server> {
  const server = createServer((request, response) => {
    void (async () => {
      const parts: Buffer[] = []
      for await (const part of request) parts.push(part as Buffer)
      const instead = await before(request.url!)
      if (instead !== undefined) {
        response.writeHead(instead.status, { 'content-type': 'application/json' })
        response.end(JSON.stringify(instead.body))
        return
      }
      const { method = 'GET', headers } = request
      const body = parts.length === 0 ? null : Buffer.concat(parts)
      const { authorization = '' } = headers
      const sent = { method, body, headers: { authorization, 'content-type': 'application/json' } }
      const answer = await fetch(new URL(request.url!, node.admin!.endpoint), sent)
      response.writeHead(answer.status, { 'content-type': 'application/json' })
      response.end(await answer.text())
    })()
  })
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)))
}

test('that another one applied the role of a node that joins is as good', async () => {
  const [a] = nodes as [RunningNode]
  const f = await start('f')
  const address = (await on(a, ['node', 'id'])).out
  const first = (await newestLayout()).version
  let applied = false
  const server = await relay(f, async (call) => {
    if (!call.includes('PreviewClusterLayoutChanges') || applied) return undefined
    applied = true
    const { code, err } = await on(f, ['layout', 'apply', '--version', `${first + 1}`])
    assert.equal(code, 0, err)
    return undefined
  })
  try {
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const environment = { HANGAR_ADMIN_ENDPOINT: endpoint, HANGAR_ADMIN_TOKEN: 't' }
    const { code, out, err } = await say(['join', address, '--zone', 'oslo', '--capacity', '1T'], {
      ...{ environment, folder },
    })
    assert.equal(code, 0, err)
    assert.equal(applied, true)
    assert.match(out, new RegExp(`This node is of the cluster, by layout ${first + 1}`))
    assert.ok((await layoutOf(f)).roles.some(({ zone }) => zone === 'oslo'))
  } finally {
    server.close()
  }
})

test('join applies again where a layout that was quicker has not come to this node yet', async () => {
  const [a] = nodes as [RunningNode]
  const g = await start('g')
  const address = (await on(a, ['node', 'id'])).out
  let refused = 0
  const server = await relay(g, (call) => {
    const isEarly = call.includes('ApplyClusterLayout') && refused < 8
    if (isEarly) refused += 1
    return Promise.resolve(isEarly ? conflict : undefined)
  })
  try {
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const environment = { HANGAR_ADMIN_ENDPOINT: endpoint, HANGAR_ADMIN_TOKEN: 't' }
    const words = ['join', address, '--zone', 'bergen', '--capacity', '1T', '--yes']
    const { code, out, err } = await say(words, { environment, folder })
    assert.deepEqual([code, refused], [0, 8], err)
    assert.match(out, /This node is of the cluster, by layout/)
    assert.ok((await layoutOf(g)).roles.some(({ zone }) => zone === 'bergen'))
  } finally {
    server.close()
  }
})

/** What a join by way of a relay says, and how often it applied. */
async function joinedBy(
  node: RunningNode,
  before: (call: string) => Promise<Instead | undefined>,
): Promise<Said & { readonly applies: number }> {
  const address = (await on(nodes[0]!, ['node', 'id'])).out
  let applies = 0
  const server = await relay(node, (call) => {
    if (call.includes('ApplyClusterLayout')) applies += 1
    return before(call)
  })
  try {
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const environment = { HANGAR_ADMIN_ENDPOINT: endpoint, HANGAR_ADMIN_TOKEN: 't' }
    const words = ['join', address, '--zone', 'narvik', '--capacity', '1T', '--yes']
    const said = await say(words, { environment, folder })
    return { ...said, applies }
  } finally {
    server.close()
  }
}

test('join tries again what is a conflict, and nothing else', async () => {
  const h = await start('h')
  const busy: Instead = { status: 503, body: { code: 'ServiceUnavailable', message: 'no quorum' } }
  const { code, err, applies } = await joinedBy(h, (call) =>
    Promise.resolve(call.includes('ApplyClusterLayout') ? busy : undefined),
  )
  assert.deepEqual([code, applies], [1, 1])
  assert.match(err, /no quorum/)
  await on(h, ['layout', 'revert'])
})

test('join gives up at once when its role was reverted, whatever was applied', async () => {
  const h = nodes.at(-1)!
  const reverted = await joinedBy(h, async (call) => {
    if (!call.includes('ApplyClusterLayout')) return undefined
    await on(h, ['layout', 'revert'])
    return conflict
  })
  assert.deepEqual([reverted.code, reverted.applies], [1, 1])
  assert.match(reverted.err, /staged no more[^]*then join again/)
  // Another one has reverted it and staged something else: that is what is applied.
  const { roles, version } = await newestLayout()
  const { id } = roles[0]!
  const replaced = await joinedBy(h, async (call) => {
    if (!call.includes('ApplyClusterLayout')) return undefined
    await on(h, ['layout', 'revert'])
    const { code, err } = await on(h, ['layout', 'assign', id, '--tag', `t${version}`])
    assert.equal(code, 0, err)
    return undefined
  })
  assert.deepEqual([replaced.code, replaced.applies], [1, 1])
  assert.match(replaced.err, /staged no more/)
  assert.doesNotMatch(replaced.out, /is of the cluster/)
  assert.equal((await layoutOf(h)).version, version + 1)
})

test('join waits for a layout that a linked node knows of', async () => {
  const late = await start('late')
  const known = { isMember: false, node: { id: 'x', zone: 'z', capacity: 5 }, seed: null }
  const began = performance.now()
  let early = 0
  const { code, out, err } = await joinedBy(late, (call) => {
    const isEarly = call.includes('/join') && performance.now() - began < 5_000
    if (isEarly) early += 1
    return Promise.resolve(isEarly ? { status: 200, body: { ...known, knownBy: 'y' } } : undefined)
  })
  assert.equal(code, 0, err)
  assert.ok(early > 1, `asked ${early} times before there was a layout`)
  assert.ok(performance.now() - began > 5_000)
  assert.match(out, /This node is of the cluster/)
})

test('join says what to do where nobody has a layout', async () => {
  const start3 = (name: string): Promise<RunningNode> =>
    startNode({
      ...{ data: join(folder, name), s3: {}, admin: { token: 't' }, replicationFactor: 3 },
      rpc: { bind: { host: '127.0.0.1', port: 0 }, secret: '2f2e3d4c5b6a7980'.repeat(4) },
    })
  const [d, e] = [await start3('d'), await start3('e')]
  nodes.push(d, e)
  const address = (await on(d, ['node', 'id'])).out
  const { code, out } = await on(e, ['join', address])
  assert.equal(code, 1)
  assert.match(out, /2 nodes are known here.\nNone of them has a layout yet/)
  assert.equal(out.match(/hangar layout assign [0-9a-f]{16} --zone/g)?.length, 2)
})

test('status says why a node met no other by its settings, or by a join', async () => {
  const there = await start('there')
  const address = (await on(there, ['node', 'id'])).out
  const settled = await start('settled', { bootstrapPeers: ['127.0.0.1:1'] })
  const shown = async (node: RunningNode, wanted: RegExp): Promise<string> => {
    for (let tries = 0; ; tries += 1) {
      const { out } = await on(node, ['status'])
      if (wanted.test(out) || tries === 1_000) return out
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  const refused =
    /\n\nNo other node is met: nobody listens at 127\.0\.0\.1:1 \(connection refused\)\.\nStart the/
  assert.match(await shown(settled, refused), refused)
  const stranger = await start('stranger', { secret: 'ab'.repeat(32) })
  assert.doesNotMatch((await on(stranger, ['status'])).out, /is met/)
  assert.equal((await on(stranger, ['join', address, '--yes'])).code, 1)
  const secret =
    /\n\nNo other node is met: another rpc_secret is used at .*\.\nGive both .* Then: hangar join/
  assert.match((await on(stranger, ['status'])).out, secret)
})
