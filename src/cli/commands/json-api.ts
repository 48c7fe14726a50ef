/** `hangar json-api`: one raw call of the admin API. */

import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { AdminClient, findNode } from '../admin-client.ts'
import { CliError } from '../command.ts'
import type { DefineCommand, GlobalOptions } from '../command.ts'

export const jsonApi: DefineCommand = (program, terminal) => {
  program
    .command('json-api')
    .description('call the admin API as it is and print the JSON that it answers')
    .argument('<name>', 'such as GetBucketInfo')
    .argument('[json]', 'parameters or body as one JSON object; - reads standard input', '{}')
    .action(async (name: string, json: string, _: unknown, command: Command) => {
      const client = new AdminClient(findNode(command.optsWithGlobals<GlobalOptions>(), terminal))
      const payload = parsePayload(json === '-' ? readFileSync(0, 'utf8') : json)
      terminal.print(JSON.stringify(await callRaw(client, name, payload), null, 2))
    })
}

/** What stands in the query and what in the body is told by the declaration of the call. */
async function callRaw(client: AdminClient, name: string, payload: unknown): Promise<unknown> {
  const { operations } = await import('../../api/admin/operations/index.ts')
  const operation = operations.find((one) => one.name === name && one.path.startsWith('/v2/'))
  if (operation === undefined) {
    const names = operations.flatMap((one) => (one.path.startsWith('/v2/') ? [one.name] : []))
    const close = names.find((one) => one.toLowerCase() === name.toLowerCase())
    throw new CliError(
      `there is no call "${name}"`,
      close === undefined ? `There are ${names.toSorted(byName).join(', ')}.` : `Meant "${close}"?`,
    )
  }
  if (Array.isArray(payload)) {
    if (operation.method === 'GET') throw noObject(JSON.stringify(payload))
    return client.call(name, { body: payload })
  }
  const fields = Object.entries(payload as Record<string, unknown>)
  if (operation.method === 'GET') return client.call(name, { query: asQuery(fields) })
  const known = new Set(['node', ...(operation.query ?? []).map((one) => one.name)])
  const body = Object.fromEntries(fields.filter(([field]) => !known.has(field)))
  return client.call(name, { query: asQuery(fields.filter(([field]) => known.has(field))), body })
}

function byName(a: string, b: string): number {
  return a < b ? -1 : 1
}

function asQuery(fields: readonly (readonly [string, unknown])[]): Record<string, string> {
  return Object.fromEntries(
    fields.map(([name, value]) => [
      name,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
  )
}

function parsePayload(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value
  } catch {
    // Said below.
  }
  throw noObject(text)
}

function noObject(text: string): CliError {
  return new CliError(`the payload is not a JSON object: ${text}`, `Wanted such as '{"id":"…"}'.`)
}
