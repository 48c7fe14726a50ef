/** `hangar server`: a node by its settings file. */

import { resolve } from 'node:path'
import type { Command } from 'commander'
import { endpointOf } from '../../config/endpoint.ts'
import { loadConfig } from '../../config/load.ts'
import type { Config } from '../../config/schema.ts'
import type { GivenKey } from '../../node/node.ts'
import { CliError, settingsFileIn } from '../command.ts'
import type { DefineCommand, GlobalOptions, Terminal } from '../command.ts'
import { nodeEnding } from '../ending.ts'
import { keepYoungSmall, letHeapGrow, letYoungGrow } from '../heap.ts'
import { endOnUncaught, runToEnd } from '../running.ts'
import { drawSecretFile } from '../secret-file.ts'
import { clientSettings, pasteLine } from '../settings.ts'

export const server: DefineCommand = (program, terminal) => {
  program
    .command('server')
    .description('run a node by the settings file of -c')
    .action(async (_: unknown, command: Command) => {
      await run(command.optsWithGlobals<GlobalOptions>(), terminal)
    })
}

async function run(options: GlobalOptions, terminal: Terminal): Promise<void> {
  const { environment, folder } = terminal
  const path = options.config ?? settingsFileIn(environment)
  if (path === undefined) {
    throw new CliError(
      'no settings file is named',
      'Run `hangar server -c node.toml`; doc/configuration.md has every key. Just trying? `hangar dev`.',
    )
  }
  letHeapGrow()
  keepYoungSmall()
  const { startNode, optionsOf } = await import('../../node/node.ts')
  const { newClusterSecret } = await import('../../node/credentials.ts')
  const config = loadConfig(resolve(folder, path), environment, (file, metadataDir) =>
    drawSecretFile({ file, metadataDir, secret: newClusterSecret() }),
  )
  for (const warning of config.warnings) terminal.note(`warning: ${warning}`)
  endOnUncaught(terminal)
  const ending = nodeEnding()
  const node = await startNode({
    ...optionsOf(config),
    ...{ log: 'stdout', onFatal: ending.onFatal },
    onFirstKey: (given) => tellFirstKey(given, config, terminal),
  })
  await runToEnd(node, { ending, terminal }, () => {
    letYoungGrow()
    for (const sentence of node.notices) terminal.note(sentence)
    if (node.s3 !== undefined) terminal.note(`Hangar serves S3 at ${node.s3.endpoint}`)
    if (node.admin !== undefined) terminal.note(`Admin API at ${node.admin.endpoint}`)
  })
}

/** Once in the life of a cluster: its secret is not shown again but by `hangar key info`. */
function tellFirstKey(
  { accessKeyId, secretAccessKey, bucket }: GivenKey,
  { s3 }: Config,
  terminal: Terminal,
): void {
  const endpoint =
    s3.bind === undefined ? 'http://127.0.0.1:3900' : endpointOf(s3.bind, s3.tls !== undefined)
  const settings = { endpoint, region: s3.region, accessKeyId, secretAccessKey, bucket }
  terminal.note(`
The cluster has a key and the bucket "${bucket}". Paste this line into a terminal:

${pasteLine(settings)}

Other clients:

${clientSettings(settings)}
`)
}
