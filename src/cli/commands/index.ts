/** Every command, in the order of the help text. */

import type { Command } from 'commander'
import type { Terminal } from '../command.ts'
import { bucket } from './bucket.ts'
import { check } from './check.ts'
import { dev } from './dev.ts'
import { jsonApi } from './json-api.ts'
import { key } from './key.ts'
import { recover } from './recover.ts'
import { scrub } from './scrub.ts'
import { server } from './server.ts'
import { status } from './status.ts'

/** Adds one command to the program; `exit` sets the exit code of a run that did not fail. */
export type DefineCommand = (
  program: Command,
  terminal: Terminal,
  exit: (code: number) => void,
) => void

export const commands: readonly DefineCommand[] = [
  dev,
  server,
  status,
  key,
  bucket,
  check,
  scrub,
  recover,
  jsonApi,
]
