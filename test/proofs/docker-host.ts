/**
 * A Docker engine of a proof's own, started as root beside whatever the machine runs, with a base
 * image made by debootstrap under the name that the Dockerfile starts from.
 *
 * Nothing is pulled: the base is Debian's minimal system, this machine's node and npm, and what
 * this machine says of its network (registry, certificates). The engine leaves the machine's
 * firewall and forwarding alone, so published ports are those of docker-proxy, and a build reaches
 * the network only with `--network host`.
 */

import { spawn } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, realpath, rename, rm, symlink } from 'node:fs/promises'
import { createWriteStream, existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { PROJECT } from '../support/spawn-node.ts'
import { progress, PROOFS_FOLDER, Skipped } from './claims.ts'
import { installDebian, mustRun, runProgram, type Ran } from './clients.ts'
import { dropEngine, enginePrefix, removeEngine, removeRemains } from './docker-remains.ts'

const DEBIAN = 'bookworm'
const DOCKERD = '/usr/sbin/dockerd'
const PACKAGES = ['iptables', 'docker.io', 'docker-compose', 'debootstrap']
const PROGRAMS = [DOCKERD, '/usr/bin/docker-compose', '/usr/sbin/debootstrap']
const ANSWER_TRIES = 60
/** One that builds takes a minute or two. */
const COMPOSE_MS_MAX = 900_000

/** One of the programs that read a compose file. */
export interface Compose {
  readonly version: string
  /** Runs it in a folder; it must end with 0. */
  run(folder: string, ...args: readonly string[]): Promise<Ran>
}

/** A Docker engine, by its clients. Whoever opened it must `close` it. */
export interface DockerHost {
  readonly version: string
  docker(...args: readonly string[]): Promise<string>
  /** `docker compose`, if this machine has it, then `docker-compose`. */
  composes(): Promise<Compose[]>
  close(): void
}

function clientOf(socket: string): Omit<DockerHost, 'version' | 'close'> {
  const engine = { DOCKER_HOST: `unix://${socket}` }
  const classic = { ...engine, DOCKER_BUILDKIT: '0' }
  return {
    docker: (...args) => mustRun('docker', args, { environment: engine }),
    composes: async () => {
      const both = [
        await composeOf(['docker', 'compose'], engine),
        // 1.29 wants a program for BuildKit that Debian does not have.
        await composeOf(['docker-compose'], classic),
      ]
      return both.filter((compose) => compose !== undefined)
    },
  }
}

async function composeOf(
  words: readonly [string, ...string[]],
  environment: Readonly<Record<string, string>>,
): Promise<Compose | undefined> {
  const [program, ...first] = words
  const asked = await runProgram(program, [...first, 'version', '--short'], { environment })
  if (asked.code !== 0) return undefined
  return {
    version: `${words.join(' ')} ${asked.stdout.toString().trim()}`,
    run: async (folder, ...args) => {
      const options = { folder, environment, msMax: COMPOSE_MS_MAX }
      const ran = await runProgram(program, [...first, ...args], options)
      if (ran.code === 0) return ran
      const shown = [...words, ...args].join(' ')
      throw new Error(`${shown}: ended with ${ran.code}\n${ran.stderr.slice(-1500)}`)
    },
  }
}

/**
 * Opens an engine that can build the project's image.
 *
 * @throws {Skipped} when this machine cannot run one
 */
export async function openDocker(): Promise<DockerHost> {
  if (process.getuid?.() !== 0) throw new Skipped('only root can start a Docker engine')
  await installDebian(PACKAGES, PROGRAMS)
  const left = removeRemains()
  if (left > 0) progress(`removed what ${left} earlier runs left`)
  const folder = await mkdtemp(enginePrefix())
  const engine = await startEngine(folder)
  try {
    await importBase(folder, engine)
    return engine
  } catch (error) {
    engine.close()
    throw error
  }
}

async function startEngine(folder: string): Promise<DockerHost> {
  const socket = join(folder, 'engine.sock')
  const log = join(folder, 'engine.log')
  const child = spawn(
    DOCKERD,
    [
      ...['--data-root', join(folder, 'data'), '--exec-root', join(folder, 'exec')],
      ...['--pidfile', join(folder, 'engine.pid'), '--host', `unix://${socket}`],
      ...['--bridge=none', '--iptables=false', '--ip6tables=false'],
      ...['--ip-masq=false', '--ip-forward=false'],
    ],
    // A group of its own: the signal that ends a late proof is not for it.
    { stdio: ['ignore', 'pipe', 'pipe'], detached: true },
  )
  // However the proof ends, but by SIGKILL: the next run sees to that.
  const drop = (): void => dropEngine(folder)
  process.once('exit', drop)
  const close = (): void => {
    process.off('exit', drop)
    removeEngine(folder)
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(1))
  const file = createWriteStream(log)
  child.stdout.pipe(file)
  child.stderr.pipe(file)
  const client = clientOf(socket)
  for (let tried = 0; tried < ANSWER_TRIES && child.exitCode === null; tried += 1) {
    await wait(500)
    const args = ['version', '--format', '{{.Server.Version}}']
    const environment = { DOCKER_HOST: `unix://${socket}` }
    const { code, stdout } = await runProgram('docker', args, { environment })
    if (code === 0) return { ...client, version: stdout.toString().trim(), close }
  }
  const said = (await readFile(log, 'utf8')).trim().split('\n').at(-1) ?? ''
  close()
  throw new Skipped(`no Docker engine can be started here: ${said}`)
}

/** The image that the Dockerfile starts from, as its first line names it. */
async function nameOfBase(): Promise<string> {
  const name = /^FROM (\S+)/m.exec(await readFile(join(PROJECT, 'Dockerfile'), 'utf8'))?.[1]
  if (name === undefined) throw new Error('the Dockerfile names no base')
  return name
}

/** Debian's minimal system, kept for the next run. */
async function unpackDebian(root: string): Promise<void> {
  const kept = join(PROOFS_FOLDER, `debian-${DEBIAN}.tar`)
  await mkdir(PROOFS_FOLDER, { recursive: true })
  if (existsSync(kept)) {
    await mkdir(root)
    await mustRun('tar', ['-C', root, '-xpf', kept])
    return
  }
  progress('makes a base image with debootstrap …')
  await mustRun('debootstrap', ['--variant=minbase', DEBIAN, root])
  await mustRun('tar', ['-C', root, '--exclude=./var/cache', '-cf', `${kept}.new`, '.'])
  await rename(`${kept}.new`, kept)
}

async function importBase(folder: string, engine: DockerHost): Promise<void> {
  const root = join(folder, 'base')
  await unpackDebian(root)
  await mustRun('chroot', [root, 'useradd', '--uid', '1000', '--create-home', 'node'])
  const npm = dirname(dirname(await realpath((await mustRun('which', ['npm'])).trim())))
  const local = join(root, 'usr', 'local')
  await cp(process.execPath, join(local, 'bin', 'node'))
  await mkdir(join(local, 'lib', 'node_modules'), { recursive: true })
  await cp(npm, join(local, 'lib', 'node_modules', 'npm'), { recursive: true })
  await symlink('../lib/node_modules/npm/bin/npm-cli.js', join(local, 'bin', 'npm'))
  const changes = await networkSettings(root)
  const tar = join(folder, 'base.tar')
  await mustRun('tar', ['-C', root, '--exclude=./var/cache', '-cf', tar, '.'])
  await engine.docker(
    'import',
    ...changes.flatMap((line) => ['--change', line]),
    tar,
    await nameOfBase(),
  )
  await rm(root, { recursive: true, force: true })
  await rm(tar)
}

/** How npm inside the image gets at packages as npm outside does. */
async function networkSettings(root: string): Promise<string[]> {
  const lines = ['ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin']
  const registry = (await mustRun('npm', ['config', 'get', 'registry'], { folder: '/' })).trim()
  lines.push(`ENV npm_config_registry=${registry}`)
  const certificates = process.env['NODE_EXTRA_CA_CERTS']
  if (certificates !== undefined && existsSync(certificates)) {
    await cp(certificates, join(root, 'etc', 'extra-ca.crt'), { dereference: true })
    lines.push('ENV NODE_EXTRA_CA_CERTS=/etc/extra-ca.crt')
  }
  return lines
}
