/** Style as a test: layers, doors, names, sizes, partners, lists, the lockfile. */

import assert from 'node:assert/strict'
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { test } from 'node:test'
import { importsOf, layerFaults, sourceFiles } from '../scripts/layers.ts'

const top = process.cwd()
const src = join(top, 'src')

function read(path: string): string {
  return readFileSync(join(top, path), 'utf8')
}

test('layers: every import is one that the table allows', () => {
  assert.deepEqual(layerFaults(src), [])
})

test('layers: no source file is dead', () => {
  // The mesh and its sockets are assembled into a node by the cluster issue.
  const awaited = ['net/mesh.ts', 'node/system/ws-links.ts']
  const named = new Set(['main.ts', 'node/node.ts', ...awaited])
  for (const file of sourceFiles(src)) {
    for (const name of importsOf(readFileSync(join(src, file), 'utf8'))) {
      if (name.startsWith('.')) named.add(join(dirname(file), name))
    }
    // Files started as threads are named by URL.
    for (const match of readFileSync(join(src, file), 'utf8').matchAll(
      /new URL\(\s*['"]\.\/([\w-]+)\.js['"]/g,
    )) {
      named.add(join(dirname(file), `${match[1]}.ts`))
    }
  }
  assert.deepEqual(
    sourceFiles(src).filter((file) => !named.has(file)),
    [],
  )
})

test('names: no file or folder is a drawer of odds and ends', () => {
  const banned = /^(utils?|helpers?|common|misc|shared|manager|types)$/
  const all = [...sourceFiles(src), ...sourceFiles(join(top, 'test')).map((f) => f)]
  assert.deepEqual(
    all.filter((file) => file.split('/').some((part) => banned.test(part.replace(/\..*$/, '')))),
    [],
  )
})

test('names: files are kebab-case', () => {
  assert.deepEqual(
    sourceFiles(src).filter(
      (file) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.table)?\.ts$/.test(basename(file)),
    ),
    [],
  )
})

test('names: the glossary has one word for a thing', () => {
  const strangers = /\b(vnode|blob|mutation|healing|keyspace)\b/i
  assert.deepEqual(
    sourceFiles(src).filter((file) => strangers.test(readFileSync(join(src, file), 'utf8'))),
    [],
  )
})

test('sizes: no folder holds more than twenty files, lists excepted', () => {
  const lists = /(^|\/)(operations|commands)$/
  const counts = new Map<string, number>()
  for (const file of sourceFiles(src)) {
    counts.set(dirname(file), (counts.get(dirname(file)) ?? 0) + 1)
  }
  // base/ holds the words of the program; each is one small file.
  const over = [...counts].filter(
    ([folder, count]) => count > (folder === 'base' ? 26 : 20) && !lists.test(folder),
  )
  assert.deepEqual(over, [])
})

test('files: each begins with one sentence that says why it exists', () => {
  assert.deepEqual(
    sourceFiles(src).filter(
      (file) => !/^(#!.*\n)?\/\*\*/.test(readFileSync(join(src, file), 'utf8')),
    ),
    [],
  )
})

test('files: no FIXME, and no TODO without an issue', () => {
  const left = /\bFIXME\b|\bTODO\b(?! \(#\d+\))/
  assert.deepEqual(
    sourceFiles(src).filter((file) => left.test(readFileSync(join(src, file), 'utf8'))),
    [],
  )
})

test('literals: no handler of an S3 operation begins one with a spread', () => {
  // Each would give every object that it makes a hidden class of its own. A declaration is made once.
  const folder = 'src/api/s3/operations'
  const begun = readdirSync(join(top, folder)).filter((file) => {
    const [, ...handlers] = read(`${folder}/${file}`).split(/^ {2}handle: /m)
    return /(?<!operation\()\{\s*\.\.\./.test(handlers.join(''))
  })
  assert.deepEqual(begun, [])
})

test('lists: every operation and every command stands in its list', () => {
  for (const folder of ['src/api/s3/operations', 'src/api/admin/operations']) {
    const list = read(`${folder}/index.ts`)
    for (const file of readdirSync(join(top, folder))) {
      if (file === 'index.ts') continue
      assert.ok(list.includes(`'./${file}'`), `${folder}/${file} is not in ${folder}/index.ts`)
    }
  }
})

test('partners: each source file has its test, or a reason here', () => {
  const exempt = JSON.parse(read('test/partners.json')) as Record<string, string>
  const tests = new Set(sourceFiles(join(top, 'test')))
  const missing = sourceFiles(src).filter(
    (file) => !tests.has(file.replace(/\.ts$/, '.test.ts')) && exempt[file] === undefined,
  )
  assert.deepEqual(missing, [], 'write the test, or name the one that covers it in partners.json')
  const stale = Object.keys(exempt).filter((file) => !existsSync(join(src, file)))
  assert.deepEqual(stale, [])
  const named = Object.values(exempt).flatMap((reason) => reason.match(/test\/[\w./-]+\.ts/g) ?? [])
  assert.deepEqual(
    named.filter((file) => !existsSync(join(top, file))),
    [],
    'a reason names a test that is not there',
  )
})

test('lockfile: holds no address', () => {
  assert.doesNotMatch(
    read('package-lock.json'),
    /https?:\/\/(?!opencollective|github\.com\/sponsors)[^"]*\.tgz|"resolved"/,
  )
})

test('dependencies: each run-time one has its reason in doc/decisions', () => {
  const packages = JSON.parse(read('package.json')) as { dependencies: Record<string, string> }
  const reasons = read('doc/decisions/0010-dependencies.md')
  assert.deepEqual(
    Object.keys(packages.dependencies).filter((name) => !reasons.includes(`\`${name}\``)),
    [],
  )
})

test('changelog: newest first, with the groups that operators know', () => {
  const text = read('CHANGELOG.md')
  assert.match(text, /^# Changelog\n/)
  for (const [, heading] of text.matchAll(/^### (.+)$/gm)) {
    assert.match(heading!, /^(Added|Changed|Fixed|Removed|Security)$/)
  }
})

test('limits: every bound stands in doc/limits.md', () => {
  const page = read('doc/limits.md')
  const names = [...read('src/base/limits.ts').matchAll(/export const (\w+) =/g)].map((m) => m[1]!)
  assert.deepEqual(
    names.filter((name) => !/^[KMG]IB$/.test(name) && !page.includes(`\`${name}\``)),
    [],
  )
})

test('top level: only what was agreed', () => {
  const agreed = new Set([
    'package.json',
    'package-lock.json',
    'tsconfig.json',
    'src',
    'test',
    'docker-compose.yml',
    'doc',
    'scripts',
    'README.md',
    'LICENSE',
    'CHANGELOG.md',
    'Dockerfile',
    'node_modules',
    'dist',
    'hangar-data',
  ])
  assert.deepEqual(
    readdirSync(top).filter((name) => !name.startsWith('.') && !agreed.has(name)),
    [],
  )
  assert.ok(statSync(join(top, 'src')).isDirectory())
})
