/** `hangar recover`: lets a node whose database lost rows take writes again. */

import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { DomainError } from '../../base/errors.ts'
import { SCAN_SLICE_ROWS } from '../../base/limits.ts'
import { loadConfig } from '../../config/load.ts'
import { CliError, settingsFileIn } from '../command.ts'
import type { DefineCommand, GlobalOptions, Terminal } from '../command.ts'
import { DEV_FOLDER } from '../node-file.ts'

/** Between two drawings of how many rows were read. */
const ROWS_DRAWN = 100_000

interface RecoverOptions extends GlobalOptions {
  readonly acceptLoss?: boolean
}

export const recover: DefineCommand = (program, terminal) => {
  program
    .command('recover')
    .description('of a stopped node: read its database, say what it lacks, and accept the loss')
    .option('--accept-loss', 'go on without what is lost')
    .action(async (_: unknown, command: Command) => {
      await run(command.optsWithGlobals<RecoverOptions>(), terminal)
    })
}

const HINTS: Readonly<Record<string, string>> = {
  Locked: 'Stop the node first: it must not run meanwhile.',
  NotUsable: 'Run it as the owner of the folder, with space left on its drive.',
}

async function run(options: RecoverOptions, terminal: Terminal): Promise<void> {
  const { recoverNode } = await import('../../node/recover.ts')
  const metadataDir = metadataFolder(options, terminal)
  if (!existsSync(metadataDir)) {
    throw new CliError(
      `there is no node in "${metadataDir}"`,
      'Name its folder with --data, or its settings file with -c.',
    )
  }
  const acceptLoss = options.acceptLoss === true
  const progressed = (rows: number): void => {
    if (!terminal.isInteractive || rows % ROWS_DRAWN > SCAN_SLICE_ROWS) return
    terminal.draw(`recover: ${rows} rows read`)
  }
  const result = await recoverNode(metadataDir, { acceptLoss, progressed })
    .catch((error: unknown) => {
      const hint = error instanceof DomainError ? HINTS[String(error.code)] : undefined
      if (hint === undefined) throw error
      throw new CliError((error as Error).message, hint)
    })
    .finally(() => {
      if (terminal.isInteractive) terminal.draw('')
    })
  terminal.print(result.sentence)
  if (result.kind === 'broken') {
    throw new CliError(
      'nothing was changed',
      'Run `hangar recover --accept-loss` to go on without what is lost.',
    )
  }
}

function metadataFolder(options: RecoverOptions, { environment, folder }: Terminal): string {
  const config = options.config ?? settingsFileIn(environment)
  if (options.data === undefined && config !== undefined) {
    return loadConfig(resolve(folder, config), environment).metadataDir
  }
  return resolve(folder, options.data ?? DEV_FOLDER, 'meta')
}
