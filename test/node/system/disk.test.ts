import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { systemDisk } from '../../../src/node/system/disk.ts'

const root = mkdtempSync(join(tmpdir(), 'hangar-disk-'))
after(() => rmSync(root, { recursive: true }))

const isCode =
  (code: string) =>
  (error: unknown): boolean =>
    error instanceof Error && 'code' in error && error.code === code

test('open() makes a file once, with mode 0600', async () => {
  const path = join(root, 'file')
  await assert.rejects(systemDisk.open(path, { create: false }), isCode('ENOENT'))
  const file = await systemDisk.open(path, { create: true })
  assert.equal(statSync(path).mode & 0o777, 0o600)
  await assert.rejects(systemDisk.open(path, { create: true }), isCode('EEXIST'))
  await file.close()
})

test('write() and read() move bytes at a position, small and large', async () => {
  const file = await systemDisk.open(join(root, 'bytes'), { create: true })
  for (const size of [10, 4096, 300_000]) {
    const bytes = Uint8Array.from({ length: size }, (_, index) => (index * 7) % 256)
    await file.write(bytes, 100)
    await file.datasync()
    const target = new Uint8Array(size + 50)
    assert.equal(await file.read(target, 100), (await file.sizeBytes()) - 100)
    assert.deepEqual(target.subarray(0, size), bytes)
  }
  assert.equal(await file.read(new Uint8Array(10), 1_000_000), 0)
  await file.close()
})

test('replace() leaves no draft, and calls of one path do not mix', async () => {
  const path = join(root, 'state')
  assert.equal(await systemDisk.readSmall(path), undefined)
  await Promise.all(
    [1, 2, 3, 4].map((value) => systemDisk.replace(path, new Uint8Array(2000).fill(value))),
  )
  assert.deepEqual(await systemDisk.readSmall(path), Buffer.alloc(2000, 4))
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.ok(!readdirSync(root).includes('state.new'))
})

test('makeFolder() makes what is missing above, and leaves what is there', async () => {
  const path = join(root, 'a', 'b', 'c')
  await systemDisk.makeFolder(path)
  await systemDisk.makeFolder(path)
  assert.ok(statSync(path).isDirectory())
  await systemDisk.replace(join(root, 'plain'), new Uint8Array(1))
  await assert.rejects(systemDisk.makeFolder(join(root, 'plain')), isCode('EEXIST'))
})

test('list() and remove() take an absent name for nothing', async () => {
  assert.deepEqual(await systemDisk.list(join(root, 'absent')), [])
  await systemDisk.remove(join(root, 'absent'))
  await systemDisk.makeFolder(join(root, 'some'))
  await systemDisk.replace(join(root, 'some', 'x'), new Uint8Array(1))
  assert.deepEqual(await systemDisk.list(join(root, 'some')), ['x'])
  await systemDisk.remove(join(root, 'some', 'x'))
  assert.deepEqual(await systemDisk.list(join(root, 'some')), [])
})

test('link() gives a file a second name, and renameFolder() and removeFolder() take all that is in a folder', async () => {
  const [from, to, last] = ['from', 'to', 'last'].map((name) => join(root, name)) as [
    string,
    string,
    string,
  ]
  await systemDisk.makeFolder(join(from, 'in'))
  await systemDisk.makeFolder(to)
  await systemDisk.replace(join(from, 'x'), Uint8Array.of(7))
  await systemDisk.link(join(from, 'x'), join(to, 'y'))
  await assert.rejects(systemDisk.link(join(from, 'x'), join(to, 'y')), { code: 'EEXIST' })
  await systemDisk.remove(join(from, 'x'))
  await systemDisk.renameFolder(to, last)
  assert.deepEqual(await systemDisk.readSmall(join(last, 'y')), Buffer.of(7))
  assert.deepEqual(await systemDisk.list(to), [])
  for (const folder of [from, last, last]) await systemDisk.removeFolder(folder)
  assert.deepEqual((await systemDisk.list(root)).includes('last'), false)
  assert.deepEqual((await systemDisk.list(root)).includes('from'), false)
})

test('space() says how much the drive has', async () => {
  const { availableBytes, totalBytes } = await systemDisk.space(root)
  assert.ok(availableBytes > 0 && availableBytes <= totalBytes)
})
