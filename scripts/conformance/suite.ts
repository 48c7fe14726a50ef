/** Runs an unmodified checkout of ceph/s3-tests against an endpoint. */

import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { mustRun } from '../../test/proofs/clients.ts'
import { PROOFS_FOLDER } from '../../test/proofs/claims.ts'
import { PROJECT } from '../../test/support/spawn-node.ts'
import { DAY_SECONDS, type SuiteServer, type SuiteKey } from './servers.ts'

/** How one test ended. */
export interface Outcome {
  /** File and test, `test_s3.py::test_bucket_list_empty`. */
  readonly name: string
  readonly outcome: 'passed' | 'failed' | 'skipped'
  /** '' when it passed. */
  readonly why: string
  readonly seconds: number
  readonly markers: readonly string[]
  /** Why the suite could not clean up behind it. */
  readonly leftBehind?: string
}

export interface SuiteRun {
  /** The checkout; nothing in it is written. */
  readonly checkout: string
  readonly server: SuiteServer
  /** Names of the tests to run; default: all of the two files. */
  readonly only?: readonly string[]
  /** Called as each test ends. */
  readonly progress?: (outcome: Outcome) => void
}

const FILES = ['s3tests/functional/test_s3.py', 's3tests/functional/test_headers.py']
const PYTHON_PACKAGES = ['boto3', 'pytest', 'munch', 'isodate', 'pytz', 'requests']
const SECONDS_MAX = 60

/** @throws {Error} when the suite cannot be run at all; a test that fails is an outcome */
export async function runSuite(run: SuiteRun): Promise<readonly Outcome[]> {
  const checkout = resolve(run.checkout)
  const missing = FILES.find((file) => !existsSync(join(checkout, file)))
  if (missing !== undefined) {
    throw new Error(`${run.checkout} is no checkout of ceph/s3-tests: it has no ${missing}`)
  }
  const python = await suitePython()
  const folder = await mkdtemp(join(tmpdir(), 'hangar-s3-tests-'))
  try {
    return await runIn(folder, { ...run, checkout }, python)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function runIn(folder: string, run: SuiteRun, python: string): Promise<readonly Outcome[]> {
  const outcomes = join(folder, 'outcomes')
  const settings = join(folder, 's3tests.conf')
  await writeFile(settings, settingsOf(run.server))
  await writeFile(outcomes, '')
  const environment: Record<string, string> = {
    ...{ S3TEST_CONF: settings, OUTCOMES: outcomes, SECONDS_MAX: String(SECONDS_MAX) },
    ...{ PYTHONPATH: `${join(PROJECT, 'scripts', 'conformance')}:${run.checkout}` },
    ...{ PYTHONDONTWRITEBYTECODE: '1', AWS_DEFAULT_REGION: run.server.region },
    ...{ AWS_CONFIG_FILE: '/dev/null', AWS_SHARED_CREDENTIALS_FILE: '/dev/null' },
    ...{ AWS_EC2_METADATA_DISABLED: 'true', NO_PROXY: '127.0.0.1,localhost' },
  }
  if (run.only !== undefined) {
    environment['ONLY'] = join(folder, 'only')
    await writeFile(environment['ONLY'], run.only.join('\n'))
  }
  const words = ['-m', 'pytest', '-p', 'pytest_outcomes', '-p', 'no:cacheprovider']
  const child = spawn(
    python,
    [...words, '-q', '--no-header', '--tb=no', '-W', 'ignore', ...FILES],
    {
      ...{ cwd: run.checkout, stdio: ['ignore', 'pipe', 'pipe'] },
      env: { ...process.env, ...environment },
    },
  )
  let said = ''
  const hear = (piece: Buffer): void => {
    said = (said + piece.toString()).slice(-4000)
  }
  child.stdout.on('data', hear)
  child.stderr.on('data', hear)
  const reader = new OutcomeReader(outcomes, run.progress)
  const watching = setInterval(() => void reader.read(), 1000)
  const code = await new Promise<number | null>((done) => child.once('close', done))
  clearInterval(watching)
  const all = await reader.read()
  // 1: some failed. 5: none was chosen. All else is a suite that did not run.
  if (code === null || code > 1) throw new Error(`pytest ended with ${code}\n${said}`)
  return all
}

/** Names of the suite's tests that have the word in them. */
export function testNames(checkout: string, word: string): readonly string[] {
  return FILES.flatMap((file) => {
    const text = readFileSync(join(checkout, file), 'utf8')
    const names = [...text.matchAll(/^def (test_\w+)/gm)].map((match) => match[1]!)
    return names.map((name) => `${basename(file)}::${name}`).filter((name) => name.includes(word))
  })
}

/** Reads the lines of a file that grows. */
class OutcomeReader {
  readonly #path: string
  readonly #progress: SuiteRun['progress']
  #seen = 0

  constructor(path: string, progress: SuiteRun['progress']) {
    this.#path = path
    this.#progress = progress
  }

  async read(): Promise<readonly Outcome[]> {
    const lines = (await readFile(this.#path, 'utf8')).split('\n').slice(0, -1)
    const all = lines.map((line) => JSON.parse(line) as Outcome)
    for (const outcome of all.slice(this.#seen)) this.#progress?.(outcome)
    this.#seen = Math.max(this.#seen, all.length)
    return all
  }
}

/** A Python of the suite's own, below `.proofs/`. */
async function suitePython(): Promise<string> {
  const folder = join(PROOFS_FOLDER, 'clients', 's3-tests')
  const python = join(folder, 'bin', 'python')
  if (existsSync(join(folder, 'done'))) return python
  console.log('Installing what the suite needs from PyPI …')
  await rm(folder, { recursive: true, force: true })
  await mustRun('python3', ['-m', 'venv', folder])
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check']
  await mustRun(python, [...pip, ...PYTHON_PACKAGES])
  await writeFile(join(folder, 'done'), '')
  return python
}

/** The suite's settings: who asks whom. Source: its sample file. */
function settingsOf(server: SuiteServer): string {
  const { hostname, port, protocol } = new URL(server.endpoint)
  const { main, alt, tenant } = server.keys
  const person = (section: string, key: SuiteKey, more: readonly string[] = []): string[] => [
    `[${section}]`,
    `display_name = ${key.name}`,
    `user_id = ${key.accessKeyId}`,
    `email = ${key.name}@example.com`,
    `access_key = ${key.accessKeyId}`,
    `secret_key = ${key.secretAccessKey}`,
    ...more,
  ]
  return [
    '[DEFAULT]',
    `host = ${hostname}`,
    `port = ${port}`,
    `is_secure = ${protocol === 'https:' ? 'True' : 'False'}`,
    'ssl_verify = False',
    '[fixtures]',
    'bucket prefix = s3t-{random}-',
    ...person('s3 main', main, [
      `api_name = ${server.region}`,
      `lc_debug_interval = ${DAY_SECONDS}`,
    ]),
    ...person('s3 alt', alt),
    ...person('s3 tenant', tenant, ['tenant =']),
    // There are no users and roles here: the calls for them are refused whoever asks.
    ...['iam', 'iam root', 'iam alt root'].flatMap((section) => person(section, main)),
    '',
  ].join('\n')
}
