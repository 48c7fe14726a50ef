/** Real S3 clients, installed into `.proofs/` so that nothing outside the project changes. */

import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Hello } from '../support/spawn-node.ts'
import { PROOFS_FOLDER, progress, Skipped } from './claims.ts'

const FOLDER = join(PROOFS_FOLDER, 'clients')
const RUN_MS_MAX = 360_000

export interface Ran {
  readonly code: number | null
  readonly stdout: Buffer
  readonly stderr: string
}

interface RunOptions {
  readonly folder?: string
  readonly environment?: Readonly<Record<string, string | undefined>>
  readonly msMax?: number
}

/** Runs a program to its end. */
export function runProgram(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Ran> {
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: options.msMax ?? RUN_MS_MAX,
    ...(options.folder === undefined ? {} : { cwd: options.folder }),
    env: { ...process.env, ...options.environment },
  })
  const out: Buffer[] = []
  const err: Buffer[] = []
  child.stdout.on('data', (piece: Buffer) => out.push(piece))
  child.stderr.on('data', (piece: Buffer) => err.push(piece))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => {
      resolve({ code, stdout: Buffer.concat(out), stderr: Buffer.concat(err).toString() })
    })
  })
}

/** Runs a program that must end with 0; gives back its standard output. */
export async function mustRun(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const { code, stdout, stderr } = await runProgram(program, args, options)
  if (code === 0) return stdout.toString()
  const shown = [program.split('/').at(-1), ...args].join(' ')
  throw new Error(
    `${shown}: ended with ${code}\n${stderr.slice(-1500)}${stdout.toString().slice(-500)}`,
  )
}

/** An aws-cli of some make. */
export interface AwsCli {
  readonly version: string
  /** Runs it against a node; gives back its standard output. */
  run(hello: Hello, ...args: readonly string[]): Promise<string>
}

/**
 * aws-cli 1 presigns by signature version 2 in us-east-1 unless it is told otherwise; Hangar, as
 * AWS in its newer regions, knows version 4 only.
 */
const AWS_CONFIG = join(FOLDER, 'aws-config')

/** Writes the settings of the clients. */
export async function writeAwsConfig(): Promise<void> {
  await mkdir(FOLDER, { recursive: true })
  await writeFile(AWS_CONFIG, '[default]\ns3 =\n  signature_version = s3v4\n')
}

/** What a client must not find on this machine: settings and keys of somebody else. */
export function clientEnvironment(
  hello: Pick<Hello, 's3' | 'accessKeyId' | 'secretAccessKey'>,
): Record<string, string | undefined> {
  return {
    AWS_ACCESS_KEY_ID: hello.accessKeyId,
    AWS_SECRET_ACCESS_KEY: hello.secretAccessKey,
    AWS_DEFAULT_REGION: hello.s3.region,
    AWS_REGION: hello.s3.region,
    AWS_ENDPOINT_URL: hello.s3.endpoint,
    AWS_CONFIG_FILE: AWS_CONFIG,
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
    // Not the empty text: botocore takes that for a path.
    AWS_CA_BUNDLE: undefined,
    ...{ HTTP_PROXY: '', HTTPS_PROXY: '', http_proxy: '', https_proxy: '', ALL_PROXY: '' },
    NO_PROXY: '127.0.0.1,localhost',
  }
}

function awsCli(
  version: string,
  program: readonly string[],
  environment: Readonly<Record<string, string>>,
): AwsCli {
  const [first = 'aws', ...rest] = program
  return {
    version,
    run: (hello, ...args) => {
      const words = [...rest, '--endpoint-url', hello.s3.endpoint, ...args]
      const settings = { ...clientEnvironment(hello), ...environment }
      return mustRun(first, words, { environment: settings })
    },
  }
}

/** Programs of Debian's, unpacked beside the project: nothing is installed into the system. */
export async function debianRoot(name: string, wanted: readonly string[]): Promise<string> {
  const folder = join(FOLDER, name)
  const root = join(folder, 'root')
  if (existsSync(join(folder, 'done'))) return root
  if (!existsSync('/usr/bin/apt-get')) throw new Skipped('there is no apt-get here')
  progress(`unpacking ${wanted.join(', ')} of Debian …`)
  await rm(folder, { recursive: true, force: true })
  await mkdir(root, { recursive: true })
  await unpackDebian(folder, { root, wanted }).catch((error: unknown) => {
    throw new Skipped(`Debian's packages cannot be had: ${String(error).slice(0, 300)}`)
  })
  await writeFile(join(folder, 'done'), '')
  return root
}

async function unpackDebian(
  folder: string,
  { root, wanted }: { readonly root: string; readonly wanted: readonly string[] },
): Promise<void> {
  const plan = await mustRun('apt-get', ['install', '-s', '--no-install-recommends', ...wanted])
  const names = [...plan.matchAll(/^Inst (\S+)/gm)].map((match) => match[1] ?? '')
  if (names.length === 0) throw new Error('it is installed in the system already')
  await mustRun('apt-get', ['download', ...names], { folder })
  for (const file of await readdir(folder)) {
    if (file.endsWith('.deb')) await mustRun('dpkg', ['-x', join(folder, file), root])
  }
}

/**
 * Installs packages of Debian's into the system, unless these programs are there already.
 *
 * @throws {Skipped} when they cannot be had
 */
export async function installDebian(
  wanted: readonly string[],
  programs: readonly string[],
): Promise<void> {
  if (programs.every((path) => existsSync(path))) return
  if (process.getuid?.() !== 0) throw new Skipped(`only root can install ${wanted.join(', ')}`)
  progress(`installs ${wanted.join(', ')} …`)
  const environment = { DEBIAN_FRONTEND: 'noninteractive' }
  try {
    await mustRun('apt-get', ['update', '-qq'], { environment })
    const flags = ['install', '-y', '-qq', '--no-install-recommends']
    await mustRun('apt-get', [...flags, ...wanted], { environment })
  } catch (error) {
    throw new Skipped(`${wanted.join(', ')} cannot be installed: ${(error as Error).message}`)
  }
}

export async function debianAwsCli(): Promise<AwsCli> {
  const root = await debianRoot('debian', ['awscli'])
  const environment = { PYTHONPATH: join(root, 'usr/lib/python3/dist-packages') }
  const program = ['/usr/bin/python3', join(root, 'usr/bin/aws')]
  return awsCli(await versionOf(program, environment), program, environment)
}

async function versionOf(
  program: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<string> {
  const [first = '', ...rest] = program
  const text = await mustRun(first, [...rest, '--version'], { environment })
  return text.split(' ')[0] ?? text.trim()
}

/** A Python environment with the newest of some packages of PyPI; gives back its `bin`. */
export async function pypiPrograms(name: string, wanted: readonly string[]): Promise<string> {
  const folder = join(FOLDER, name)
  const bin = join(folder, 'bin')
  if (existsSync(join(folder, 'done'))) return bin
  progress(`installing ${wanted.join(', ')} of PyPI …`)
  await rm(folder, { recursive: true, force: true })
  await mkdir(FOLDER, { recursive: true })
  try {
    await mustRun('python3', ['-m', 'venv', folder])
    const words = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check']
    await mustRun(join(bin, 'python'), [...words, '--upgrade', ...wanted])
  } catch (error) {
    throw new Skipped(`PyPI's packages cannot be had: ${String(error).slice(0, 300)}`)
  }
  await writeFile(join(folder, 'done'), '')
  return bin
}

/** boto3 and aws-cli name one botocore between them: the newest of both that agree. */
function pypiAws(): Promise<string> {
  return pypiPrograms('python', ['awscli', 'boto3'])
}

export async function pypiPython(): Promise<string> {
  return join(await pypiAws(), 'python')
}

export async function pypiAwsCli(): Promise<AwsCli> {
  const bin = await pypiAws()
  const program = [join(bin, 'python'), join(bin, 'aws')]
  return awsCli(await versionOf(program, {}), program, {})
}

/** A folder whose `node_modules` has the newest of some packages of npm. */
export async function npmPackages(name: string, wanted: readonly string[]): Promise<string> {
  const folder = join(FOLDER, name)
  if (existsSync(join(folder, 'done'))) return folder
  progress(`installing ${wanted.join(', ')} of npm …`)
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'package.json'), '{ "private": true }\n')
  const words = ['install', '--silent', '--no-audit', '--no-fund', '--ignore-scripts']
  await mustRun('npm', [...words, ...wanted], { folder }).catch((error: unknown) => {
    throw new Skipped(`npm's packages cannot be had: ${String(error).slice(0, 300)}`)
  })
  await writeFile(join(folder, 'done'), '')
  return folder
}
