import assert from 'node:assert/strict'
import { cp, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import type { ClusterStatusAnswer, RepairCheckAnswer } from '../../../src/api/admin/answers.ts'
import { bytesOf } from '../../support/content.ts'
import type { SignedClient } from '../../support/signed-client.ts'
import { openCluster, type ClusterNode } from '../../support/spawn-cluster.ts'
import { command, threeServing, within } from './steps.ts'

const BUCKET = 'wiped'
const OBJECTS = 30
const KEYS = Array.from({ length: OBJECTS }, (_, index) => `key ${String(index).padStart(2, '0')}`)

function contentAt(index: number): Buffer {
  return bytesOf({ seed: index + 1, size: index % 2 === 0 ? 1_000 : 150_000 })
}

/** Asks a node for everything, over and over; keeps what it should never have said. */
class Witness {
  readonly #client: SignedClient
  readonly wrong: string[] = []
  readonly counts = new Map<number, number>()
  #isOver = false
  #ended: Promise<void> = Promise.resolve()

  constructor(client: SignedClient) {
    this.#client = client
  }

  begin(): void {
    this.#ended = Promise.all([this.#read(), this.#list()]).then(() => undefined)
  }

  async end(): Promise<void> {
    this.#isOver = true
    await this.#ended
  }

  async #read(): Promise<void> {
    for (let turn = 0; !this.#isOver; turn += 1) {
      const index = (turn * 7) % OBJECTS
      const method = turn % 5 === 0 ? 'HEAD' : 'GET'
      await this.#ask({ method, bucket: BUCKET, key: KEYS[index]! }, (body) =>
        method === 'HEAD' || body.equals(contentAt(index)) ? undefined : 'other bytes',
      )
    }
  }

  async #list(): Promise<void> {
    while (!this.#isOver) {
      await this.#ask({ method: 'GET', bucket: BUCKET, query: { 'list-type': '2' } }, (body) => {
        const found = body.toString().match(/<Key>/g)?.length ?? 0
        return found === OBJECTS ? undefined : `a list of ${found} keys`
      })
    }
  }

  async #ask(
    request: Parameters<SignedClient['call']>[0],
    faultOf: (body: Buffer) => string | undefined,
  ): Promise<void> {
    const what = `${request.method} ${request.key ?? 'list'}`
    try {
      const { status, headers, body } = await this.#client.call(request)
      this.counts.set(status, (this.counts.get(status) ?? 0) + 1)
      const fault =
        status === 200
          ? faultOf(body)
          : status === 503 && headers['retry-after'] !== undefined
            ? undefined
            : `${status} ${body.toString().slice(0, 300)}`
      if (fault !== undefined) this.wrong.push(`${what}: ${fault}`)
    } catch {
      // Nothing listens yet, or the answer was cut off: nothing was said.
    }
    await wait(5)
  }
}

async function checked(node: ClusterNode): Promise<void> {
  const words = ['repair', '--check', '--settled', '--json']
  const { code, stdout, stderr } = await command(node, ...words)
  assert.equal(code, 0, stdout + stderr)
  assert.equal((JSON.parse(stdout) as RepairCheckAnswer).nodes.length, 3)
}

/** What a node says of itself, as this one shows it; nothing where this one does not answer yet. */
async function noticeOf(id: string, shownBy: ClusterNode): Promise<string> {
  const status = shownBy.admin<ClusterStatusAnswer>('GetClusterStatus')
  const { nodes } = await status.catch(() => ({ nodes: [] as ClusterStatusAnswer['nodes'] }))
  return nodes.find((one) => one.id === id)?.notice ?? ''
}

type Put = (index: number, body: Buffer) => Promise<void>

interface Loss {
  readonly name: string
  /** What the node says of it. */
  readonly says: RegExp
  /** All objects are written, and the node is down without what it lost. */
  readonly lose: (node: ClusterNode, put: Put) => Promise<void>
}

async function putAll(put: Put): Promise<void> {
  for (const index of KEYS.keys()) await put(index, contentAt(index))
}

function removed(name: string, folder: string): Loss {
  return {
    name,
    says: /This node lost rows \(.*\) and has no vote/,
    async lose(node, put) {
      await putAll(put)
      await node.kill()
      await rm(join(dirname(node.settings), 'meta', folder), { recursive: true })
    },
  }
}

/** The copy knows half of the objects, with other bytes. */
function putBack(name: string, says: RegExp, folders: readonly string[]): Loss {
  return {
    ...{ name, says },
    async lose(node, put) {
      for (const index of KEYS.keys()) if (index % 2 === 0) await put(index, Buffer.from('old'))
      const home = dirname(node.settings)
      assert.equal(await node.stop(), 0)
      for (const folder of folders) {
        await cp(join(home, folder), join(home, `old-${folder}`), { recursive: true })
      }
      await node.start()
      await putAll(put)
      assert.equal(await node.stop(), 0)
      for (const folder of folders) {
        await rm(join(home, folder), { recursive: true })
        await cp(join(home, `old-${folder}`), join(home, folder), { recursive: true })
      }
    },
  }
}

const losses: readonly Loss[] = [
  removed('its whole metadata folder', '.'),
  removed('its database', 'db'),
  putBack(
    'what an old copy of both folders lacks',
    /are missing, which node .* remembers: an older copy of the folders was put back/,
    ['meta', 'blocks'],
  ),
  putBack('what an old copy of its metadata folder lacks', /writes .* are missing at the end/, [
    'meta',
  ]),
]

for (const { name, says, lose } of losses) {
  test(`a node that lost ${name} comes back by itself, and never says what is not so`, async (t) => {
    const cluster = await openCluster()
    let witness: Witness | undefined
    try {
      const { nodes, clients } = await threeServing(cluster, BUCKET)
      const [a, b, c] = nodes
      const [throughA, throughB, throughC] = clients
      const id = await c.id()
      await lose(c, async (index, body) => {
        const at = { method: 'PUT', bucket: BUCKET, key: KEYS[index]! } as const
        const put = await throughA.call({ ...at, body })
        assert.equal(put.status, 200, put.body.toString())
      })
      witness = new Witness(throughC)
      witness.begin()
      const began = performance.now()
      // Looked for from the first moment on, on two nodes: it says so only until it has copied them.
      const told = within(120_000, async () => {
        const notices = await Promise.all([b, c].map((node) => noticeOf(id, node)))
        assert.match(notices.join('\n'), says)
      })
      await Promise.all([told, c.start()])
      assert.equal(await c.id(), id, 'it is the same node')
      await within(120_000, () => checked(b))
      t.diagnostic(`whole again after ${Math.round(performance.now() - began)} ms`)
      const { counts } = witness
      await within(90_000, async () => assert.ok((counts.get(200) ?? 0) > 100))
      await witness.end()
      t.diagnostic(`it answered ${JSON.stringify([...counts])}`)
      assert.deepEqual(witness.wrong.slice(0, 5), [])
      // It votes again: with another one down, what is written is acknowledged.
      await a.kill()
      await within(90_000, async () => {
        const put = await throughC.call({
          method: 'PUT',
          bucket: BUCKET,
          key: 'new',
          body: Buffer.from('x'),
        })
        assert.equal(put.status, 200, put.body.toString())
      })
      for (const [index, one] of KEYS.entries()) {
        const got = await throughB.call({ method: 'GET', bucket: BUCKET, key: one })
        assert.ok(got.body.equals(contentAt(index)), `${one}: ${got.status}`)
      }
      for (const client of clients) client.close()
    } finally {
      await witness?.end()
      await cluster.remove()
    }
  })
}
