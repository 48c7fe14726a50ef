/** One node of a suite, as a process of its own: the product as it is, but its days are short. */

import { loadConfig } from '../../src/config/load.ts'
import { startNode } from '../../src/node/node.ts'
import { optionsOf } from '../../src/node/options.ts'

const [settings, daySeconds] = process.argv.slice(2)

function end(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
  process.exit(1)
}
process.on('uncaughtException', end)
process.on('unhandledRejection', end)

const node = await startNode({
  ...optionsOf(loadConfig(settings!, process.env)),
  lifecycleDayMs: Number(daySeconds) * 1000,
  log: 'stderr',
  onFatal: end,
})
process.once('SIGTERM', () => {
  node.stop().then(() => process.exit(0), end)
})
