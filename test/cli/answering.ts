/** A node that answers what a test says, and what a command says of it. */

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { say, type Said } from './terminal.ts'

type Answer = Readonly<Record<string, unknown>> | (() => object)

/** By the operation of the admin API; a function is asked for each answer. */
export type Answers = Readonly<Record<string, Answer>>

/** A call that has no answer here ends with 404. */
export async function sayTo(
  t: TestContext,
  answers: Answers,
  words: readonly string[],
): Promise<Said> {
  const server = createServer(({ url }, response) => {
    const answer = answers[/^\/(?:v2|hangar\/v1)\/([\w-]+)/.exec(url!)![1]!]
    if (answer === undefined) response.statusCode = 404
    response.end(JSON.stringify(typeof answer === 'function' ? answer() : (answer ?? {})))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const environment = { HANGAR_ADMIN_TOKEN: 't' }
  return say([...words, '--admin-url', endpoint], { environment })
}
