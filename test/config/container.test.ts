import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { readConfig } from '../../src/config/load.ts'

const file = 'doc/operations/container.toml'
const config = readConfig(readFileSync(file, 'utf8'), file, {})
const compose = readFileSync('docker-compose.yml', 'utf8')
const dockerfile = readFileSync('Dockerfile', 'utf8')

test('the settings of the container are whole, without secrets, and one node alone', () => {
  assert.deepEqual(config.warnings, [])
  assert.equal(config.replicationFactor, 1)
  assert.equal(config.admin.adminToken, undefined)
})

test('docker-compose.yml and Dockerfile open the ports and keep the folders of the settings', () => {
  for (const bind of [config.s3.bind, config.web.bind, config.admin.bind]) {
    assert.equal(bind?.host, '::', 'reachable from outside the container')
    assert.match(compose, new RegExp(`'127\\.0\\.0\\.1:${bind.port}:${bind.port}'`))
    assert.match(dockerfile, new RegExp(`EXPOSE .*\\b${bind.port}\\b`))
  }
  for (const folder of [config.metadataDir, config.dataDir]) {
    assert.match(compose, new RegExp(`:${folder}\\n`))
    assert.match(dockerfile, new RegExp(`VOLUME .*"${folder}"`))
  }
  assert.match(dockerfile, new RegExp(`COPY ${file} /etc/hangar\\.toml`))
  assert.match(dockerfile, /HANGAR_CONFIG_FILE=\/etc\/hangar\.toml/)
})

test('the health check of both is a command of the node', () => {
  assert.match(compose, /\['CMD', 'hangar', 'status', '--quiet'\]/)
  assert.match(dockerfile, /HEALTHCHECK .*CMD \["hangar", "status", "--quiet"\]/)
})
