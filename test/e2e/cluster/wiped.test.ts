import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import type { RepairCheckAnswer } from '../../../src/api/admin/answers.ts'
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

for (const [name, lost] of [
  ['its whole metadata folder', '.'],
  ['its database', 'db'],
] as const) {
  test(`a node that lost ${name} comes back by itself, and never says what is not so`, async (t) => {
    const cluster = await openCluster()
    try {
      const { nodes, clients } = await threeServing(cluster, BUCKET)
      const [a, b, c] = nodes
      const [throughA, throughB, throughC] = clients
      for (const [index, one] of KEYS.entries()) {
        const at = { method: 'PUT', bucket: BUCKET, key: one } as const
        const put = await throughA.call({ ...at, body: contentAt(index) })
        assert.equal(put.status, 200, put.body.toString())
      }
      const id = await c.id()
      await c.kill()
      await rm(join(dirname(c.settings), 'meta', lost), { recursive: true })
      const witness = new Witness(throughC)
      witness.begin()
      const began = performance.now()
      await c.start()
      assert.equal(await c.id(), id, 'it is the same node')
      await within(60_000, () => checked(b))
      t.diagnostic(`whole again after ${Math.round(performance.now() - began)} ms`)
      await witness.end()
      t.diagnostic(`it answered ${JSON.stringify([...witness.counts])}`)
      assert.deepEqual(witness.wrong.slice(0, 5), [])
      assert.ok((witness.counts.get(200) ?? 0) > 100)
      // It votes again: with another one down, what is written is acknowledged.
      await a.kill()
      await within(10_000, async () => {
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
      await cluster.remove()
    }
  })
}
