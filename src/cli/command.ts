/** What every command is given, and how a command fails. */

import type { Command } from 'commander'

/** The terminal, as commands see it; tests bring their own. */
export interface Terminal {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly folder: string
  /** Standard error is a terminal: progress may be drawn over itself. */
  readonly isInteractive: boolean
  /** One line, or several, on standard output. */
  print(text: string): void
  /** The same on standard error. */
  note(text: string): void
  /** Asks the person at the keyboard; undefined where nobody is. */
  readonly ask?: ((question: string) => Promise<string>) | undefined
  /** A node serves from now on, whether or not anybody reads what is printed. */
  serving(): void
  /** On standard error, over the line before; '' wipes it. */
  draw(line: string): void
}

/** A failure that people can do something about: one sentence, and what to do. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly hint: string | undefined
  readonly exitCode: number

  constructor(message: string, hint?: string, exitCode = 1) {
    super(message)
    this.hint = hint
    this.exitCode = exitCode
  }
}

/** Exit code of a fault of the program itself. Source: sysexits(3), EX_SOFTWARE. */
export const EXIT_FAULT = 70

/** Options that stand before or after any command. */
export interface GlobalOptions {
  readonly config?: string
  readonly data?: string
  readonly adminUrl?: string
  readonly adminTokenFile?: string
  readonly adminCa?: string
}

/** The settings file that the environment names; Garage's name for it counts too. */
export function settingsFileIn(environment: Terminal['environment']): string | undefined {
  return environment['HANGAR_CONFIG_FILE'] ?? environment['GARAGE_CONFIG_FILE']
}

/** Adds one command to the program; `exit` sets the exit code of a run that did not fail. */
export type DefineCommand = (
  program: Command,
  terminal: Terminal,
  exit: (code: number) => void,
) => void
