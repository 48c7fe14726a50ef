import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError } from '../../src/config/errors.ts'
import { readConfig } from '../../src/config/load.ts'
import type { Config } from '../../src/config/schema.ts'

const SECRET = '9d1c3e5f7a8b2046c1e0f3d5a79b8c6240e1d2f3b4a5968778695a4b3c2d1e0f'

/** What becomes of a key: it does what it does in Garage, it is warned of, or it ends the start. */
type Fate = 'honoured' | 'warned' | 'refused'

/** Each key of Garage v2's configuration reference: a value as its pages show it, and its fate. */
const table: readonly (readonly [path: string, value: string, fate: Fate])[] = [
  ['metadata_dir', '"/var/lib/garage/meta"', 'honoured'],
  ['data_dir', '"/var/lib/garage/data"', 'honoured'],
  ['data_dir', '[{ path = "/var/lib/garage/data", capacity = "2T" }]', 'honoured'],
  ['data_dir', '[{ path = "/a", capacity = "2T" }, { path = "/b", capacity = "4T" }]', 'refused'],
  ['data_dir', '[{ path = "/a", read_only = true }]', 'refused'],
  ['metadata_fsync', 'false', 'warned'],
  ['metadata_fsync', 'true', 'honoured'],
  ['data_fsync', 'false', 'warned'],
  ['data_fsync', 'true', 'honoured'],
  ['disable_scrub', 'false', 'warned'],
  ['use_local_tz', 'false', 'warned'],
  ['metadata_snapshots_dir', '"/var/lib/garage/snapshots"', 'warned'],
  ['metadata_auto_snapshot_interval', '"6h"', 'warned'],
  ['block_size', '"1M"', 'warned'],
  ['replication_factor', '3', 'honoured'],
  ['consistency_mode', '"consistent"', 'honoured'],
  ['consistency_mode', '"degraded"', 'refused'],
  ['consistency_mode', '"dangerous"', 'refused'],
  ['replication_mode', '"3"', 'refused'],
  ['compression_level', '1', 'warned'],
  ['compression_level', '"none"', 'warned'],
  ['block_ram_buffer_max', '"256MiB"', 'warned'],
  ['allow_world_readable_secrets', 'false', 'honoured'],
  ['rpc_secret', `"${SECRET}"`, 'honoured'],
  ['rpc_bind_addr', '"[::]:3901"', 'honoured'],
  ['rpc_bind_outgoing', 'false', 'warned'],
  ['rpc_public_addr', '"10.0.0.1:3901"', 'honoured'],
  ['rpc_public_addr_subnet', '"10.0.0.0/8"', 'warned'],
  ['rpc_ping_timeout_msec', '10000', 'warned'],
  ['rpc_timeout_msec', '300000', 'warned'],
  ['bootstrap_peers', `["${'ab'.repeat(32)}@10.0.0.2:3901"]`, 'honoured'],
  ['db_engine', '"lmdb"', 'warned'],
  ['db_engine', '"sqlite"', 'warned'],
  ['lmdb_map_size', '"1T"', 'warned'],
  ['allow_punycode', 'false', 'warned'],
  ['consul_discovery.api', '"catalog"', 'warned'],
  ['consul_discovery.consul_http_addr', '"http://127.0.0.1:8500"', 'warned'],
  ['consul_discovery.service_name', '"garage"', 'warned'],
  ['consul_discovery.ca_cert', '"/etc/consul/ca.crt"', 'warned'],
  ['consul_discovery.client_cert', '"/etc/consul/client.crt"', 'warned'],
  ['consul_discovery.client_key', '"/etc/consul/client.key"', 'warned'],
  ['consul_discovery.token', '"a-token"', 'warned'],
  ['consul_discovery.tls_skip_verify', 'false', 'warned'],
  ['consul_discovery.tags', '["dns-enabled"]', 'warned'],
  ['consul_discovery.meta', '{ dns-acl = "allow" }', 'warned'],
  ['kubernetes_discovery.namespace', '"garage"', 'warned'],
  ['kubernetes_discovery.service_name', '"garage"', 'warned'],
  ['kubernetes_discovery.skip_crd', 'false', 'warned'],
  ['s3_api.api_bind_addr', '"[::]:3900"', 'honoured'],
  ['s3_api.api_bind_addr', '"/run/garage/s3.sock"', 'refused'],
  ['s3_api.s3_region', '"garage"', 'honoured'],
  ['s3_api.root_domain', '".s3.garage.localhost"', 'honoured'],
  ['k2v_api.api_bind_addr', '"[::]:3904"', 'warned'],
  ['s3_web.bind_addr', '"[::]:3902"', 'honoured'],
  ['s3_web.root_domain', '".web.garage.localhost"', 'honoured'],
  ['s3_web.index', '"index.html"', 'warned'],
  ['s3_web.add_host_to_metrics', 'true', 'honoured'],
  ['admin.api_bind_addr', '"[::]:3903"', 'honoured'],
  ['admin.admin_token', '"UkLeGWEvHnXBqnueR3ISEMWpOnm40jH2tM2HnnL/0F4="', 'honoured'],
  ['admin.metrics_token', '"BCAdFjoa9G0KJR0WXnHHm7fs1ZAbfpI8iIZ+Z/a2NgI="', 'honoured'],
  ['admin.metrics_require_token', 'true', 'honoured'],
  ['admin.trace_sink', '"http://localhost:4317"', 'warned'],
]

/** Keys that hold the path of a file with what another holds. */
const files = ['rpc_secret_file', 'admin.admin_token_file', 'admin.metrics_token_file']

/** The least that a file needs, without the keys of `but`. */
function leastWithout(path: string): string[] {
  const least = { metadata_dir: '"/m"', data_dir: '"/d"', replication_factor: '1' }
  const secret = { rpc_secret: `"${SECRET}"` }
  return Object.entries({ ...least, ...secret })
    .filter(([name]) => name !== path)
    .map(([name, value]) => `${name} = ${value}`)
}

function fileWith(path: string, value: string): string {
  const [first, second] = path.split('.')
  const lines =
    second === undefined ? [`${path} = ${value}`] : [`[${first}]`, `${second} = ${value}`]
  return [...leastWithout(path), ...lines].join('\n')
}

function read(text: string): Config {
  return readConfig(text, 'garage.toml', {})
}

test('each key of Garage is honoured, warned of by name, or refused by name', () => {
  for (const [path, value, fate] of table) {
    const text = fileWith(path, value)
    const name = path.includes('_discovery') || path.startsWith('k2v') ? path.split('.')[0]! : path
    if (fate === 'refused') {
      assert.throws(
        () => read(text),
        (error) => error instanceof ConfigError && error.message.includes(name),
        `${path} = ${value}`,
      )
      continue
    }
    const { warnings } = read(text)
    const own = warnings.filter((warning) => warning.includes(name))
    assert.equal(own.length, fate === 'warned' ? 1 : 0, `${path} = ${value}: ${warnings.join()}`)
    assert.equal(warnings.length, own.length, `${path} = ${value}: ${warnings.join()}`)
  }
})

test('the table names each of the 57 keys, those that stand for a file beside them', () => {
  const entry = ['path', 'capacity', 'read_only']
  const named = new Set(table.map(([path]) => path))
  // Not counted as keys of Garage: its samples show `index`, which it ignores.
  named.delete('s3_web.index')
  assert.equal(named.size + files.length + entry.length, 57)
})

const byText = (a = '', b = ''): number => (a < b ? -1 : 1)

test('a whole file of Garage starts, with one warning for each key that means nothing', () => {
  const tops: string[] = []
  const sections = new Map<string, string[]>()
  const taken = new Set<string>()
  for (const [path, value, fate] of table) {
    if (fate === 'refused' || taken.has(path)) continue
    taken.add(path)
    const [first, second] = path.split('.')
    if (second === undefined) tops.push(`${path} = ${value}`)
    else sections.set(first!, [...(sections.get(first!) ?? []), `${second} = ${value}`])
  }
  const blocks = [...sections].map(([name, lines]) => `[${name}]\n${lines.join('\n')}`)
  const config = read([...tops, ...blocks].join('\n'))
  assert.equal(config.replicationFactor, 3)
  const subjects = config.warnings.map((warning) => warning.split(' ')[0])
  assert.equal(new Set(subjects).size, subjects.length)
  const warned = new Set(
    table
      .filter(([, , fate]) => fate === 'warned')
      .map(([path]) => (/^(?:\w+_discovery|k2v_api)\./.test(path) ? path.split('.')[0]! : path)),
  )
  assert.deepEqual(subjects.toSorted(byText), [...warned].toSorted(byText))
})
