/** `hangar completion`: what a shell needs to complete our words, made from the declarations. */

import type { Command } from 'commander'
import { CliError } from '../command.ts'
import type { DefineCommand } from '../command.ts'
import { completionScript, shells, type Words } from '../completion.ts'

export const completion: DefineCommand = (program, terminal) => {
  program
    .command('completion')
    .description('print the script that completes words of this program')
    .argument('<shell>', shells.join(', '))
    .action((shell: string) => {
      const known = shells.find((one) => one === shell)
      if (known === undefined) {
        throw new CliError(`"${shell}" is not known`, `There are ${shells.join(', ')}.`)
      }
      terminal.print(completionScript(known, wordsOf(program)))
    })
}

/** Every command with the words that may follow it. */
function wordsOf(program: Command, path: readonly string[] = []): Words[] {
  const subcommands = program.commands.map((one) => ({
    word: one.name(),
    sentence: one.description(),
  }))
  const options = program.options.flatMap(({ long, description }) =>
    long === undefined || long === null ? [] : [{ word: long, sentence: description }],
  )
  return [
    { path, subcommands, options },
    ...program.commands.flatMap((one) => wordsOf(one, [...path, one.name()])),
  ]
}
