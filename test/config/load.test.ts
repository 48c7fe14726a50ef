import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { configurationPage } from '../../scripts/configuration-page.ts'
import { ConfigError } from '../../src/config/errors.ts'
import { loadConfig, readConfig } from '../../src/config/load.ts'
import type { Environment } from '../../src/config/load.ts'
import type { Config } from '../../src/config/schema.ts'

const folder = mkdtempSync(join(tmpdir(), 'hangar-config-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const secret = '9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d5a0f6a1fd6c6e4cfb1b2f0c8a7e93d21'
const least = `metadata_dir = "/tmp/m"
data_dir = "/tmp/d"
replication_factor = 1
`

function read(text: string, environment: Environment = {}): Config {
  return readConfig(text, 'node.toml', environment)
}

function faultsOf(text: string, environment: Environment = {}): string[] {
  try {
    read(text, environment)
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.faults.map(({ line, text: sentence }) => `${line ?? '-'}: ${sentence}`)
  }
  return []
}

test('readConfig reads the sample of a whole Garage file', () => {
  const config = read(`metadata_dir = "/var/lib/garage/meta"
data_dir = "/var/lib/garage/data"
db_engine = "lmdb"
replication_factor = 1
rpc_bind_addr = "[::]:3901"
rpc_public_addr = "127.0.0.1:3901"
rpc_secret = "${secret}"
[s3_api]
s3_region = "garage"
api_bind_addr = "[::]:3900"
root_domain = ".s3.garage.localhost"
[s3_web]
bind_addr = "[::]:3902"
root_domain = ".web.garage.localhost"
index = "index.html"
add_host_to_metrics = true
[k2v_api]
api_bind_addr = "[::]:3904"
[admin]
api_bind_addr = "[::]:3903"
admin_token = "UkLeGWEvHnXBqnueR3ISEMWpOnm40jH2tM2HnnL/0F4="
metrics_token = "BCAdFjoa9G0KJR0WXnHHm7fs1ZAbfpI8iIZ+Z/a2NgI="
`)
  assert.deepEqual(config.s3, {
    bind: { host: '::', port: 3900 },
    tls: undefined,
    region: 'garage',
    rootDomain: 's3.garage.localhost',
  })
  assert.deepEqual(config.web, {
    bind: { host: '::', port: 3902 },
    tls: undefined,
    rootDomain: 'web.garage.localhost',
    addHostToMetrics: true,
  })
  assert.deepEqual(config.admin.bind, { host: '::', port: 3903 })
  assert.equal(config.rpc.secret, secret)
  assert.equal(config.knowsPeers, false)
  assert.deepEqual(
    config.warnings.map((warning) => warning.split(' ')[0]),
    ['db_engine', 's3_web.index', 'k2v_api'],
  )
})

test('readConfig gives every fault at once with its line', () => {
  const faults = faultsOf(`# a comment
metadata_dir = "/tmp/same"
data_dir = "/tmp/same"
replication_factor = "3"
consistency_mode = "dangerous"
motd = """
[s3_api]
text = 1
"""
[s3_api]
api_bind_adr = "127.0.0.1:3900"
api_bind_addr = "127.0.0.1:99999"

[admin] # here
api_bind_addr = "127.0.0.1:3900"
[s3_web]
bind_addr = "0.0.0.0:3900"
`)
  assert.deepEqual(
    faults.map((line) => line.slice(0, 50)),
    [
      '3: data_dir is the same folder as metadata_dir: gi',
      '4: replication_factor: "3", wanted a whole number ',
      '5: consistency_mode: "dangerous", wanted "consiste',
      '6: unknown key motd: doc/configuration.md lists al',
      '11: unknown key s3_api.api_bind_adr: did you mean ',
      '12: s3_api.api_bind_addr: "127.0.0.1:99999", wante',
      '15: admin.api_bind_addr: port 3900 is also that of',
    ],
  )
})

test('readConfig names the nearest known key', () => {
  assert.deepEqual(faultsOf(`${least}metadta_fsync = true\n`), [
    '4: unknown key metadta_fsync: did you mean metadata_fsync?',
  ])
  assert.deepEqual(faultsOf(`${least}[s3_wbe]\nbind_addr = "x"\n`), [
    '4: unknown key s3_wbe: did you mean s3_web?',
  ])
  assert.match(faultsOf(`${least}[s3_api]\nregoin = "x"\n`)[0]!, /s3_api/)
})

test('readConfig says which required keys are missing', () => {
  const faults = faultsOf('')
  assert.equal(faults.length, 3)
  assert.match(faults.join(), /metadata_dir is missing.*data_dir is missing.*replication_factor is/)
})

test('readConfig tells where a text is not TOML', () => {
  assert.match(faultsOf(`${least}rpc_secret = \n`)[0]!, /^4: this is not TOML: /)
})

test('readConfig warns that syncing cannot be switched off', () => {
  const { warnings } = read(`${least}metadata_fsync = false\ndata_fsync = false\n`)
  assert.deepEqual(warnings, [
    'metadata_fsync = false changes nothing: syncing stays on',
    'data_fsync = false changes nothing: syncing stays on',
  ])
})

test('readConfig refuses secrets that are short, known to all or misshapen, and never shows them', () => {
  for (const bad of ['abc', 'z'.repeat(64), '0'.repeat(64), secret.slice(2)]) {
    const faults = faultsOf(`${least}rpc_secret = "${bad}"\n`)
    assert.equal(faults.length, 1)
    assert.ok(!faults[0]!.includes(bad))
  }
})

test('readConfig takes secrets from the environment before the file', () => {
  const text = `${least}[admin]\nadmin_token = "of-the-file-1234567890"\n`
  assert.equal(read(text).admin.adminToken, 'of-the-file-1234567890')
  assert.equal(read(text, { GARAGE_ADMIN_TOKEN: 'a-token' }).admin.adminToken, 'a-token')
  assert.equal(read(text, { HANGAR_ADMIN_TOKEN: 'a-token' }).admin.adminToken, 'a-token')
  const both = { HANGAR_ADMIN_TOKEN: 'a', GARAGE_ADMIN_TOKEN: 'b' }
  assert.match(faultsOf(text, both)[0]!, /give one of them/)
})

test('readConfig refuses a secret file that others may read, unless allowed', () => {
  const file = join(folder, 'secret')
  writeFileSync(file, `${secret}\n`)
  const text = `${least}rpc_secret_file = "${file}"\n`
  chmodSync(file, 0o644)
  assert.match(faultsOf(text)[0]!, /^4: rpc_secret_file: others may read .*chmod 600/)
  assert.equal(read(`${text}allow_world_readable_secrets = true\n`).rpc.secret, secret)
  const allowed = { GARAGE_ALLOW_WORLD_READABLE_SECRETS: 'true' }
  assert.equal(read(text, allowed).rpc.secret, secret)
  chmodSync(file, 0o600)
  assert.equal(read(text).rpc.secret, secret)
  assert.match(faultsOf(`${text}rpc_secret = "${secret}"\n`)[0]!, /give one of them/)
})

test('readConfig wants a secret of a node that knows peers', () => {
  assert.match(faultsOf(least.replace('= 1', '= 3'))[0]!, /rpc_secret is missing/)
  const peer = `bootstrap_peers = ["${'ab'.repeat(32)}@10.0.0.2:3901"]\n`
  assert.match(faultsOf(least + peer)[0]!, /rpc_secret is missing/)
  assert.equal(read(`${least}${peer}rpc_secret = "${secret}"\n`).knowsPeers, true)
})

test('readConfig takes one drive in every form and no second one', () => {
  const withDrives = (drives: string): string => least.replace('"/tmp/d"', drives)
  assert.equal(read(withDrives('[{ path = "/tmp/d", capacity = "1T" }]')).dataDir, '/tmp/d')
  const two = withDrives('[\n { path = "/a" },\n { path = "/b" },\n]')
  assert.match(faultsOf(two)[0]!, /^2: data_dir: 2 drives, wanted 1/)
  const tables = `${least.replace(/data_dir.*\n/, '')}[[data_dir]]\npath = 7\n`
  assert.match(faultsOf(tables)[0]!, /^3: data_dir: 7, wanted a path/)
})

test('readConfig returns settings that nobody can change', () => {
  const config = read(least)
  assert.throws(() => Object.assign(config.s3, { region: 'x' }), TypeError)
})

test('loadConfig says what to do about a file that is not there', () => {
  assert.throws(() => loadConfig(join(folder, 'absent.toml'), {}), /there is no such file/)
})

test('doc/configuration.md is what the schema says', () => {
  assert.equal(readFileSync('doc/configuration.md', 'utf8'), configurationPage())
})

const forming = `${least.replace('= 1', '= 3')}rpc_secret = "${secret}"
rpc_bind_addr = "[::]:3901"
[first_layout]
`

test('first_layout is read whole, its zone from the environment too', () => {
  const text = `${forming}nodes = 3\nzone = "paris"\ncapacity = "1.5TB"\nbucket = "photos"`
  const whole = { nodes: 3, zone: 'paris', capacityBytes: 1.5e12, bucket: 'photos' }
  const config = read(text)
  assert.deepEqual([config.firstLayout, config.knowsPeers], [whole, true])
  const environment = { HANGAR_FIRST_LAYOUT_ZONE: 'lyon', HANGAR_RPC_PUBLIC_ADDR: 'b:3901' }
  const told = read(`${forming}nodes = 3`, environment)
  assert.equal(told.firstLayout?.zone, 'lyon')
  assert.equal(told.rpc.publicAddress, 'b:3901')
  assert.equal(read(least).firstLayout, undefined)
})

test('first_layout that lacks something, or asks for what cannot be, is refused', () => {
  assert.deepEqual(faultsOf(`${least}[first_layout]\nzone = "a"`), [
    '5: first_layout.zone needs first_layout.nodes: how many nodes make the first layout',
  ])
  const few = faultsOf(`${least.replace('= 1', '= 3')}[first_layout]\nnodes = 2`)
  assert.deepEqual(
    few.map((fault) => fault.replace(/^\S+ /, '').slice(0, 42)),
    [
      'rpc_secret is missing: a node that speaks ',
      'first_layout.nodes needs first_layout.zone',
      'first_layout.nodes needs rpc_bind_addr: th',
      'first_layout.nodes is 2: 3 copies want as ',
    ],
  )
  for (const line of [
    'nodes = 1',
    'nodes = 3.5',
    'capacity = "much"',
    'bucket = "B"',
    'size = 1',
  ]) {
    assert.equal(faultsOf(`${forming}zone = "z"\n${line}`).length >= 1, true, line)
  }
})

test('rpc_secret_create draws the secret where there is none, only for who may', () => {
  const file = join(folder, 'drawn')
  const text = `${least}rpc_secret_file = "${file}"\nrpc_secret_create = true\n`
  const drawn: string[][] = []
  const draw = (path: string, metadataDir: string): void => {
    drawn.push([path, metadataDir])
    writeFileSync(path, `${secret}\n`, { mode: 0o600 })
  }
  assert.match(faultsOf(text)[0]!, /there is no such file/)
  assert.equal(readConfig(text, 'node.toml', {}, draw).rpc.secret, secret)
  assert.equal(readConfig(text, 'node.toml', {}, draw).rpc.secret, secret)
  assert.deepEqual(drawn, [[file, '/tmp/m']])
  const refusing = (): never => {
    throw new Error('it was there')
  }
  rmSync(file)
  assert.throws(
    () => readConfig(text, 'node.toml', {}, refusing),
    /rpc_secret_file: .*it was there/,
  )
  assert.match(faultsOf(`${least}rpc_secret_create = true`)[0]!, /needs rpc_secret_file/)
})

test('rpc_secret_previous takes secrets from before, and shows none of them', () => {
  const other = secret.replace(/^./, (digit) => (digit === '7' ? '8' : '7'))
  const now = `${least}rpc_secret = "${secret}"\n`
  assert.deepEqual(read(now).rpc.previousSecrets, [])
  assert.deepEqual(read(`${now}rpc_secret_previous = ["${other}"]\n`).rpc.previousSecrets, [other])
  const four = `${now}rpc_secret_previous = ${JSON.stringify([other, other, other, other])}\n`
  const short = `${now}rpc_secret_previous = ["${other.slice(1)}"]\n`
  for (const text of [four, short, `${now}rpc_secret_previous = "${other}"\n`]) {
    const [fault] = faultsOf(text)
    assert.match(fault!, /rpc_secret_previous/)
    assert.equal(fault!.includes(other.slice(1)), false)
  }
})

test('readConfig wants a certificate and its key together, in each section', () => {
  for (const section of ['s3_api', 's3_web', 'admin']) {
    const lone = `${least}[${section}]\ntls_key_file = "key.pem"\n`
    assert.deepEqual(faultsOf(lone), [
      `5: ${section}.tls_key_file needs ${section}.tls_certificate_file: give both, or neither for plain http`,
    ])
  }
  const config = read(`${least}[s3_api]\ntls_certificate_file = "/c"\ntls_key_file = "/k"\n`)
  assert.deepEqual(config.s3.tls, { certificateFile: '/c', keyFile: '/k' })
  assert.equal(config.admin.tls, undefined)
})
