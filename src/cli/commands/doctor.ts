/** `hangar doctor`: what is wrong with a node, or with any S3 endpoint, and what mends it. */

import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { loadConfig } from '../../config/load.ts'
import { AdminClient, findNode, readGiven } from '../admin-client.ts'
import { CliError, settingsFileIn } from '../command.ts'
import type { DefineCommand, GlobalOptions, Terminal } from '../command.ts'
import { lookAtCluster } from '../doctor/cluster.ts'
import { endpointOfText, lookAtEndpoint } from '../doctor/endpoint.ts'
import { Findings, findingText, failed, ok, reasonOf, skipped, warning } from '../doctor/finding.ts'
import { lookAtRoundTrip } from '../doctor/round-trip.ts'
import { folderLook, lookAtPorts, lookAtRows, secrecyLook } from '../doctor/this-node.ts'
import { DEV_FOLDER } from '../node-file.ts'

interface DoctorOptions extends GlobalOptions {
  readonly endpoint?: string
  readonly key?: string
  readonly secret?: string
  readonly region?: string
  readonly bucket?: string
  readonly ca?: string
  readonly json?: boolean
}

export const doctor: DefineCommand = (program, terminal, exit) => {
  program
    .command('doctor')
    .description('look for what is wrong with this node, or with any S3 endpoint; exit code 1')
    .option('--endpoint <url>', 'any S3 endpoint instead of this node')
    .option('--key <id>', 'access key for it (default: AWS_ACCESS_KEY_ID)')
    .option('--secret <secret>', 'its secret (default: AWS_SECRET_ACCESS_KEY)')
    .option('--region <region>', 'default: AWS_DEFAULT_REGION, then us-east-1')
    .option('--bucket <name>', 'a bucket to write in (default: one made for the run)')
    .option('--ca <file>', 'authority (PEM) of its https certificate')
    .option('--json', 'for programs')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<DoctorOptions>()
      const findings = new Findings((finding) => {
        if (options.json !== true) terminal.print(findingText(finding))
      })
      if (options.endpoint === undefined) await examineNode(options, terminal, findings)
      else await examineEndpoint(options.endpoint, { options, terminal }, findings)
      exit(findings.isWell ? 0 : 1)
      if (options.json === true) {
        terminal.print(JSON.stringify({ ok: findings.isWell, findings: findings.all }, null, 2))
      } else {
        const count = findings.all.filter(({ verdict }) => verdict === 'failed').length
        terminal.print(findings.isWell ? '\nNothing is broken.' : `\n${count} to mend.`)
      }
    })
}

async function examineEndpoint(
  text: string,
  { options, terminal }: { readonly options: DoctorOptions; readonly terminal: Terminal },
  findings: Findings,
): Promise<void> {
  const endpoint = endpointOfText(text)
  if (endpoint === undefined) {
    throw new CliError(`--endpoint is "${text}"`, 'Give the whole address, such as https://HOST.')
  }
  const { environment, folder } = terminal
  const file = options.ca ?? environment['AWS_CA_BUNDLE'] ?? ''
  const name = options.ca === undefined ? 'AWS_CA_BUNDLE' : '--ca'
  const trust = file === '' ? {} : { authority: readGiven(name, resolve(folder, file)) }
  const answer = await lookAtEndpoint({ endpoint, trust }, findings)
  if (answer === undefined) return
  const accessKeyId = options.key ?? environment['AWS_ACCESS_KEY_ID']
  const secretAccessKey = options.secret ?? environment['AWS_SECRET_ACCESS_KEY']
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    findings.add('key', skipped('none given: nothing is written; --key ID --secret SECRET'))
    return
  }
  const region = options.region ?? environment['AWS_DEFAULT_REGION'] ?? 'us-east-1'
  const place = { endpoint, region, accessKeyId, secretAccessKey, trust }
  const mark = `${Date.now().toString(36)}-${process.pid}`
  await lookAtRoundTrip({ place, bucket: options.bucket, mark }, findings)
}

async function examineNode(
  options: DoctorOptions,
  terminal: Terminal,
  findings: Findings,
): Promise<void> {
  const client = await runningNode(options, terminal)
  let isClear = true
  if (options.adminUrl === undefined) {
    const path =
      options.config ??
      (options.data === undefined ? settingsFileIn(terminal.environment) : undefined)
    if (path === undefined) examineFolders(dataFolder(options, terminal), terminal, findings)
    else {
      const file = resolve(terminal.folder, path)
      isClear = await examineSettings(file, { terminal, client }, findings)
    }
  }
  if (client instanceof AdminClient) {
    findings.add('node', ok('it runs and answers'))
    await lookAtCluster(client, findings)
  } else if (!isClear) {
    findings.add('node', skipped('not asked: the settings say where it is'))
  } else {
    const start = '`hangar dev`, or `hangar server -c FILE`'
    findings.add('node', warning(`none answers: ${client}`, `Start it: ${start}.`))
  }
}

/** The node, or why none answers. */
async function runningNode(
  options: DoctorOptions,
  terminal: Terminal,
): Promise<AdminClient | string> {
  try {
    const client = new AdminClient(findNode(options, terminal))
    await client.call('GetClusterHealth')
    return client
  } catch (error) {
    return reasonOf(error)
  }
}

function dataFolder({ data }: DoctorOptions, { folder }: Terminal): string {
  return resolve(folder, data ?? DEV_FOLDER)
}

function examineFolders(data: string, { environment }: Terminal, findings: Findings): void {
  lookAtRows(join(data, 'meta'), environment['LD_PRELOAD'], findings)
  findings.add('blocks', folderLook(join(data, 'blocks'), 'blocks'))
}

/** @returns whether the settings could be read */
async function examineSettings(
  path: string,
  { terminal, client }: { readonly terminal: Terminal; readonly client: unknown },
  findings: Findings,
): Promise<boolean> {
  let config
  try {
    config = loadConfig(path, terminal.environment)
  } catch (error) {
    findings.add('settings', failed(reasonOf(error), 'doc/configuration.md lists every key.'))
    return false
  }
  findings.add('settings', ok(path))
  for (const sentence of config.warnings) findings.add('settings', warning(sentence))
  const secrecy = secrecyLook(path)
  if (secrecy !== undefined) findings.add('settings', secrecy)
  lookAtRows(config.metadataDir, terminal.environment['LD_PRELOAD'], findings)
  findings.add('blocks', folderLook(config.dataDir, 'blocks'))
  await lookAtPorts(config, client instanceof AdminClient, findings)
  return true
}
