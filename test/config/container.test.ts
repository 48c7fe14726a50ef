import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { readConfig } from '../../src/config/load.ts'

const alone = 'doc/operations/container.toml'
const together = 'doc/operations/cluster.toml'
const compose = readFileSync('docker-compose.yml', 'utf8')
const dockerfile = readFileSync('Dockerfile', 'utf8')
const config = readConfig(readFileSync(alone, 'utf8'), alone, {})

/** The lines of one service. */
function service(name: string): string {
  return new RegExp(`^  ${name}:\\n((?:    .*\\n)+)`, 'm').exec(compose)![1]!
}

const draw = (): never => {
  throw new Error('drawn')
}

test('the settings of the container are whole, without secrets, and one node alone', () => {
  assert.deepEqual(config.warnings, [])
  assert.equal(config.replicationFactor, 1)
  assert.equal(config.admin.adminToken, undefined)
})

test('the Dockerfile opens the ports and keeps the folders of the settings', () => {
  for (const bind of [config.s3.bind, config.web.bind, config.admin.bind]) {
    assert.equal(bind?.host, '::', 'reachable from outside the container')
    assert.match(dockerfile, new RegExp(`EXPOSE .*\\b${bind.port}\\b`))
  }
  for (const folder of [config.metadataDir, config.dataDir]) {
    assert.match(dockerfile, new RegExp(`VOLUME .*"${folder}"`))
  }
  assert.match(dockerfile, new RegExp(`COPY ${alone} /etc/hangar\\.toml`))
  assert.match(dockerfile, /HANGAR_CONFIG_FILE=\/etc\/hangar\.toml/)
  assert.match(dockerfile, new RegExp(`COPY ${together} /etc/hangar-cluster\\.toml`))
})

test('docker-compose.yml starts as many nodes as form, each in its zone, under its name', () => {
  const names = [...compose.matchAll(/^ {2}(node-\w):$/gm)].map((match) => match[1]!)
  const text = readFileSync(together, 'utf8').replace(/^rpc_secret_(file|create).*\n/gm, '')
  const secret = '9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d5a0f6a1fd6c6e4cfb1b2f0c8a7e93d21'
  const zones = names.map((name) => {
    const lines = service(name)
    const environment = Object.fromEntries(
      [...lines.matchAll(/^ {6}(HANGAR_\w+): (\S+)$/gm)].map((match) => [match[1]!, match[2]!]),
    )
    assert.equal(environment['HANGAR_CONFIG_FILE'], '/etc/hangar-cluster.toml')
    const node = readConfig(text, together, { ...environment, HANGAR_RPC_SECRET: secret })
    assert.deepEqual(node.warnings, [])
    assert.equal(node.rpc.publicAddress, `${name}:${node.rpc.bind?.port}`)
    assert.ok(node.rpc.bootstrapPeers.includes(`${name}:${node.rpc.bind?.port}`))
    assert.deepEqual([node.firstLayout?.nodes, node.replicationFactor], [names.length, 3])
    for (const bind of [node.s3.bind, node.web.bind, node.admin.bind, node.rpc.bind]) {
      assert.equal(bind?.host, '::')
      assert.match(dockerfile, new RegExp(`EXPOSE .*\\b${bind.port}\\b`))
    }
    for (const folder of [node.metadataDir, node.dataDir, '/data/secret']) {
      assert.match(lines, new RegExp(`:${folder}\\n`))
    }
    return node.firstLayout?.zone
  })
  assert.equal(new Set(zones).size, 3)
  assert.match(service('node-a'), /'127\.0\.0\.1:3900:3900'/, 'what the log tells to connect to')
  const published = [...compose.matchAll(/'127\.0\.0\.1:(\d+):/g)].map((match) => match[1])
  assert.equal(new Set(published).size, published.length)
})

test('compose builds the image once, before whatever uses it, and asks no registry for it', () => {
  assert.equal(compose.match(/^ +build:/gm)?.length, 1)
  assert.match(service('node-a'), /^ {4}build: \.$/m)
  for (const name of ['node-b', 'node-c']) {
    assert.match(service(name), /^ {4}depends_on: \[node-a\]$/m)
  }
  assert.match(compose, /^x-node: &node\n {2}image: hangar\n(?: {2}.*\n)*? {2}pull_policy: never$/m)
  assert.equal(compose.match(/^ {4}<<: \*node$/gm)?.length, 3)
  assert.doesNotMatch(compose, /^version:/m, 'version 2 of compose warns of it')
})

test('the secret of the compose file stands nowhere: it is drawn into what all nodes share', () => {
  const text = readFileSync(together, 'utf8')
  assert.match(text, /^rpc_secret_file = "\/data\/secret\/rpc-secret"$/m)
  assert.throws(
    () => readConfig(text, together, { HANGAR_FIRST_LAYOUT_ZONE: 'a' }, draw),
    /rpc_secret_file: .*drawn/,
  )
  assert.equal(compose.match(/- secret:\/data\/secret$/gm)?.length, 3)
  assert.match(dockerfile, /chmod 1777 .*\/data\/secret/)
})

test('the health check of both is a command of the node', () => {
  assert.match(compose, /\['CMD', 'hangar', 'status', '--quiet'\]/)
  assert.match(dockerfile, /HEALTHCHECK .*CMD \["hangar", "status", "--quiet"\]/)
})
