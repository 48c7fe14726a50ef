/** The nodes that a public suite runs against, and the keys that it signs with. */

import { spawn, type ChildProcess } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { addThree, form } from '../../test/e2e/cluster/steps.ts'
import { newAuthority } from '../../test/support/certificates.ts'
import {
  openCluster,
  type ClusterNode,
  type TestCluster,
} from '../../test/support/spawn-cluster.ts'
import type { RunKind } from './page.ts'

export interface SuiteKey {
  readonly name: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

export interface SuiteServer {
  readonly endpoint: string
  readonly region: string
  /** Three strangers to each other, each allowed to make buckets. */
  readonly keys: Readonly<Record<'main' | 'alt' | 'tenant', SuiteKey>>
  stop(): Promise<void>
}

/** What the rules of lifecycles count as a day: the suite waits for several of them. */
export const DAY_SECONDS = 2

const PROGRAM = fileURLToPath(new URL('./node-process.js', import.meta.url))

function launch(settings: string): ChildProcess {
  const words = [PROGRAM, settings, String(DAY_SECONDS)]
  return spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'pipe'] })
}

/** Starts one node, or three that hold a copy each, of which the second is asked. */
export async function startServer({ nodes, scheme }: RunKind): Promise<SuiteServer> {
  const cluster = await openCluster()
  try {
    const node = nodes === 1 ? await oneNode(cluster, scheme) : await secondOfThree(cluster, scheme)
    const [main, alt, tenant] = [
      await newKey(node, 'main'),
      await newKey(node, 'alt'),
      await newKey(node, 'tenant'),
    ]
    return {
      endpoint: node.endpoint.replace(/^http:/, `${scheme}:`),
      region: node.region,
      keys: { main, alt, tenant },
      stop: () => cluster.remove(),
    }
  } catch (error) {
    await cluster.remove()
    throw error
  }
}

async function oneNode(cluster: TestCluster, scheme: RunKind['scheme']): Promise<ClusterNode> {
  const node = await cluster.add('a', { launch })
  if (scheme === 'https') await speakTls(node, cluster.folder)
  await node.start()
  return node
}

async function secondOfThree(
  cluster: TestCluster,
  scheme: RunKind['scheme'],
): Promise<ClusterNode> {
  const nodes = await addThree(cluster, (bootstrap) => ({ factor: 3, bootstrap, launch }))
  if (scheme === 'https') await speakTls(nodes[1], cluster.folder)
  await form(nodes)
  return nodes[1]
}

/** Gives the S3 port of a node that does not run yet a certificate. */
async function speakTls(node: ClusterNode, folder: string): Promise<void> {
  const { certificate, key } = newAuthority().issue()
  const files = { certificate: join(folder, 'tls.crt'), key: join(folder, 'tls.key') }
  await writeFile(files.certificate, certificate)
  await writeFile(files.key, key, { mode: 0o600 })
  const lines = `tls_certificate_file = "${files.certificate}"\ntls_key_file = "${files.key}"`
  const settings = await readFile(node.settings, 'utf8')
  await writeFile(node.settings, settings.replace('[s3_api]', `[s3_api]\n${lines}`))
}

async function newKey(node: ClusterNode, name: string): Promise<SuiteKey> {
  const { accessKeyId, secretAccessKey } = await node.admin<SuiteKey>('CreateKey', {
    ...{ name, allow: { createBucket: true } },
  })
  return { name, accessKeyId, secretAccessKey }
}
