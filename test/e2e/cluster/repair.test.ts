import assert from 'node:assert/strict'
import { open, readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import type { RepairCheckAnswer } from '../../../src/api/admin/answers.ts'
import type { NodesAnswer } from '../../../src/api/admin/nodes.ts'
import { silentLog } from '../../../src/base/log.ts'
import { openRows } from '../../../src/db/open.ts'
import { systemClock } from '../../../src/node/system/clock.ts'
import { systemDisk } from '../../../src/node/system/disk.ts'
import { systemRng } from '../../../src/node/system/rng.ts'
import { registerTree } from '../../../src/table/schema.ts'
import { bytesOf } from '../../support/content.ts'
import { openCluster, type ClusterNode } from '../../support/spawn-cluster.ts'
import { command, threeServing, within } from './steps.ts'

const BUCKET = 'checked'
const OBJECTS = 12
/** Those that have a manifest. */
const LARGE = 8

async function checked(
  node: ClusterNode,
  ...words: readonly string[]
): Promise<{ readonly code: number | null; readonly report: RepairCheckAnswer }> {
  const { code, stdout, stderr } = await command(node, 'repair', '--check', '--json', ...words)
  assert.notEqual(stdout, '', stderr)
  return { code, report: JSON.parse(stdout) as RepairCheckAnswer }
}

/** Writes over some bytes of every record that lies on a node's drive. */
async function damageBlocks({ settings }: ClusterNode): Promise<void> {
  const folder = join(dirname(settings), 'blocks')
  for (const name of await readdir(folder)) {
    if (!name.endsWith('.segment')) continue
    const file = await open(join(folder, name), 'r+')
    const page = Buffer.alloc(4096)
    for (let at = 0; at < 16 * 1024 * 1024; at += 64 * 1024) {
      await file.read(page, 0, page.length, at)
      if (page.every((byte) => byte === 0)) continue
      page[100]! ^= 0xff
      await file.write(page, 0, page.length, at)
    }
    await file.datasync()
    await file.close()
  }
}

/** Takes the header of a manifest out of a stopped node's database. */
async function dropManifest({ settings }: ClusterNode): Promise<string> {
  const { db } = await openRows({
    folder: join(dirname(settings), 'meta'),
    ...{ disk: systemDisk, clock: systemClock, rng: systemRng(), log: silentLog },
    onFatal: (fault) => assert.fail(fault.message),
  })
  const tree = registerTree({ name: 'manifest', tag: 'm' })
  const entry = (await db.range(tree, { limit: 100 })).find(({ key }) => key.endsWith('!'))
  assert.ok(entry)
  await db.write((batch) => batch.del(tree, entry.key))
  await db.close()
  return entry.key
}

test('what is lost on one of three nodes is found from another, and mended by the workers', async (t) => {
  const cluster = await openCluster()
  try {
    const { nodes, clients } = await threeServing(cluster, BUCKET)
    const [a, b, c] = nodes
    const [client] = clients
    for (let index = 0; index < OBJECTS; index += 1) {
      const body = bytesOf({ seed: index + 1, size: index % 3 === 0 ? 2_000 : 300_000 })
      const put = await client.call({ method: 'PUT', bucket: BUCKET, key: `${index}`, body })
      assert.equal(put.status, 200, put.body.toString())
    }
    const ofC = await c.id()
    await within(180_000, async () => {
      for (const node of nodes) {
        const { code, report } = await checked(node)
        assert.equal(code, 0, JSON.stringify(report))
        assert.deepEqual(
          report.nodes.map(({ scanned }) => scanned['objects']),
          Array(3).fill(OBJECTS),
        )
      }
    })

    for (const repairType of ['tables', 'blocks']) {
      const launched = await b.admin<NodesAnswer>('LaunchRepairOperation?node=*', { repairType })
      assert.equal(Object.keys(launched.success).length, 3, JSON.stringify(launched))
    }
    const { success } = await b.admin<NodesAnswer>('ListWorkers?node=*', {})
    for (const workers of Object.values(success) as { name: string }[][]) {
      const names = workers.map(({ name }) => name)
      for (const name of [
        'table-sync',
        'table-collect',
        'block-fetch',
        'block-resync',
        'release',
      ]) {
        assert.ok(names.includes(name), names.join())
      }
    }
    await within(90_000, async () => {
      assert.match((await c.ask('/metrics')).text, /^block_resync_queue_length 0$/m)
      const { freeform } = await b.admin<{ freeform: string }>('GetClusterStatistics')
      assert.match(freeform, /Blocks with a copy less than they should have: 0/)
    })

    await damageBlocks(c)
    const damaged = await checked(a, '--read-blocks')
    assert.equal(damaged.code, 1, JSON.stringify(damaged.report))
    const found = damaged.report.findings.filter(({ kind }) => kind === 'block-damaged')
    assert.ok(found.length > 0)
    for (const { node } of found) assert.equal(node, ofC)
    t.diagnostic(`${found.length} damaged blocks found`)
    const mended = await within(120_000, async () => {
      const { code, report } = await checked(b, '--read-blocks')
      assert.equal(code, 0, JSON.stringify(report))
    })
    t.diagnostic(`all of them mended ${mended} ms later`)

    await c.kill()
    const down = await checked(a)
    assert.equal(down.code, 2, JSON.stringify(down.report))
    assert.deepEqual(
      down.report.silent.map(({ node }) => node),
      [ofC],
    )
    const lost = await dropManifest(c)
    await c.start()
    const back = await within(120_000, async () => {
      const { code, report } = await checked(a)
      assert.equal(code, 0, JSON.stringify(report))
      const scanned = report.nodes.find(({ id }) => id === ofC)?.scanned
      assert.equal(scanned?.['manifests'], LARGE)
    })
    t.diagnostic(`the row "${lost.replaceAll('\0', ' ')}" is back after ${back} ms`)
    client.close()
    for (const node of nodes) assert.equal(await node.stop(), 0)
  } finally {
    await cluster.remove()
  }
})
