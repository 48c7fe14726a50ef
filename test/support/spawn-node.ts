/** Runs the built node as a user would, and its other commands, as processes of their own. */

import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** The project's folder: this file runs from dist/verify/test/support. */
export const PROJECT = fileURLToPath(new URL('../../../../', import.meta.url))
const MAIN = `${PROJECT}dist/main.js`
const START_MS_MAX = 60_000
const STDERR_LINES_KEPT = 60

/** The first line that `hangar dev --json` prints. */
export interface Hello {
  readonly s3: { readonly endpoint: string; readonly region: string }
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly bucket: string
  readonly admin: { readonly endpoint: string; readonly token: string }
  readonly web: { readonly endpoint: string }
  readonly data: string
  readonly pid: number
}

export interface NodeOptions {
  readonly data: string
  readonly bucket?: string
  readonly graceSeconds?: number
  readonly args?: readonly string[]
}

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A node that serves. Whoever started it must `kill` or `stop` it. */
export interface RunningNode {
  readonly hello: Hello
  readonly pid: number
  /** From the spawn to the first line. */
  readonly startedInMs: number
  readonly exited: Promise<Exit>
  /** What it wrote to standard error last. */
  errors(): string
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>
}

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** The node ended before it served. */
export class StartFailed extends Error {
  readonly exit: Exit
  readonly stderr: string

  constructor(exit: Exit, stderr: string) {
    super(`start the node: ended with ${exit.code ?? exit.signal ?? 'nothing'}\n${stderr}`)
    this.exit = exit
    this.stderr = stderr
  }
}

const alive = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL')
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

/** @param ahead how many milliseconds the wall clock of that process is ahead of the machine's */
export function launch(args: readonly string[], ahead = 0): ChildProcess {
  if (!existsSync(MAIN)) throw new Error(`${MAIN} is not there: run "npm run build" first`)
  const clock = `const now = Date.now; Date.now = () => now.call(Date) + ${ahead}`
  const moved = ahead === 0 ? [] : ['--import', `data:text/javascript,${encodeURIComponent(clock)}`]
  const words = [...moved, MAIN, ...args]
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'pipe'] })
  alive.add(child)
  child.once('exit', () => alive.delete(child))
  return child
}

function exitOf(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve) => {
    child.once('close', (code, signal) => {
      resolve({ code, signal })
    })
  })
}

/** Starts `hangar dev` on free ports and waits until it serves. */
export async function startNode(options: NodeOptions): Promise<RunningNode> {
  const args = ['dev', '--data', options.data, '--json']
  for (const port of ['--s3-port', '--admin-port', '--web-port']) args.push(port, '0')
  if (options.graceSeconds !== undefined) args.push('--grace-seconds', `${options.graceSeconds}`)
  args.push(...(options.args ?? []))
  if (options.bucket !== undefined) args.push(options.bucket)
  const began = performance.now()
  const child = launch(args)
  const exited = exitOf(child)
  const stderr = lastLines(child)
  const line = await firstLine(child, exited, stderr)
  const hello = JSON.parse(line) as Hello
  return {
    hello,
    pid: hello.pid,
    startedInMs: performance.now() - began,
    exited,
    errors: stderr,
    async kill() {
      child.kill('SIGKILL')
      await exited
    },
    async stop() {
      child.kill('SIGTERM')
      return (await exited).code
    },
  }
}

export function lastLines(child: ChildProcess): () => string {
  const lines: string[] = []
  if (child.stderr !== null) {
    createInterface({ input: child.stderr }).on('line', (line) => {
      lines.push(line)
      if (lines.length > STDERR_LINES_KEPT) lines.shift()
    })
  }
  return () => lines.join('\n')
}

async function firstLine(
  child: ChildProcess,
  exited: Promise<Exit>,
  stderr: () => string,
): Promise<string> {
  const { stdout } = child
  if (stdout === null) throw new Error('start the node: it has no standard output')
  const reader = createInterface({ input: stdout })
  const line = new Promise<string>((resolve) => reader.once('line', resolve))
  const late = deadline(START_MS_MAX)
  const first = await Promise.race([line, exited, late.promise])
  late.cancel()
  if (typeof first === 'string') return first
  if (first !== undefined) throw new StartFailed(first, stderr())
  child.kill('SIGKILL')
  throw new Error(`start the node: no line after ${START_MS_MAX} ms\n${stderr()}`)
}

function deadline(ms: number): { promise: Promise<undefined>; cancel: () => void } {
  let timer: NodeJS.Timeout | undefined
  const promise = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ms, undefined)
  })
  return {
    promise,
    cancel: () => {
      clearTimeout(timer)
    },
  }
}

/** Runs one `hangar` command to its end. */
export async function runCommand(args: readonly string[]): Promise<Finished> {
  const child = launch(args)
  const exited = exitOf(child)
  const out: Buffer[] = []
  const err: Buffer[] = []
  child.stdout?.on('data', (piece: Buffer) => out.push(piece))
  child.stderr?.on('data', (piece: Buffer) => err.push(piece))
  const { code } = await exited
  return { code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }
}
