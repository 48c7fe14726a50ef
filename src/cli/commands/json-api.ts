/** `hangar json-api`: one raw call of the admin API. */

import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { AdminClient, findNode } from '../admin-client.ts'
import { CliError } from '../command.ts'
import type { DefineCommand, GlobalOptions } from '../command.ts'

/** Calls that name their subject in the query and have a body, or none, beside it. */
const bySubject = /^(?:Update|Delete)/
/** Calls of the nodes that the query names, with a body beside it. */
const posted = /^(?:LaunchRepairOperation|ListWorkers|GetWorkerInfo)$/

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

function callRaw(
  client: AdminClient,
  name: string,
  payload: Record<string, unknown>,
): Promise<unknown> {
  if (posted.test(name)) {
    const { node, ...body } = payload
    return client.call(name, { query: node === undefined ? {} : asQuery({ node }), body })
  }
  if (/^(?:Get|List)/.test(name)) return client.call(name, { query: asQuery(payload) })
  if (!bySubject.test(name)) return client.call(name, { body: payload })
  const { id, ...body } = payload
  return client.call(name, { query: id === undefined ? {} : asQuery({ id }), body })
}

function asQuery(payload: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(payload).map(([name, value]) => [
      name,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
  )
}

function parsePayload(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as Record<string, unknown>
    }
  } catch {
    // Said below.
  }
  throw new CliError(`the payload is not a JSON object: ${text}`, `Wanted such as '{"id":"…"}'.`)
}
