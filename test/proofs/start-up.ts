/** A fresh clone: from `npm start` to the first PUT by a real aws-cli, after the install step. */

import { spawn } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { PROJECT, type Hello } from '../support/spawn-node.ts'
import { claim, inFolder, judgeTime, progress, Skipped, slowness } from './claims.ts'
import {
  debianAwsCli,
  mustRun,
  pypiAwsCli,
  runProgram,
  writeAwsConfig,
  type AwsCli,
} from './clients.ts'

const LIMIT_MS = 10_000

async function anyAwsCli(): Promise<AwsCli> {
  try {
    return await pypiAwsCli()
  } catch (error) {
    if (!(error instanceof Skipped)) throw error
    return debianAwsCli()
  }
}

async function clone(folder: string): Promise<void> {
  const cloned = await runProgram('git', ['clone', '-q', PROJECT, folder])
  if (cloned.code !== 0) throw new Skipped(`no clone can be made: ${cloned.stderr.trim()}`)
  progress('npm ci in a fresh clone …')
  await mustRun('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { folder })
}

/** `npm start` as a user runs it, on free ports; resolves with its first line. */
async function npmStart(folder: string): Promise<{ hello: Hello; stop: () => Promise<void> }> {
  const ports = ['--s3-port', '0', '--admin-port', '0', '--web-port', '0']
  const child = spawn('npm', ['start', '--silent', '--', ...ports, '--json'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  })
  const closed = new Promise<undefined>((resolve) => {
    child.once('close', () => {
      resolve(undefined)
    })
  })
  const reader = createInterface({ input: child.stdout })
  const line = await Promise.race([
    new Promise<string>((resolve) => reader.once('line', resolve)),
    closed,
  ])
  if (line === undefined) throw new Error('npm start ended before it served')
  const hello = JSON.parse(line) as Hello
  const stop = async (): Promise<void> => {
    process.kill(hello.pid, 'SIGTERM')
    await closed
  }
  return { hello, stop }
}

await inFolder('start-up', async (base) => {
  await claim('npm start to the first PUT by a real aws-cli takes less than 10 s', async () => {
    await writeAwsConfig()
    const cli = await anyAwsCli()
    const folder = join(base, 'clone')
    await clone(folder)
    await rm(join(folder, 'dist'), { recursive: true, force: true })
    const file = join(base, 'file')
    await writeFile(file, 'the first object')
    const before = slowness()
    const began = performance.now()
    const { hello, stop } = await npmStart(folder)
    const served = performance.now() - began
    const at = `s3://${hello.bucket}/first`
    await cli
      .run(hello, 's3', 'cp', '--only-show-errors', file, at)
      .catch(async (error: unknown) => {
        await stop()
        throw error
      })
    const took = performance.now() - began
    await stop()
    const told = judgeTime(took, LIMIT_MS, [before, slowness()])
    const put = `PUT by ${cli.version} after ${Math.round(took)} ms`
    return `served after ${Math.round(served)} ms, ${put}, ${told}`
  })
})
