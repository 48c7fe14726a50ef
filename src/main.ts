#!/usr/bin/env node
/** The entry: arguments to the command line, its exit code back. */

import { runCli } from './cli/cli.ts'

process.exitCode = await runCli(process.argv.slice(2))
