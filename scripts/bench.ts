/**
 * `npm run bench`: loads an S3 server and prints what it does: rates, latencies, CPU and memory;
 * beside a peer, by turns, if one is given. `npm run bench -- --help` tells the rest.
 */

import { besideBadPeers } from './bench/bad-peer.ts'
import { runRows, type Rival } from './bench/beside.ts'
import { underLosses } from './bench/lose.ts'
import { optionsOf, usage, UsageError, type Options } from './bench/options.ts'
import { Bench } from './bench/rows.ts'
import { oneNode, running, threeNodes, type Server } from './bench/servers.ts'

async function serverOf({ target, nodes, data }: Options): Promise<Server> {
  if (target !== undefined) return running(target)
  return nodes === 3 ? threeNodes() : oneNode(data)
}

async function withServer<S extends Server>(server: S, run: (server: S) => Promise<void>) {
  try {
    await run(server)
  } finally {
    await server.stop()
  }
}

async function main(options: Options): Promise<void> {
  const { losses, badPeers, seconds, peer, target } = options
  if (badPeers !== undefined) {
    console.log(await besideBadPeers(badPeers, seconds))
  } else if (losses !== undefined) {
    await withServer(await threeNodes(), async (server) => {
      const bench = new Bench({ ...server, pids: [], seconds })
      console.log(await underLosses(bench, server.nodes[2]!, losses))
    })
  } else {
    await withServer(await serverOf(options), async (server) => {
      const ours: Rival = { name: target?.endpoint ?? 'Hangar', server }
      const theirs = peer === undefined ? undefined : { name: peer.name, server: running(peer) }
      const { report, isWhole } = await runRows(options, ours, theirs)
      console.log(report)
      if (!isWhole) process.exitCode = 1
    })
  }
}

try {
  const options = optionsOf(process.argv.slice(2))
  if (options.isHelp) console.log(usage)
  else await main(options)
} catch (error) {
  const isUsage = error instanceof UsageError
  const { message } = error as Error
  console.error(`bench: ${message}${isUsage ? ' (--help tells all options)' : ''}`)
  process.exitCode = isUsage ? 2 : 1
}
