/** Commands of those who run a node, as they are typed. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { BucketAnswer, KeyAnswer } from '../../../src/api/admin/answers.ts'
import { startNode, type RunningNode } from '../../../src/node/node.ts'
import { bytesOf } from '../../support/content.ts'
import { SignedClient } from '../../support/signed-client.ts'
import { say, type Said } from '../terminal.ts'

const folder = mkdtempSync(join(tmpdir(), 'hangar-operators-'))
let node: RunningNode
let environment: Record<string, string>

before(async () => {
  node = await startNode({ data: join(folder, 'node'), s3: {}, admin: { token: 'a-token' } })
  environment = { HANGAR_ADMIN_ENDPOINT: node.admin!.endpoint, HANGAR_ADMIN_TOKEN: 'a-token' }
  const key = await node.createKey({ name: 'app' })
  await node.ensureBucket('photos', key.accessKeyId)
  const client = new SignedClient({ ...node.s3!, ...key })
  const body = bytesOf({ seed: 1, size: 100_000 })
  const put = await client.call({ method: 'PUT', bucket: 'photos', key: 'one', body })
  assert.equal(put.status, 200)
  const query = { uploads: '' }
  await client.call({ method: 'POST', bucket: 'photos', key: 'left', query })
  client.close()
})
after(async () => {
  await node.stop()
  rmSync(folder, { recursive: true, force: true })
})

function hangar(...words: string[]): Promise<Said> {
  return say(words, { environment, folder })
}

async function json<Answer>(...words: string[]): Promise<Answer> {
  const { code, out, err } = await hangar(...words, '--json')
  assert.equal(code, 0, err)
  return JSON.parse(out) as Answer
}

test('bucket alias and unalias give and take names, for all and for one key', async () => {
  const named = await json<BucketAnswer>('bucket', 'alias', 'photos', 'pictures')
  assert.deepEqual([...named.globalAliases].sort(), ['photos', 'pictures'])
  const own = await json<BucketAnswer>('bucket', 'alias', 'photos', 'mine', '--local', 'app')
  assert.deepEqual(own.keys[0]!.bucketLocalAliases, ['mine'])
  await json('bucket', 'unalias', 'mine', '--local', 'app')
  const less = await json<BucketAnswer>('bucket', 'unalias', 'pictures')
  assert.deepEqual([less.globalAliases, less.keys[0]!.bucketLocalAliases], [['photos'], []])
  assert.equal((await hangar('bucket', 'unalias', 'mine', '--local', 'app')).code, 1)
})

test('bucket website and set-quotas change one thing and keep the rest', async () => {
  const site = await json<BucketAnswer>('bucket', 'website', 'photos', '--allow', '-e', '404.html')
  assert.deepEqual(site.websiteConfig, { indexDocument: 'index.html', errorDocument: '404.html' })
  assert.match((await hangar('bucket', 'info', 'photos')).out, /Site +index\.html, errors show 404/)
  assert.equal(
    (await json<BucketAnswer>('bucket', 'website', 'photos', '--deny')).websiteAccess,
    false,
  )
  assert.equal((await hangar('bucket', 'website', 'photos')).code, 1)
  await json('bucket', 'set-quotas', 'photos', '--max-size', '5GB', '--max-objects', '100')
  const { quotas } = await json<BucketAnswer>(
    'bucket',
    'set-quotas',
    'photos',
    '--max-size',
    'none',
  )
  assert.deepEqual(quotas, { maxSize: null, maxObjects: 100 })
  assert.match(
    (await hangar('bucket', 'set-quotas', 'photos', '--max-size', 'big')).err,
    /no bound/,
  )
})

test('bucket inspect-object shows the blocks, and block info who uses one', async () => {
  const { out } = await hangar('bucket', 'inspect-object', 'photos', 'one')
  const hash = /\d {2}([0-9a-f]{64})$/m.exec(out)?.[1] ?? ''
  assert.match(out, /Size +97\.7 KiB/)
  const used = await hangar('block', 'info', hash.slice(0, 10))
  assert.match(
    used.out,
    new RegExp(`Block +${hash}\\nUsed by +1\\n[\\s\\S]* object +[0-9a-f]{64} +one`),
  )
  assert.equal((await hangar('block', 'info', 'ffff')).code, 1)
  assert.match((await hangar('block', 'retry-now', '--all')).out, /^0 blocks/)
  assert.match((await hangar('block', 'purge', hash)).err, /delete those/)
})

test('bucket cleanup-incomplete-uploads aborts what is old enough', async () => {
  const clean = (age: string): Promise<Said> =>
    hangar('bucket', 'cleanup-incomplete-uploads', 'photos', '--older-than', age)
  assert.equal((await clean('1d')).out, 'photos: 0 uploads aborted')
  assert.equal((await clean('0s')).out, 'photos: 1 uploads aborted')
})

test('admin-token makes, narrows, lists and deletes tokens', async () => {
  const made = await hangar('admin-token', 'create', 'ci', '--scope', 'ListBuckets', '--quiet')
  const scoped = { ...environment, HANGAR_ADMIN_TOKEN: made.out.trim() }
  const asToken = (...words: string[]): Promise<Said> => say(words, { environment: scoped, folder })
  assert.equal((await asToken('bucket', 'list')).code, 0)
  assert.equal((await asToken('key', 'list')).code, 1)
  const scopeOf = async (text: string): Promise<readonly string[]> =>
    (await json<{ scope: string[] }>('admin-token', 'set', 'ci', '--scope', text)).scope
  assert.deepEqual(await scopeOf('+ListKeys'), ['ListBuckets', 'ListKeys'])
  assert.deepEqual(await scopeOf('-ListBuckets'), ['ListKeys'])
  assert.match((await hangar('admin-token', 'list')).out, / ci .* ListKeys$/m)
  assert.equal((await hangar('admin-token', 'delete', 'ci')).code, 1)
  assert.equal((await hangar('admin-token', 'delete', 'ci', '--yes')).code, 0)
  assert.equal((await asToken('key', 'list')).code, 1)
})

test('worker, stats and repair show and push the background work', async () => {
  assert.match((await hangar('worker', 'list')).out, /^NO +WORKER +STATE/)
  assert.match((await hangar('worker', 'info', '0')).out, /^Worker +\S+\nState +/)
  assert.equal((await hangar('worker', 'info', '99')).code, 1)
  await hangar('worker', 'set', 'release-tranquility', '7')
  assert.match((await hangar('worker', 'get', 'release-tranquility')).out, /release-tranquility +7/)
  assert.match((await hangar('stats', '-a')).out, /Room for more[\s\S]*Node [0-9a-f]{16}\n/)
  assert.equal((await hangar('repair', 'tables', '-a', '--yes')).code, 0)
  assert.match((await hangar('repair', 'nonsense')).err, /is no repair/)
  assert.match((await hangar('meta', 'snapshot')).err, /no snapshots/)
})

test('json-api tells query and body apart by the declaration, and names what is close', async () => {
  const info = await hangar('json-api', 'GetBucketInfo', '{"search":"photos"}')
  const { id } = JSON.parse(info.out) as BucketAnswer
  const wish = { id, quotas: { maxObjects: 5 } }
  const done = await hangar('json-api', 'UpdateBucket', JSON.stringify(wish))
  assert.equal((JSON.parse(done.out) as BucketAnswer).quotas.maxObjects, 5)
  const paced = await hangar('json-api', 'GetWorkerVariable', '{"node":"self"}')
  assert.match(paced.out, /"success"/)
  assert.match((await hangar('json-api', 'getbucketinfo')).err, /Meant "GetBucketInfo"/)
})

test('key delete-expired deletes those and no others', async () => {
  await json<KeyAnswer>('key', 'create', 'short', '--expires-in', '0s')
  assert.equal((await hangar('key', 'delete-expired')).code, 1)
  assert.match((await hangar('key', 'delete-expired', '--yes')).out, /^Deleted GK\w+ \("short"\)$/)
  assert.equal((await hangar('key', 'delete-expired')).out, 'No key is expired')
})

test('completion of bash gives the words that may follow', async () => {
  const { out } = await hangar('completion', 'bash')
  const after = (line: string): string[] => {
    const words = line.split(' ')
    const script = `${out}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')})
COMP_CWORD=${words.length - 1}; _hangar; printf '%s\\n' "\${COMPREPLY[@]}"`
    const run = spawnSync('bash', ['-c', script], { encoding: 'utf8', cwd: folder })
    assert.equal(run.stderr, '')
    return run.stdout.trim().split('\n')
  }
  assert.deepEqual(after('hangar buck'), ['bucket'])
  assert.deepEqual(after('hangar bucket set'), ['set-quotas'])
  assert.deepEqual(after('hangar bucket set-quotas photos --max-o'), ['--max-objects'])
  assert.deepEqual(after('hangar --data x key del'), ['delete', 'delete-expired'])
  assert.equal((await hangar('completion', 'tcsh')).code, 1)
})

const isAbsent = (shell: string): string | false =>
  spawnSync(shell, ['--version']).status === 0 ? false : `${shell} is not installed here`

test('completion gives zsh the words of a line', { skip: isAbsent('zsh') }, async () => {
  const { out } = await hangar('completion', 'zsh')
  const after = (line: string): string[] => {
    const words = line.split(' ')
    // What zsh's own completion sets before it calls, and what is called with the result.
    const script = `compdef() { :; }
_describe() { print -rl -- "\${(@)found%%:*}"; }
${out}
words=(${words.map((word) => `'${word}'`).join(' ')}); CURRENT=${words.length}; _hangar`
    const run = spawnSync('zsh', ['-f', '-c', script], { encoding: 'utf8', cwd: folder })
    assert.equal(run.stderr, '')
    return run.stdout.trim().split('\n')
  }
  assert.ok(after('hangar buck').includes('bucket'))
  const within = after('hangar --data x bucket set')
  assert.ok(within.includes('set-quotas') && !within.includes('bucket'))
  assert.ok(after('hangar bucket set-quotas photos --m').includes('--max-objects'))
})

test('completion gives fish the words of a line', { skip: isAbsent('fish') }, async () => {
  const { out } = await hangar('completion', 'fish')
  const after = (line: string): string[] => {
    const script = `${out}\ncomplete -C '${line}'`
    const run = spawnSync('fish', ['--no-config', '-c', script], { encoding: 'utf8', cwd: folder })
    assert.equal(run.stderr, '')
    return run.stdout
      .trim()
      .split('\n')
      .map((each) => each.split('\t')[0]!)
  }
  assert.deepEqual(after('hangar buck'), ['bucket'])
  assert.deepEqual(after('hangar bucket set'), ['set-quotas'])
  assert.deepEqual(after('hangar bucket set-quotas photos --max-o'), ['--max-objects'])
  assert.deepEqual(after('hangar --data x key del'), ['delete', 'delete-expired'])
})

test('completion of zsh and fish names every word', async () => {
  for (const shell of ['zsh', 'fish']) {
    const { out } = await hangar('completion', shell)
    assert.match(out, /delete-expired/)
    // A subscript by colons, as bash has it, is none in zsh.
    assert.doesNotMatch(out, /words\[@\]:/)
  }
})

test('who has a key that is of no use yet, or names what is not there, reads what to type next', async () => {
  const made = await hangar('key', 'create', 'fresh')
  const id = /GK[0-9a-f]{24}/.exec(made.out)![0]
  const next = `hangar bucket allow --read --write --key ${id} BUCKET`
  assert.ok(made.out.includes(next), made.out)
  const words = next.replace('BUCKET', 'photos').split(' ').slice(1)
  assert.equal((await hangar(...words)).code, 0)
  const maker = await hangar('key', 'create', 'maker', '--create-bucket')
  assert.doesNotMatch(maker.out, /no bucket/)
  assert.match((await hangar('key', 'info', 'nobody')).err, /hangar key list/)
  assert.match((await hangar('bucket', 'info', 'nowhere')).err, /hangar bucket list/)

  const secretAccessKey = '0'.repeat(64)
  const wrong = new SignedClient({ ...node.s3!, accessKeyId: id, secretAccessKey })
  const refused = await wrong.call({ method: 'GET', bucket: 'photos' })
  wrong.close()
  assert.equal(refused.status, 403)
  const hint = /hangar (key info GK[0-9a-f]{24} --show-secret)</.exec(refused.body.toString())
  assert.equal((await hangar(...hint![1]!.split(' '))).code, 0)
  const unknown = new SignedClient({ ...node.s3!, accessKeyId: 'GKnone', secretAccessKey })
  const unheard = await unknown.call({ method: 'GET', bucket: 'photos' })
  unknown.close()
  assert.match(unheard.body.toString(), /InvalidAccessKeyId.*hangar key list/s)
})
