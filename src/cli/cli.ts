/** The command line: builds the commands, runs one, turns what it throws into words and a code. */

import { Command, CommanderError } from 'commander'
import { DomainError } from '../base/errors.ts'
import { CliError, EXIT_FAULT } from './command.ts'
import type { Terminal } from './command.ts'
import { commandsFor } from './commands/index.ts'
import { VERSION } from '../base/version.ts'

async function ask(question: string): Promise<string> {
  const { createInterface } = await import('node:readline/promises')
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return await lines.question(question)
  } finally {
    lines.close()
  }
}

/** As the shell tells of a program that wrote to nobody: 128 and the number of SIGPIPE. */
const EXIT_UNREAD = 141

function systemTerminal(): Terminal {
  let isServing = false
  // What only tells has nothing left to do when nobody reads on; a node goes on serving.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (!isUnread(error)) throw error
    if (!isServing) process.exit(EXIT_UNREAD)
  })
  process.stderr.on('error', (error: NodeJS.ErrnoException) => {
    if (!isUnread(error)) throw error
  })
  return {
    environment: process.env,
    folder: process.cwd(),
    isInteractive: process.stderr.isTTY === true,
    print: (text) => void process.stdout.write(`${text}\n`),
    note: (text) => void process.stderr.write(`${text}\n`),
    ask: process.stdin.isTTY && process.stderr.isTTY ? ask : undefined,
    serving: () => {
      isServing = true
    },
    draw: (line) => void process.stderr.write(`\r\u001b[K${line}`),
  }
}

function isUnread(error: NodeJS.ErrnoException): boolean {
  return error.code === 'EPIPE'
}

/** Runs one command line; resolves with the exit code once nothing of it runs any more. */
export async function runCli(
  words: readonly string[],
  terminal: Terminal = systemTerminal(),
): Promise<number> {
  let exitCode = 0
  const program = new Command('hangar')
    .description('S3-compatible object storage that starts with one command')
    .option('-c, --config <file>', 'settings file of the node')
    .option('--data <folder>', 'data folder of a node that `hangar dev` runs')
    .option('--admin-url <url>', 'admin API of a node anywhere; its token: HANGAR_ADMIN_TOKEN')
    .option('--admin-token-file <file>', 'where that token lies')
    .option('--admin-ca <file>', 'authority (PEM) of the https certificate at --admin-url')
    .exitOverride()
    .configureHelp({ sortSubcommands: false })
    .configureOutput({
      writeOut: (text) => terminal.print(text.trimEnd()),
      writeErr: (text) => terminal.note(text.trimEnd()),
    })
  // `--version` of a layout is its number, as Garage has it.
  if (!words.includes('layout')) program.version(VERSION, '-V, --version')
  for (const define of await commandsFor(words)) {
    define(program, terminal, (code) => {
      exitCode = code
    })
  }
  try {
    await program.parseAsync(asGarageSaysIt(words), { from: 'user' })
  } catch (error) {
    exitCode = report(error, terminal)
  }
  return exitCode
}

/** After `layout assign`, and only there, `-c` is the capacity; anywhere else the settings file. */
function asGarageSaysIt(words: readonly string[]): readonly string[] {
  const start = words.findIndex((word, at) => word === 'assign' && words[at - 1] === 'layout')
  if (start < 0) return words
  return words.map((word, at) => (at > start && word === '-c' ? '--capacity' : word))
}

function report(error: unknown, terminal: Terminal): number {
  if (error instanceof CommanderError) {
    if (error.exitCode !== 0) terminal.note('See `hangar --help`, or `hangar <command> --help`.')
    return error.exitCode
  }
  if (error instanceof CliError) {
    terminal.note(`hangar: ${error.message}`)
    if (error.hint !== undefined) terminal.note(error.hint)
    return error.exitCode
  }
  if (error instanceof DomainError) {
    terminal.note(`hangar: ${error.message}`)
    return 1
  }
  if (error instanceof Error && 'syscall' in error && 'path' in error) {
    terminal.note(`hangar: the system refuses a file: ${error.message}`)
    terminal.note('Run this as the owner of the folder, with space left on its drive.')
    return 1
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
  terminal.note(`hangar: something is wrong in the program itself\n${stack}`)
  return EXIT_FAULT
}
