/** Debian's Chromium, driven by its ChromeDriver over HTTP. Source: W3C WebDriver. */

import { spawn, type ChildProcess } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { installDebian, mustRun } from '../clients.ts'

const CHROMIUM = '/usr/bin/chromium'
const DRIVER = '/usr/bin/chromedriver'
const START_MS_MAX = 30_000
const SCRIPT_MS_MAX = 20_000
/** What makes it a browser without a screen that asks nobody else for anything. */
const FLAGS = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
  ...['--disable-dev-shm-usage', '--mute-audio'],
]
/** The name under which WebDriver hands out a place in the page. */
const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf'

/** One window. Whoever opened it must `close` it. */
export interface Browser {
  readonly version: string
  open(url: string): Promise<void>
  /** Where the window is, once it has left a place. */
  urlBehind(left: string): Promise<string>
  /** Runs the body of an async function in the page; `arguments` are the values. */
  run<Result>(script: string, ...values: readonly unknown[]): Promise<Result>
  /** Types into what a selector finds; into a file input, the path of a file. */
  type(selector: string, text: string): Promise<void>
  click(selector: string): Promise<void>
  /** The statuses of what came from a path by the network, not a cache, since this was asked. */
  answers(path: string): Promise<readonly number[]>
  close(): Promise<void>
}

/**
 * Opens a browser for which every host below `domain` is this machine.
 *
 * @throws {Skipped} when there is none and none can be installed
 */
export async function openBrowser(folder: string, domain: string): Promise<Browser> {
  await installDebian(['chromium', 'chromium-driver'], [CHROMIUM, DRIVER])
  const version = (await mustRun(CHROMIUM, ['--version'])).trim().split(' ').slice(0, 2).join(' ')
  const profile = join(folder, 'profile')
  await mkdir(profile)
  const driver = spawn(DRIVER, ['--port=0'], { stdio: ['ignore', 'pipe', 'ignore'] })
  process.once('exit', () => driver.kill('SIGKILL'))
  const base = `http://127.0.0.1:${await portOf(driver)}`
  const args = [
    ...FLAGS,
    `--user-data-dir=${profile}`,
    `--host-resolver-rules=MAP *.${domain} 127.0.0.1`,
  ]
  const alwaysMatch = {
    browserName: 'chrome',
    'goog:chromeOptions': { binary: CHROMIUM, args },
    'goog:loggingPrefs': { performance: 'ALL' },
    timeouts: { script: SCRIPT_MS_MAX, pageLoad: SCRIPT_MS_MAX },
  }
  const opened = await say<{ sessionId: string }>(`${base}/session`, {
    capabilities: { alwaysMatch },
  })
  const window = windowAt(`${base}/session/${opened.sessionId}`)
  return {
    version,
    ...window,
    async close() {
      await fetch(`${base}/session/${opened.sessionId}`, { method: 'DELETE' })
      driver.kill('SIGTERM')
    },
  }
}

function windowAt(session: string): Omit<Browser, 'version' | 'close'> {
  const find = async (selector: string): Promise<string> => {
    const found = await say<Record<string, string>>(`${session}/element`, {
      using: 'css selector',
      value: selector,
    })
    return `${session}/element/${found[ELEMENT]}`
  }
  return {
    open: async (url) => say(`${session}/url`, { url }),
    urlBehind: async (left) => {
      const last = performance.now() + SCRIPT_MS_MAX
      for (;;) {
        const url = await valueOf<string>(await fetch(`${session}/url`))
        if (url !== left || performance.now() > last) return url
        await wait(50)
      }
    },
    run: async (body, ...values) =>
      say(`${session}/execute/sync`, {
        script: `return (async function () { ${body} }).apply(undefined, arguments)`,
        args: values,
      }),
    type: async (selector, text) => say(`${await find(selector)}/value`, { text }),
    answers: async (path) =>
      answersIn(await say<readonly LogLine[]>(`${session}/se/log`, { type: 'performance' }), path),
    click: async (selector) => say(`${await find(selector)}/click`, {}),
  }
}

interface LogLine {
  readonly message: string
}

/** What the browser's own log says; only the part that is read here. */
interface NetworkEvent {
  readonly message: {
    readonly method: string
    readonly params: {
      readonly response?: {
        readonly url: string
        readonly status: number
        readonly fromDiskCache?: boolean
      }
    }
  }
}

function answersIn(lines: readonly LogLine[], path: string): readonly number[] {
  return lines.flatMap((line) => {
    const { method, params } = (JSON.parse(line.message) as NetworkEvent).message
    const { response } = params
    if (method !== 'Network.responseReceived' || response === undefined) return []
    if (response.fromDiskCache === true || new URL(response.url).pathname !== path) return []
    return [response.status]
  })
}

async function portOf(driver: ChildProcess): Promise<number> {
  const late = AbortSignal.timeout(START_MS_MAX)
  const lines = createInterface({ input: driver.stdout!, signal: late })
  for await (const line of lines) {
    const port = /started successfully on port (\d+)/.exec(line)?.[1]
    if (port !== undefined) return Number(port)
  }
  throw new Error('chromedriver tells no port')
}

async function say<Value>(url: string, body: object): Promise<Value> {
  const headers = { 'content-type': 'application/json' }
  return valueOf(await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) }))
}

async function valueOf<Value>(answer: Response): Promise<Value> {
  const { value } = (await answer.json()) as { value: unknown }
  if (answer.ok) return value as Value
  const { error, message } = value as { error: string; message: string }
  throw new Error(`${new URL(answer.url).pathname}: ${error}: ${message.slice(0, 600)}`)
}
