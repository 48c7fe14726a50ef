import assert from 'node:assert/strict'
import dns, { type LookupAddress } from 'node:dns'
import { mock, test } from 'node:test'
import type { Link } from '../../../src/base/links.ts'
import { lookUp } from '../../../src/node/system/names.ts'
import { newKey, until } from '../../net/real-mesh.ts'

type Found = (error: Error | null, addresses: readonly LookupAddress[]) => void

/** Lets every name stand for these while `work` runs. */
async function named(
  addresses: readonly LookupAddress[],
  work: () => Promise<void>,
): Promise<void> {
  const looked = (_host: string, _options: unknown, found: Found): void => {
    const error = addresses.length === 0 ? new Error('no such name') : null
    queueMicrotask(() => found(error, addresses))
  }
  const { mock: mocked } = mock.method(dns, 'lookup', looked as unknown as typeof dns.lookup)
  try {
    await work()
  } finally {
    mocked.restore()
  }
}

function look(all: boolean): Promise<string | LookupAddress[]> {
  return new Promise((resolve, reject) =>
    lookUp('hangar.test', { all }, (error, found) => (error ? reject(error) : resolve(found))),
  )
}

test('a dial of a name of several nodes meets each of them at times, and says where it leads', async (t) => {
  const [own, far] = [newKey(), newKey()]
  const close = (link: Link): void => link.close('over')
  const listener = await own.links.listen({ host: '127.0.0.1', port: 0 }, close)
  const { port } = listener.address
  const other = await far.links.listen({ host: '127.0.0.2', port }, close)
  t.after(() => Promise.all([listener.close(), other.close()]))
  // As the system answers: first the machine's own address.
  const addresses = ['127.0.0.1', '127.0.0.2'].map((address) => ({ address, family: 4 }))
  const met = new Map<string, string>()
  await named(addresses, async () => {
    for (let dials = 0; dials < 64 && met.size < 2; dials += 1) {
      const link = await newKey().links.dial({ host: 'hangar.test', port })
      assert.deepEqual(link.remote, { host: 'hangar.test', port })
      assert.equal(link.reached.port, port)
      met.set(link.peer, link.reached.host)
      close(link)
    }
  })
  assert.deepEqual(
    met,
    new Map([
      [own.node, '127.0.0.1'],
      [far.node, '127.0.0.2'],
    ]),
  )
})

test('a link knows where it leads by an IPv6 address too', async (t) => {
  const key = newKey()
  const accepted: Link[] = []
  const host = '::1'
  const listener = await key.links
    .listen({ host, port: 0 }, (link) => void accepted.push(link))
    .catch(() => undefined)
  if (listener === undefined) return t.skip('this machine has no IPv6')
  const { port } = listener.address
  const first = await newKey().links.dial({ host, port })
  assert.deepEqual(first.reached, { host, port })
  const second = await newKey().links.dial(first.reached, key.node)
  await until(() => accepted.length === 2, 'both are accepted')
  for (const link of [first, second, ...accepted]) link.close('over')
  await listener.close()
  return undefined
})

test('addresses are mixed within their family, the first family first', async () => {
  const addresses = [
    { address: '::1', family: 6 },
    { address: '127.0.0.1', family: 4 },
    { address: '::2', family: 6 },
    { address: '127.0.0.2', family: 4 },
  ]
  await named(addresses, async () => {
    const seen = new Set<string>()
    for (let looks = 0; looks < 200; looks += 1) {
      const found = (await look(true)) as LookupAddress[]
      seen.add(found.map(({ address }) => address).join(' '))
    }
    const rows = ['::1 ::2', '::2 ::1'].flatMap((six) =>
      ['127.0.0.1 127.0.0.2', '127.0.0.2 127.0.0.1'].map((four) => `${six} ${four}`),
    )
    assert.deepEqual([...seen].sort(), rows)
    assert.match((await look(false)) as string, /^::[12]$/)
  })
  await named([], async () => {
    await assert.rejects(look(true), /no such name/)
    await assert.rejects(newKey().links.dial({ host: 'hangar.test', port: 1 }), {
      code: 'NoAnswer',
    })
  })
})
