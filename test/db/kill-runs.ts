/** Kills a writing process again and again: no acknowledged write is lost, no false alarm raised. */

import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const writer = fileURLToPath(new URL('./kill-writer.js', import.meta.url))

export interface KillFigures {
  readonly kills: number
  /** Acknowledged writes, all lives together. */
  readonly writes: number
}

/**
 * `kills` lives of one database in `folder`, each killed at a random moment after its first write.
 *
 * @throws {Error} when a life found its seal broken or an acknowledged write missing
 */
export async function runKills(folder: string, kills: number): Promise<KillFigures> {
  let told = 0
  for (let life = 1; life <= kills; life += 1) {
    const lines = await liveAndDie([folder, String(told)])
    const last = lines.at(-1) ?? 'nothing was said'
    if (lines[0] !== 'opened' || !/^\d+$/.test(last)) throw new Error(`kill ${life}: ${last}`)
    told = Number(last)
  }
  // One more, to look at what the last kill left.
  const lines = await liveAndDie([folder, String(told)])
  if (lines[0] !== 'opened') throw new Error(`after the last kill: ${lines[0]}`)
  return { kills, writes: told }
}

/** Whole lines that one life wrote; it is killed up to 40 ms after the first write, or ends. */
function liveAndDie(args: readonly string[]): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [writer, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let said = ''
    let isDoomed = false
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text
      if (isDoomed || !/^\d+$/m.test(said)) return
      isDoomed = true
      setTimeout(() => child.kill('SIGKILL'), Math.random() * 40)
    })
    child.on('error', reject)
    child.on('close', () => resolve(said.split('\n').slice(0, -1)))
  })
}
