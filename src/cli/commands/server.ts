/** `hangar server`: a node by its settings file. */

import { resolve } from 'node:path'
import type { Command } from 'commander'
import { loadConfig } from '../../config/load.ts'
import { CliError } from '../command.ts'
import type { DefineCommand, GlobalOptions, Terminal } from '../command.ts'
import { nodeEnding } from '../ending.ts'
import { endOnUncaught, runToEnd } from '../running.ts'

const USUAL_FILES = 'HANGAR_CONFIG_FILE'

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
  const path = options.config ?? environment[USUAL_FILES] ?? environment['GARAGE_CONFIG_FILE']
  if (path === undefined) {
    throw new CliError(
      'no settings file is named',
      'Run `hangar server -c node.toml`; doc/configuration.md has every key. Just trying? `hangar dev`.',
    )
  }
  const config = loadConfig(resolve(folder, path), environment)
  for (const warning of config.warnings) terminal.note(`warning: ${warning}`)
  endOnUncaught(terminal)
  const { startNode, optionsOf } = await import('../../node/node.ts')
  const ending = nodeEnding()
  const node = await startNode({ ...optionsOf(config), log: 'stdout', onFatal: ending.onFatal })
  await runToEnd(node, { ending, terminal }, () => {
    for (const sentence of node.notices) terminal.note(sentence)
    if (node.s3 !== undefined) terminal.note(`Hangar serves S3 at ${node.s3.endpoint}`)
    if (node.admin !== undefined) terminal.note(`Admin API at ${node.admin.endpoint}`)
  })
}
