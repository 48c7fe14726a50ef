/** Starts long work on a node and watches it to its end. */

import type { JobAnswer } from '../api/admin/answers.ts'
import type { AdminClient } from './admin-client.ts'
import { CliError } from './command.ts'
import type { Terminal } from './command.ts'

const POLL_MS = 250

/**
 * Resolves with the report.
 *
 * @throws {CliError} when the work failed on the node
 */
export async function watchJob<Report>(
  client: AdminClient,
  name: 'check' | 'repair-check' | 'scrub',
  terminal: Terminal,
  wish: object = {},
): Promise<Report> {
  let status = await client.callOwn<JobAnswer>(name, { body: wish })
  while (status.state === 'running') {
    if (terminal.isInteractive) terminal.draw(progressText(name, status))
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    status = await client.callOwn<JobAnswer>(name)
  }
  if (terminal.isInteractive) terminal.draw('')
  if (status.state === 'failed') {
    throw new CliError(`the ${name} failed: ${status.error ?? 'no reason given'}`, 'Run it again.')
  }
  return status.report as Report
}

function progressText(name: string, { progress }: JobAnswer): string {
  if (progress === null) return `${name} …`
  const { done, total, unit } = progress
  if (total === undefined || total === 0) return `${name}: ${done} ${unit}`
  return `${name}: ${done} of ${total} ${unit}, ${Math.floor((100 * done) / total)} %`
}
