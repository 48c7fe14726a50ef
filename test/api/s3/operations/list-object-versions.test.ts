import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { childrenOf, textAt } from '../../../support/xml-tree.ts'
import { openDoor } from '../door.ts'
import type { Door, Reply } from '../door.ts'

let door: Door
before(async () => {
  door = await openDoor({ shardCount: 4 })
  for (const key of ['a', 'b/1', 'b/2', 'c d', 'e']) {
    await door.call({ method: 'PUT', key, body: Buffer.from(key) })
  }
})
after(() => door.close())

const list = (query: Record<string, string> = {}): Promise<Reply> =>
  door.call({ method: 'GET', query: { versions: '', ...query } })
const keys = (reply: Reply): string[] =>
  childrenOf(reply.xml, 'Version').map((version) => textAt(version, 'Key')!)
const prefixes = (reply: Reply): string[] =>
  childrenOf(reply.xml, 'CommonPrefixes').map((one) => textAt(one, 'Prefix')!)

test('listObjectVersions() lists every object as version null, the latest', async () => {
  const reply = await list()
  assert.equal(reply.status, 200)
  assert.equal(reply.xml.name, 'ListVersionsResult')
  assert.deepEqual(keys(reply), ['a', 'b/1', 'b/2', 'c d', 'e'])
  const [first] = childrenOf(reply.xml, 'Version')
  assert.equal(textAt(first!, 'VersionId'), 'null')
  assert.equal(textAt(first!, 'IsLatest'), 'true')
  assert.equal(textAt(first!, 'Size'), '1')
  assert.equal(textAt(first!, 'StorageClass'), 'STANDARD')
  assert.equal(textAt(first!, 'Owner', 'ID'), door.owner.accessKeyId)
  assert.equal(childrenOf(reply.xml, 'NextKeyMarker').length, 0)
})

test('listObjectVersions() pages by key and version without a gap or a repeat', async () => {
  for (const query of [{}, { delimiter: '/' }]) {
    const seen: string[] = []
    let next: Record<string, string> = {}
    for (let page = 0; page < 10; page += 1) {
      const reply = await list({ ...query, ...next, 'max-keys': '1' })
      seen.push(...keys(reply), ...prefixes(reply))
      if (textAt(reply.xml, 'IsTruncated') === 'false') break
      next = { 'key-marker': textAt(reply.xml, 'NextKeyMarker')! }
      const version = childrenOf(reply.xml, 'NextVersionIdMarker')[0]
      assert.equal(version?.text, keys(reply).length === 1 ? 'null' : undefined)
      if (version !== undefined) next['version-id-marker'] = version.text
    }
    const folded = 'delimiter' in query ? ['b/'] : ['b/1', 'b/2']
    assert.deepEqual(seen, ['a', ...folded, 'c d', 'e'])
  }
})

test('listObjectVersions() honours prefix and encoding', async () => {
  assert.deepEqual(keys(await list({ prefix: 'b/' })), ['b/1', 'b/2'])
  const reply = await list({ prefix: 'c ', 'encoding-type': 'url' })
  assert.deepEqual(keys(reply), ['c%20d'])
  assert.equal(textAt(reply.xml, 'Prefix'), 'c%20')
  assert.equal(textAt(reply.xml, 'EncodingType'), 'url')
})

test('listObjectVersions() refuses a version marker that can be of no version', async () => {
  for (const query of [
    { 'version-id-marker': 'null' },
    { 'key-marker': 'a', 'version-id-marker': '' },
    { 'key-marker': 'a', 'version-id-marker': 'x' },
  ]) {
    const reply = await list(query)
    assert.equal(reply.status, 400)
    assert.equal(reply.code, 'InvalidArgument')
    assert.equal(textAt(reply.xml, 'ArgumentName'), 'version-id-marker')
  }
})
