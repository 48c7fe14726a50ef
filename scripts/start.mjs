#!/usr/bin/env node
/**
 * `npm start`: installs and builds what is missing or stale, then runs `hangar dev`.
 *
 * Plain JavaScript, because it runs before anything is built. What it says goes to standard error:
 * standard output belongs to the node (its first line may be JSON). With `--prepare` it stops
 * before the node starts; with `--run NAME` it compiles tests and scripts too and runs that script
 * of this folder instead (`npm test`, `npm run proofs`, `npm run bench`).
 */

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const entry = join(root, 'dist', 'main.js')
const stamp = join(root, 'dist', '.built-from')

checkNodeVersion()
if (!isInstalled()) install()
const sources = sourcesDigest()
if (!isBuilt(sources)) build(sources)

const passed = process.argv.slice(2)
if (passed[0] === '--run') {
  compileTests()
  const script = join(root, 'dist', 'verify', 'scripts', `${passed[1]}.js`)
  process.argv = [process.execPath, script, ...passed.slice(2)]
  await import(pathToFileURL(script).href)
} else if (!passed.includes('--prepare')) {
  process.argv = [process.execPath, entry, 'dev', ...passed]
  await import(pathToFileURL(entry).href)
}

function checkNodeVersion() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > 20 || (major === 20 && minor >= 19)) return
  fail(`Node ${process.versions.node} is too old, wanted 20.19 or newer: see https://nodejs.org`)
}

/** Whether every package that the lock file asks of this machine lies here in that version. */
function isInstalled() {
  const here = readJson(join(root, 'node_modules', '.package-lock.json'))
  const wanted = readJson(join(root, 'package-lock.json'))
  if (here === undefined || wanted === undefined) return false
  return Object.entries(wanted.packages).every(
    ([path, { version, optional }]) =>
      path === '' || (optional && !here.packages[path]) || here.packages[path]?.version === version,
  )
}

function install() {
  say('Installing what Hangar needs (npm ci; once, up to a minute) …')
  // Development packages are needed too: the compiler is one of them.
  const words = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']
  const npm = npmProgram()
  run(npm.program, [...npm.words, ...words], 'Installing failed: is the npm registry reachable?')
}

/** npm as a file that Node can run, so that no shell is needed on any system. */
function npmProgram() {
  const beside = dirname(process.execPath)
  const candidates = [
    process.env.npm_execpath,
    join(beside, '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js'),
    join(beside, 'node_modules', 'npm', 'bin', 'npm-cli.js'),
  ]
  const file = candidates.find((path) => path?.endsWith('npm-cli.js') && existsSync(path))
  return file === undefined
    ? { program: 'npm', words: [] }
    : { program: process.execPath, words: [file] }
}

/** A digest of everything that the build reads. */
function sourcesDigest() {
  const files = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile())
    .map((file) => join(file.parentPath ?? file.path, file.name))
    .sort()
  const digest = createHash('sha256')
  for (const file of [...files, join(root, 'tsconfig.json'), join(root, 'package-lock.json')]) {
    digest.update(file.slice(root.length)).update('\0').update(readFileSync(file)).update('\0')
  }
  return digest.digest('hex')
}

function isBuilt(digest) {
  return existsSync(entry) && existsSync(stamp) && readFileSync(stamp, 'utf8') === digest
}

function build(digest) {
  say('Building Hangar (a few seconds) …')
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  run(process.execPath, [compiler, '-p', root], 'Building failed: see the lines above')
  mkdirSync(dirname(stamp), { recursive: true })
  writeFileSync(stamp, digest)
}

function compileTests() {
  say('Compiling the tests (a few seconds) …')
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  run(process.execPath, [compiler, '-p', join(root, 'test')], 'Compiling failed: see above')
}

function run(program, words, ifFailed) {
  const { status, error } = spawnSync(program, words, { cwd: root, stdio: ['ignore', 2, 2] })
  if (error !== undefined) fail(`${ifFailed} (${error.message})`)
  if (status !== 0) fail(ifFailed)
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}

function say(line) {
  process.stderr.write(`${line}\n`)
}

function fail(line) {
  say(line)
  process.exit(1)
}
