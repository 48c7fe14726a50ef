/** Nodes by settings files, as processes of their own, on free ports of 127.0.0.1. */

import type { ChildProcess } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { launch, lastLines, type Exit } from './spawn-node.ts'

const ADMIN_TOKEN = 'the-token-of-this-test'
const REGION = 'garage'
const START_MS_MAX = 60_000

export interface ClusterNode {
  readonly name: string
  readonly endpoint: string
  readonly region: string
  readonly rpcAddress: string
  readonly settings: string
  start(): Promise<void>
  /** Of the process that runs. */
  pid(): number
  signal(signal: NodeJS.Signals): void
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>
  /** A call of the admin API; a body makes it a POST. */
  admin<Answer>(name: string, body?: unknown): Promise<Answer>
  /** Status and text of the same. */
  ask(path: string, body?: unknown): Promise<{ readonly status: number; readonly text: string }>
  id(): Promise<string>
  errors(): string
}

export interface NodeSettings {
  readonly factor?: number
  /** Names of nodes made before it. */
  readonly bootstrap?: readonly string[]
  readonly secret?: string
  /** Runs the node of a settings file in another way than by its command. */
  readonly launch?: (file: string) => ChildProcess
  /** Instead: drawn by whoever comes first. */
  readonly drawnSecret?: true
  /** Makes the first layout without a call, in a zone of its own. */
  readonly firstLayout?: { readonly nodes: number; readonly bucket?: string }
}

export interface TestCluster {
  /** Everything of all nodes lies here. */
  readonly folder: string
  add(name: string, settings?: NodeSettings): Promise<ClusterNode>
  /** Kills what runs and removes every file. */
  remove(): Promise<void>
}

export async function openCluster(): Promise<TestCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'hangar-cluster-'))
  const nodes: ClusterNode[] = []
  return {
    folder,
    async add(name, settings = {}) {
      const [s3, rpc, admin] = await freePorts(3)
      const home = join(folder, name)
      await mkdir(home)
      const file = join(home, 'node.toml')
      const peers = (settings.bootstrap ?? []).map(
        (other) => nodes.find((node) => node.name === other)!.rpcAddress,
      )
      const ports = { s3: s3!, rpc: rpc!, admin: admin! }
      await writeFile(file, tomlOf(home, ports, settings, peers))
      const { launch: launched = (path) => launch(['server', '-c', path]) } = settings
      const node = nodeOf({ name, file, ...ports, launched })
      nodes.push(node)
      return node
    },
    async remove() {
      await Promise.all(nodes.map((node) => node.kill()))
      await rm(folder, { recursive: true, force: true })
    },
  }
}

interface Ports {
  readonly s3: number
  readonly rpc: number
  readonly admin: number
}

function tomlOf(
  home: string,
  ports: Ports,
  settings: NodeSettings,
  peers: readonly string[],
): string {
  const { factor = 1, secret = '1f2e3d4c5b6a7980'.repeat(4), drawnSecret, firstLayout } = settings
  const drawn = `rpc_secret_file = "${dirname(home)}/secret"\nrpc_secret_create = true`
  const { nodes, bucket } = firstLayout ?? {}
  const section = `
[first_layout]
nodes = ${nodes}
zone = "zone-${basename(home)}"
capacity = "1T"
${bucket === undefined ? '' : `bucket = "${bucket}"`}
`
  return `metadata_dir = "${home}/meta"
data_dir = "${home}/blocks"
replication_factor = ${factor}
rpc_bind_addr = "127.0.0.1:${ports.rpc}"
${drawnSecret ? drawn : `rpc_secret = "${secret}"`}
bootstrap_peers = ${JSON.stringify(peers)}

[s3_api]
s3_region = "${REGION}"
api_bind_addr = "127.0.0.1:${ports.s3}"

[admin]
api_bind_addr = "127.0.0.1:${ports.admin}"
admin_token = "${ADMIN_TOKEN}"
${firstLayout === undefined ? '' : section}`
}

interface NodeParts extends Ports {
  readonly name: string
  readonly file: string
  readonly launched: (file: string) => ChildProcess
}

function nodeOf({ name, file, launched, ...ports }: NodeParts): ClusterNode {
  let running: { child: ChildProcess; exited: Promise<Exit> } | undefined
  let errors = (): string => ''
  const adminEndpoint = `http://127.0.0.1:${ports.admin}`
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    running?.child.kill(signal)
    const exit = await running?.exited
    running = undefined
    return exit?.code ?? null
  }
  const node: ClusterNode = {
    name,
    endpoint: `http://127.0.0.1:${ports.s3}`,
    region: REGION,
    rpcAddress: `127.0.0.1:${ports.rpc}`,
    settings: file,
    async start() {
      const child = launched(file)
      child.stdout?.resume()
      errors = lastLines(child)
      const exited = new Promise<Exit>((resolve) => {
        child.once('close', (code, signal) => resolve({ code, signal }))
      })
      running = { child, exited }
      await untilThere(adminEndpoint, exited, errors)
    },
    pid() {
      if (running?.child.pid === undefined) throw new Error(`${name} does not run`)
      return running.child.pid
    },
    signal: (signal) => void running?.child.kill(signal),
    async kill() {
      await end('SIGKILL')
    },
    stop: () => end('SIGTERM'),
    async admin<Answer>(call: string, body?: unknown): Promise<Answer> {
      const { status, text } = await node.ask(`/v2/${call}`, body)
      if (status !== 200) throw new Error(`${name}: ${call} answers ${status} ${text}`)
      return JSON.parse(text) as Answer
    },
    async ask(path, body) {
      const answer = await fetch(`${adminEndpoint}${path}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(30_000),
      })
      return { status: answer.status, text: await answer.text() }
    },
    async id() {
      const { success } = await node.admin<{ success: Record<string, unknown> }>(
        'GetNodeInfo?node=self',
      )
      return Object.keys(success)[0]!
    },
    errors: () => errors(),
  }
  return node
}

async function untilThere(
  endpoint: string,
  exited: Promise<Exit>,
  errors: () => string,
): Promise<void> {
  let exit: Exit | undefined
  void exited.then((ended) => (exit = ended))
  const last = performance.now() + START_MS_MAX
  while (performance.now() < last) {
    if (exit !== undefined) throw new Error(`the node ended with ${exit.code}\n${errors()}`)
    const answer = await fetch(`${endpoint}/health`).catch(() => undefined)
    if (answer !== undefined) return
    await wait(50)
  }
  throw new Error(`the node did not come\n${errors()}`)
}

/** Below those that systems give to connections: a node that is down finds its ports free again. */
const [PORT_MIN, PORT_MAX] = [15_000, 32_000] as const

/** The first of so many is listened on for as long as this process lives: the others are its own. */
const BLOCK_PORTS = 100

/** Never given twice: a node that is down wants its own again. */
const own: number[] = []

/** Free ports that no other process gets from here, also while nothing listens on them. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = []
  while (ports.length < count) {
    if (own.length === 0) own.push(...(await ownBlock()))
    const port = own.shift()!
    const server = await listening(port)
    if (server === undefined) continue
    await new Promise((resolve) => server.close(resolve))
    ports.push(port)
  }
  return ports
}

async function ownBlock(): Promise<number[]> {
  for (;;) {
    const first = PORT_MIN + BLOCK_PORTS * randomInt((PORT_MAX - PORT_MIN) / BLOCK_PORTS)
    const guard = await listening(first)
    if (guard === undefined) continue
    guard.unref()
    return Array.from({ length: BLOCK_PORTS - 1 }, (_, index) => first + 1 + index)
  }
}

/** Undefined where another program listens already. */
function listening(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(undefined))
    server.listen(port, '127.0.0.1', () => resolve(server))
  })
}
