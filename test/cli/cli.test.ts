import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import type { BucketAnswer, CheckAnswer, KeyAnswer } from '../../src/api/admin/answers.ts'
import { startNode, type RunningNode } from '../../src/node/node.ts'
import { simulate, type Verdict } from '../../src/simulation/simulate.ts'
import { say, type Said } from './terminal.ts'

const folder = mkdtempSync(join(tmpdir(), 'hangar-cli-'))
let node: RunningNode
let environment: Record<string, string>

before(async () => {
  node = await startNode({ data: join(folder, 'node'), s3: {}, admin: { token: 'a-token' } })
  environment = { HANGAR_ADMIN_ENDPOINT: node.admin!.endpoint, HANGAR_ADMIN_TOKEN: 'a-token' }
})
after(async () => {
  await node.stop()
  rmSync(folder, { recursive: true, force: true })
})

function hangar(...words: string[]): Promise<Said> {
  return say(words, { environment, folder })
}

async function failedSeeds(words: readonly string[]): Promise<number[]> {
  const { out } = await hangar('sim', ...words, '--jobs', '1', '--json')
  const verdicts = out.split('\n').map((line) => JSON.parse(line) as Verdict)
  return verdicts.filter(({ violations }) => violations.length > 0).map(({ seed }) => seed)
}

async function json<Answer>(...words: string[]): Promise<Answer> {
  const { code, out, err } = await hangar(...words, '--json')
  assert.equal(code, 0, err)
  return JSON.parse(out) as Answer
}

test('status shows the node, and its exit code is a health check', async () => {
  const { code, out } = await hangar('status')
  assert.equal(code, 0)
  assert.match(out, /^Cluster +healthy\nLayout +0 \(one node, alone\)\n/)
  assert.match(out, /\nNODE +HOST +ADDRESS +STATE +ZONE +CAPACITY +FREE +MISSING\n[0-9a-f]{16} /)
  const quiet = await hangar('status', '--quiet')
  assert.deepEqual([quiet.code, quiet.out, quiet.err], [0, '', ''])
  const { health } = await json<{ health: { partitions: number } }>('status')
  assert.equal(health.partitions, 256)
})

test('key create, info, rename, set, allow, deny and delete work as people type them', async () => {
  const made = await json<KeyAnswer>('key', 'create', 'backup')
  assert.equal(made.permissions.createBucket, false)
  assert.equal(made.secretAccessKey?.length, 64)
  const table = await hangar('key', 'list')
  assert.match(table.out, new RegExp(`\\n${made.accessKeyId}  backup  \\d{4}-\\d\\d-\\d\\d  never`))
  assert.match((await hangar('key', 'info', 'backup')).out, /Key ID +GK/)
  assert.ok(!(await hangar('key', 'info', 'backup')).out.includes(made.secretAccessKey))
  const shown = await hangar('key', 'info', 'backup', '--show-secret')
  assert.ok(shown.out.includes(made.secretAccessKey))
  const allowed = await json<KeyAnswer>('key', 'allow', 'backup', '--create-bucket')
  assert.equal(allowed.permissions.createBucket, true)
  const denied = await json<KeyAnswer>('key', 'deny', 'backup', '--create-bucket')
  assert.equal(denied.permissions.createBucket, false)
  assert.equal((await json<KeyAnswer>('key', 'rename', 'backup', 'archive')).name, 'archive')
  const ending = await json<KeyAnswer>('key', 'set', 'archive', '--expires-in', '30d')
  const days = (Date.parse(ending.expiration!) - Date.now()) / 86_400_000
  assert.ok(days > 29.9 && days < 30.1)
  assert.equal((await json<KeyAnswer>('key', 'set', 'archive', '--never-expires')).expiration, null)
  const asked = await hangar('key', 'delete', 'archive')
  assert.deepEqual([asked.code, /--yes/.test(asked.err)], [1, true])
  assert.equal((await hangar('key', 'delete', 'archive', '--yes')).code, 0)
  assert.equal((await hangar('key', 'info', 'archive')).code, 1)
})

test('key import takes a key as it is', async () => {
  const taken = await json<KeyAnswer>('key', 'import', 'AKIAELSEWHERE', 'secret/1', '-n', 'old')
  assert.deepEqual([taken.accessKeyId, taken.name], ['AKIAELSEWHERE', 'old'])
  const again = await hangar('key', 'import', 'AKIAELSEWHERE', 'secret/1')
  assert.equal(again.code, 1)
})

test('bucket create, list, info, allow, deny and delete work as people type them', async () => {
  await hangar('key', 'create', 'app')
  const made = await json<BucketAnswer>('bucket', 'create', 'photos', '--key', 'app')
  assert.deepEqual(made.keys[0]!.permissions, { read: true, write: true, owner: true })
  assert.match((await hangar('bucket', 'list')).out, /^BUCKET +CREATED +ID\nphotos /)
  assert.match((await hangar('bucket', 'info', 'photos')).out, /Objects +0 \(0 B\)/)
  const denied = await json<BucketAnswer>('bucket', 'deny', 'photos', '--key', 'app', '--owner')
  assert.equal(denied.keys[0]!.permissions.owner, false)
  const allowed = await json<BucketAnswer>('bucket', 'allow', 'photos', '--key', 'app', '--owner')
  assert.equal(allowed.keys[0]!.permissions.owner, true)
  const nothing = await hangar('bucket', 'allow', 'photos', '--key', 'app')
  assert.match(nothing.err, /Give --read, --write or --owner/)
  assert.equal((await hangar('bucket', 'delete', 'photos')).code, 1)
  assert.equal((await hangar('bucket', 'delete', 'photos', '--yes')).code, 0)
  assert.equal((await hangar('bucket', 'create', 'photos', '--key', 'nobody')).code, 1)
  assert.doesNotMatch((await hangar('bucket', 'list')).out, /photos/)
})

test('check and scrub report on the node', async () => {
  const report = await json<CheckAnswer>('check')
  assert.deepEqual([report.clean, report.faults], [true, []])
  assert.match((await hangar('check')).out, /All is well\.$/)
  assert.match((await hangar('scrub')).out, /0 blocks \(0 B\) read, 0 damaged/)
})

test('json-api makes queries of reads and bodies of writes', async () => {
  const made = JSON.parse(
    (await hangar('json-api', 'CreateKey', '{"name":"raw"}')).out,
  ) as KeyAnswer
  const query = JSON.stringify({ id: made.accessKeyId, showSecretKey: true })
  const read = JSON.parse((await hangar('json-api', 'GetKeyInfo', query)).out) as KeyAnswer
  assert.equal(read.secretAccessKey, made.secretAccessKey)
  const rename = JSON.stringify({ id: made.accessKeyId, name: 'cooked' })
  assert.match((await hangar('json-api', 'UpdateKey', rename)).out, /"name": "cooked"/)
  const launched = await hangar(
    'json-api',
    'LaunchRepairOperation',
    '{"node":"*","repairType":"tables"}',
  )
  assert.match(launched.out, /"success": \{\s+"[0-9a-f]{64}": null/)
  assert.match((await hangar('json-api', 'ListKeys', '[]')).err, /not a JSON object/)
})

test('a typo is answered with what was probably meant', async () => {
  const command = await hangar('buckt', 'list')
  assert.match(command.err, /unknown command 'buckt'\s+\(Did you mean bucket\?\)/)
  const option = await hangar('status', '--jsno')
  assert.match(option.err, /Did you mean --json/)
  assert.deepEqual([command.code, option.code], [1, 1])
  assert.equal((await hangar('--help')).code, 0)
  assert.match((await hangar('--version')).out, /^\d+\.\d+\.\d+$/)
})

test('every failure says what to do next', async () => {
  const lost = await say(['status'], { folder: join(folder, 'absent') })
  assert.match(lost.err, /no node is named\nGive --data FOLDER or -c FILE/)
  const wrong = { ...environment, HANGAR_ADMIN_TOKEN: 'wrong' }
  assert.match((await say(['key', 'list'], { environment: wrong })).err, /is not this node's/)
  const closed = { HANGAR_ADMIN_ENDPOINT: 'http://127.0.0.1:1', HANGAR_ADMIN_TOKEN: 'x' }
  assert.match((await say(['key', 'list'], { environment: closed })).err, /Is the node running\?/)
  assert.match((await hangar('status', '--data', join(folder, 'x'))).err, /hangar dev --data/)
  assert.match((await hangar('server')).err, /hangar server -c node\.toml/)
  assert.match((await hangar('server', '-c', 'no.toml')).err, /there is no such file/)
})

test('the node is found by its settings file and the token that it drew', async () => {
  const config = join(folder, 'node.toml')
  const meta = join(folder, 'other', 'meta')
  const other = await startNode({
    metadataDir: meta,
    dataDir: join(folder, 'other', 'blocks'),
    admin: { port: 0 },
  })
  const address = other.admin!.endpoint.replace('http://', '')
  writeFileSync(
    config,
    `metadata_dir = "${meta}"\ndata_dir = "/d"\nreplication_factor = 1\n[admin]\napi_bind_addr = "${address}"\n`,
  )
  try {
    assert.equal((await say(['status', '-c', config])).code, 0)
    assert.equal((await say(['-c', config, 'key', 'list'])).code, 0)
    const fromEnvironment = { environment: { GARAGE_CONFIG_FILE: config } }
    assert.equal((await say(['status'], fromEnvironment)).code, 0)
  } finally {
    await other.stop()
  }
})

test('half of what names a node is told apart from none', async () => {
  const half = await say(['status'], { folder, environment: { HANGAR_ADMIN_TOKEN: 'a-token' } })
  assert.deepEqual(
    [half.code, half.err.split('\n')[0]],
    [1, 'hangar: HANGAR_ADMIN_ENDPOINT is not set'],
  )
  const bare = { HANGAR_ADMIN_ENDPOINT: '127.0.0.1:3903', HANGAR_ADMIN_TOKEN: 'a-token' }
  const said = await say(['status'], { folder, environment: bare })
  assert.match(said.err, /such as http:\/\/127\.0\.0\.1:3903/)
})

test('key import says which key exists, and recover that the node runs', async () => {
  const words = ['key', 'import', 'GKtwice', 'a-secret-of-its-own']
  assert.equal((await hangar(...words)).code, 0)
  const again = await hangar(...words)
  assert.equal(again.code, 1)
  assert.match(again.err, /"GKtwice": it exists/)
  const nobody = await hangar('recover', '--data', 'nobody')
  assert.deepEqual([nobody.code, /there is no node in/.test(nobody.err)], [1, true])
  assert.equal(existsSync(join(folder, 'nobody')), false)
  writeFileSync(join(folder, 'file'), 'x')
  mkdirSync(join(folder, 'holder'))
  symlinkSync(join(folder, 'file'), join(folder, 'holder', 'meta'))
  const refused = await hangar('recover', '--data', 'holder')
  assert.deepEqual([refused.code, refused.err.includes('refuses a file')], [1, true], refused.err)
  const { code, err } = await hangar('recover', '--data', 'node')
  assert.deepEqual([code, /Stop the node first/.test(err)], [1, true])
})

test('commands of a stopped node take the settings file that the environment names, by either name', async () => {
  for (const name of ['HANGAR_CONFIG_FILE', 'GARAGE_CONFIG_FILE']) {
    const environment = { [name]: 'nowhere.toml' }
    for (const words of [['recover'], ['server'], ['key', 'list']]) {
      const { code, err } = await say(words, { folder, environment })
      assert.deepEqual([code, /nowhere\.toml/.test(err)], [1, true], `${name}: ${err}`)
    }
    const { out } = await say(['doctor'], { folder, environment })
    assert.match(out, /nowhere\.toml/)
  }
})

test('sim replays a seed, and with a planted bug says what it found and fails', async () => {
  const { code, out } = await hangar('sim', '--seed', '7', '--json')
  assert.equal(code, 0)
  assert.deepEqual(JSON.parse(out), await simulate(7))
  const many = await hangar('sim', '--seeds', '2', '--from', '7', '--jobs', '1')
  assert.match(many.out, /2, 0 failed/)
  const planted = await hangar('sim', '--seeds', '3', '--jobs', '1', '--plant', 'a quorum of one')
  assert.equal(planted.code, 1)
  const failed = await failedSeeds(['--seeds', '3', '--plant', 'a quorum of one'])
  assert.ok(failed.length > 0)
  assert.match(planted.out, new RegExp(`3, ${failed.length} failed\\n`))
  assert.match(planted.out, new RegExp(`\\nFailed seeds +${failed.join(', ')}\\n`))
  assert.match(planted.out, /Still fails with/)
  assert.match((await hangar('sim', '--plant', 'none')).err, /no planted bug "none"/)
})

test('a command whose reader leaves ends there, and says nothing of it', async () => {
  const main = join(import.meta.dirname, '../../src/main.js')
  const script =
    '{ "$0" "$1" sim --seeds 200 --jobs 1 --json; echo "ended with $?" >&2; } | head -n 1'
  const child = spawn('sh', ['-c', script, process.execPath, main])
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)])
  assert.equal((JSON.parse(out) as { seed: number }).seed, 1)
  assert.equal(err, 'ended with 141\n')
})

test('plan says what nodes would hold together, and what they would survive', async () => {
  const { code, out } = await hangar('plan', 'a:paris:4T', 'b:lyon:4T', 'c:nice:2T', 'd:nice:1T')
  assert.equal(code, 0)
  assert.match(out, /^Usable +2\.7 TiB of 10\.0 TiB\n/)
  assert.match(out, /\nServes with +any 1 node down\n +any 1 whole zone down\n/)
  assert.match(out, /\nc +nice +1\.8 TiB +171 +1\.8 TiB \(99 %\)\n/)
  assert.match(out, /\nKeeps data with +any 1 node lost for good\n +any 2 nodes, once every copy/)
  const near = ['plan', 'a:x:1T', 'b:x:1T', 'c:x:1T']
  const facts = await json<{ usableBytes: number; zonesDown: number }>(...near)
  assert.deepEqual([facts.usableBytes, facts.zonesDown], [256 * Math.floor(1e12 / 256), 0])
  const few = await hangar('plan', 'a:x:1T', 'b:x:1T')
  assert.deepEqual([few.code, few.out], [1, ''])
  assert.match(few.err, /3 copies want 3 nodes that store, and there are 2/)
  assert.match((await hangar('plan', 'a:x')).err, /"a:x" is no node/)
  assert.match((await hangar('plan', 'a:x:1T', 'a:y:1T')).err, /"a" is named twice/)
})
